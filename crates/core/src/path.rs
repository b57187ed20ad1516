//! Paths of a person's files as the API spells them.
//!
//! `root/component/…`: in a component `%`, control characters and bytes that are not UTF-8 stand as `%XX`,
//! everything else as itself. A parsed path holds no empty, `.` or `..` component and no `/` or NUL byte, so
//! it names something at or below its root; that links don't lead out is the agent's to see, with openat2(2).

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::FieldProblem;

/// PATH_MAX of Linux, less the room that the root's own place may need.
const MAX_BYTES: usize = 3072;
/// NAME_MAX of Linux.
const MAX_COMPONENT_BYTES: usize = 255;

/// A place at or below one of the configured roots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserPath {
    root: String,
    components: Vec<OsString>,
}

/// Why a text is no [`UserPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// No root, or an empty component.
    #[error("a path is root/folder/name, without empty parts")]
    Empty,
    /// `.` or `..`.
    #[error("a path has no . or .. in it")]
    Dots,
    /// `%` without two hexadecimal digits.
    #[error("a % in a path is written %25")]
    Escape,
    /// A `/` or a NUL byte inside a component.
    #[error("a name holds no / and no NUL")]
    Forbidden,
    /// A component of over 255 bytes, or a path of over 3,072.
    #[error("a name has at most 255 bytes, a path at most 3,072")]
    TooLong,
}

impl UserPath {
    /// The root itself.
    ///
    /// # Errors
    /// When `root` is not a name.
    pub fn of_root(root: &str) -> Result<Self, InvalidPath> {
        check_component(root.as_bytes())?;
        Ok(Self { root: root.to_owned(), components: Vec::new() })
    }

    /// Name of the root, for example `home`.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The components below the root, as the file system spells them.
    #[must_use]
    pub fn components(&self) -> &[OsString] {
        &self.components
    }

    /// Whether this is a root itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.components.is_empty()
    }

    /// The path below the root, relative; `.` for the root itself.
    #[must_use]
    pub fn relative(&self) -> std::path::PathBuf {
        if self.components.is_empty() { ".".into() } else { self.components.iter().collect() }
    }

    /// Last component as the file system spells it; `None` for a root.
    #[must_use]
    pub fn file_name(&self) -> Option<&OsStr> {
        self.components.last().map(OsString::as_os_str)
    }

    /// The folder that holds it; `None` for a root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.components.split_last()?;
        Some(Self { root: self.root.clone(), components: above.to_vec() })
    }

    /// The path one component further down.
    ///
    /// # Errors
    /// When `name` can't be a component, or the whole gets too long.
    pub fn join(&self, name: &OsStr) -> Result<Self, InvalidPath> {
        check_component(name.as_bytes())?;
        let mut components = self.components.clone();
        components.push(name.to_owned());
        check_length(&self.root, &components)?;
        Ok(Self { root: self.root.clone(), components })
    }

    /// Whether `self` is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.root == other.root && self.components.starts_with(&other.components)
    }

    /// Parses a path that came in a field of a request.
    ///
    /// # Errors
    /// A problem at `field` with code `path_invalid`.
    pub fn parse_field(field: &str, text: &str) -> Result<Self, FieldProblem> {
        text.parse().map_err(|error: InvalidPath| FieldProblem::new(field, "path_invalid", error.to_string()))
    }
}

impl FromStr for UserPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let mut parts = text.split('/').map(decode);
        let root = parts.next().ok_or(InvalidPath::Empty)??;
        let root = root.into_string().map_err(|_| InvalidPath::Escape)?;
        let components = parts.collect::<Result<Vec<_>, _>>()?;
        check_length(&root, &components)?;
        Ok(Self { root, components })
    }
}

impl TryFrom<String> for UserPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl From<UserPath> for String {
    fn from(path: UserPath) -> String {
        path.to_string()
    }
}

impl fmt::Display for UserPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(OsStr::new(&self.root), f)?;
        for component in &self.components {
            f.write_char('/')?;
            encode(component, f)?;
        }
        Ok(())
    }
}

impl utoipa::PartialSchema for UserPath {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for UserPath {}

fn check_component(bytes: &[u8]) -> Result<(), InvalidPath> {
    match bytes {
        b"" => Err(InvalidPath::Empty),
        b"." | b".." => Err(InvalidPath::Dots),
        _ if bytes.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(InvalidPath::Forbidden),
        _ if bytes.len() > MAX_COMPONENT_BYTES => Err(InvalidPath::TooLong),
        _ => Ok(()),
    }
}

fn check_length(root: &str, components: &[OsString]) -> Result<(), InvalidPath> {
    let total = root.len() + components.iter().map(|component| component.len() + 1).sum::<usize>();
    if total > MAX_BYTES { Err(InvalidPath::TooLong) } else { Ok(()) }
}

fn decode(component: &str) -> Result<OsString, InvalidPath> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits =
                after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).ok_or(InvalidPath::Escape)?;
            let digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits);
            let digits = digits.ok_or(InvalidPath::Escape)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| InvalidPath::Escape)?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    check_component(&bytes)?;
    Ok(OsString::from_vec(bytes))
}

fn encode(component: &OsStr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in component.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || character.is_control() {
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            } else {
                f.write_char(character)?;
            }
        }
        for byte in chunk.invalid() {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_that_climb_or_hide_something_are_refused() {
        let too_long = format!("home/{}", "n".repeat(256));
        let cases = [
            ("", InvalidPath::Empty),
            ("/etc/passwd", InvalidPath::Empty),
            ("home//x", InvalidPath::Empty),
            ("home/", InvalidPath::Empty),
            ("home/../x", InvalidPath::Dots),
            ("home/%2E%2E/x", InvalidPath::Dots),
            ("home/%2e", InvalidPath::Dots),
            ("home/a%2Fb", InvalidPath::Forbidden),
            ("home/a%00", InvalidPath::Forbidden),
            ("home/50%", InvalidPath::Escape),
            ("home/%+1", InvalidPath::Escape),
            (too_long.as_str(), InvalidPath::TooLong),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<UserPath>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn ordinary_names_stand_as_they_are() {
        for text in ["home", "home/결과 1.csv", "scratch/a b/'c'\"$(d)", "home/.hidden"] {
            assert_eq!(text.parse::<UserPath>().map(|path| path.to_string()).as_deref(), Ok(text));
        }
    }

    proptest! {
        #[test]
        fn every_name_a_file_system_can_hold_comes_back(name in proptest::collection::vec(1u8..=255, 1..=255)) {
            let name = OsString::from_vec(name.iter().map(|b| if *b == b'/' { b'_' } else { *b }).collect());
            prop_assume!(name != "." && name != "..");
            let path = UserPath::of_root("home").unwrap().join(&name).unwrap();
            prop_assert_eq!(path.to_string().parse::<UserPath>(), Ok(path));
        }
    }
}
