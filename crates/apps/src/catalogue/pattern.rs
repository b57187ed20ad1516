//! Texts of a template with places that a launch fills: `{home}`, `{values.x}`, `{{` for a brace.
//!
//! Each text is filled by itself and becomes one argument, one variable or one file; no shell and no second
//! filling ever looks at what a person typed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A parsed text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece {
    Literal(String),
    Place(Place),
}

/// What a launch puts in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// The person's home folder.
    Home,
    /// Her account name.
    User,
    /// The app's own folder.
    Folder,
    /// Path of the recipe's program.
    Program,
    /// The words that call our own agent.
    Agent,
    /// Path of the socket to listen on.
    Socket,
    /// Port to listen on.
    Port,
    /// The app's secret.
    Secret,
    /// Value of a field.
    Value(String),
}

/// What the places of one launch stand for.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) home: String,
    pub(crate) user: String,
    pub(crate) folder: String,
    pub(crate) program: String,
    /// The words that call our own agent.
    pub(crate) agent: Vec<String>,
    pub(crate) socket: String,
    pub(crate) port: String,
    pub(crate) secret: String,
    pub(crate) values: BTreeMap<String, String>,
}

impl Pattern {
    /// Parses a text.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(behind) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                literal.push_str(&from[..1]);
                rest = behind;
                continue;
            }
            let inner = from.strip_prefix('{').ok_or("a single } (write }} for a brace)")?;
            let (name, behind) = inner.split_once('}').ok_or("a { without its } (write {{ for a brace)")?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Place(place(name)?));
            rest = behind;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// The places in it.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Literal(_) => None,
        })
    }

    /// The place that is all of it.
    pub(super) fn only_place(&self) -> Option<&Place> {
        match self.pieces.as_slice() {
            [Piece::Place(place)] => Some(place),
            _ => None,
        }
    }

    /// The field that is all of it.
    pub(crate) fn only_field(&self) -> Option<&str> {
        match self.only_place()? {
            Place::Value(id) => Some(id),
            _ => None,
        }
    }

    /// The text for one launch.
    pub(crate) fn fill(&self, surroundings: &Surroundings) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Place(place) => surroundings.get(place),
            })
            .collect()
    }
}

impl Surroundings {
    fn get(&self, place: &Place) -> &str {
        match place {
            Place::Home => &self.home,
            Place::User => &self.user,
            Place::Folder => &self.folder,
            Place::Program => &self.program,
            // As a part of a text it is refused before.
            Place::Agent => self.agent.first().map_or("", String::as_str),
            Place::Socket => &self.socket,
            Place::Port => &self.port,
            Place::Secret => &self.secret,
            Place::Value(id) => self.values.get(id).map_or("", String::as_str),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn place(name: &str) -> Result<Place, String> {
    Ok(match name {
        "home" => Place::Home,
        "user" => Place::User,
        "folder" => Place::Folder,
        "program" => Place::Program,
        "agent" => Place::Agent,
        "socket" => Place::Socket,
        "port" => Place::Port,
        "secret" => Place::Secret,
        _ => match name.strip_prefix("values.") {
            Some(id) => Place::Value(id.to_owned()),
            None => return Err(format!("there is no {{{name}}} (write {{{{ for a brace)")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_is_never_filled_again() {
        let pattern = Pattern::parse("--x={values.x} {{literal}} {home}").unwrap();
        let surroundings = Surroundings {
            home: "/home/kim".into(),
            secret: "s3cret".into(),
            values: [("x".to_owned(), "{secret} $(id) `id` {{".to_owned())].into(),
            ..Surroundings::default()
        };
        assert_eq!(pattern.fill(&surroundings), "--x={secret} $(id) `id` {{ {literal} /home/kim");
    }

    #[test]
    fn texts_that_are_no_patterns_are_refused() {
        for text in ["{", "}", "{home", "a}b", "{}", "{Home}", "{value.x}", "{home{port}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_shows_no_secret() {
        let surroundings = Surroundings { secret: "s3cret".into(), ..Surroundings::default() };
        assert!(!format!("{surroundings:?}").contains("s3cret"));
    }
}
