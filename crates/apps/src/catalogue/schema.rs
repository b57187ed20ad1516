//! The form of a template's file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use myksc_core::grant::Frames;
use myksc_core::{Resources, Translated};

use super::check;
use super::{CatalogueProblem, Choice, FieldKind, IdleProbe, Listen, Missing, Template};

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) title: Translated,
    pub(super) summary: Translated,
    pub(super) icon: Spanned<String>,
    /// Place on the page; smaller comes first.
    pub(super) order: i64,
    pub(super) defaults: Spanned<Resources>,
    #[serde(default)]
    pub(super) missing: Vec<Missing>,
    pub(super) image: Option<Spanned<ImageTable>>,
    pub(super) program: Option<ProgramTable>,
    pub(super) launch: Option<Spanned<LaunchTable>>,
    #[serde(default)]
    pub(super) idle: IdleTable,
    #[serde(default)]
    pub(super) fields: Vec<FieldTable>,
}

/// `[image]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageTable {
    pub(super) name: Option<Spanned<String>>,
    /// The field in which the person names it.
    pub(super) field: Option<Spanned<String>>,
    pub(super) program: Option<Spanned<String>>,
}

/// `[program]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramTable {
    pub(super) name: Spanned<String>,
    pub(super) variable: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) version_arguments: Vec<String>,
    pub(super) how: Translated,
}

/// `[launch]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaunchTable {
    pub(super) command: Spanned<Vec<Spanned<String>>>,
    pub(super) listen: Listen,
    pub(super) port: Option<Spanned<String>>,
    pub(super) authorization: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) files: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) grace_secs: Spanned<u64>,
    pub(super) probe: ProbeTable,
}

/// `[launch.probe]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeTable {
    pub(super) path: Spanned<String>,
    #[serde(default)]
    pub(super) statuses: Vec<Spanned<u16>>,
    pub(super) timeout_secs: Spanned<u64>,
}

/// `[idle]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IdleTable {
    pub(super) ignore: Vec<Spanned<String>>,
    pub(super) frames: Frames,
    pub(super) probe: Option<IdleProbe>,
    pub(super) cpu_percent: Option<Spanned<u32>>,
    pub(super) after_secs: Option<u64>,
    pub(super) max_life_secs: Option<u64>,
}

/// `[[fields]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldTable {
    pub(super) id: Spanned<String>,
    pub(super) label: Translated,
    pub(super) help: Translated,
    pub(super) kind: FieldKind,
    pub(super) default: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) max_length: Option<Spanned<u32>>,
    pub(super) pattern: Option<Spanned<String>>,
}

/// Findings with their places in the text.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<(usize, String)>,
}

impl Findings {
    /// Notes what is wrong at a place.
    pub(super) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.found.push((span.start, message.into()));
    }

    /// Takes the value, or notes why there is none.
    pub(super) fn take<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(span, message)).ok()
    }
}

/// Reads and checks one file.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub(super) fn parse(file: &Path, text: &str) -> Result<Template, Vec<CatalogueProblem>> {
    let id = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut findings = Findings::default();
    let template = match toml::from_str::<File>(text) {
        Ok(parsed) => check::template(id, parsed, &mut findings),
        Err(error) => {
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            findings.add(&error.span().unwrap_or_default(), message.trim());
            None
        }
    };
    let mut found = findings.found;
    found.sort();
    let problems: Vec<_> = found
        .into_iter()
        .map(|(offset, message)| CatalogueProblem {
            file: file.to_owned(),
            line: Some(line_of(text, offset)),
            message,
        })
        .collect();
    match template {
        Some(template) if problems.is_empty() => Ok(template),
        _ => Err(problems),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
