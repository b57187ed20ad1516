//! The catalogue: what can be launched, one TOML file a template.
//!
//! The templates that ship are part of the program; a folder of the operator's takes their place as a whole.
//! Every file is checked when it is read, and everything wrong with all files is told at once, with file and
//! line.

mod check;
mod pattern;
mod program;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use myksc_core::grant::Frames;
use myksc_core::{Resources, Translated};

pub(crate) use pattern::{Pattern, Surroundings};
pub(crate) use program::Programs;
pub(crate) use values::check_values;

/// The templates that ship, by file name.
const SHIPPED: &[(&str, &str)] = &[
    ("command.toml", include_str!("../../../catalogue/command.toml")),
    ("desktop.toml", include_str!("../../../catalogue/desktop.toml")),
    ("image.toml", include_str!("../../../catalogue/image.toml")),
    ("jupyter.toml", include_str!("../../../catalogue/jupyter.toml")),
    ("rstudio.toml", include_str!("../../../catalogue/rstudio.toml")),
    ("terminal.toml", include_str!("../../../catalogue/terminal.toml")),
    ("vscode.toml", include_str!("../../../catalogue/vscode.toml")),
];

/// More than any honest template needs.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// All templates.
#[derive(Debug)]
pub struct Catalogue {
    templates: Vec<Arc<Template>>,
}

/// Something that can be launched.
#[derive(Debug)]
pub struct Template {
    /// Its id: the file's name without `.toml`.
    pub id: String,
    /// Its name for people.
    pub title: Translated,
    /// What it is good for.
    pub summary: Translated,
    /// Name of its picture.
    pub icon: String,
    /// What a launch asks for if the person says nothing else.
    pub defaults: Resources,
    /// What the person is asked.
    pub fields: Vec<Field>,
    /// How to see whether somebody or something uses it.
    pub(crate) idle: Idle,
    /// What keeps it from being launched anywhere here.
    pub(crate) missing: Vec<Missing>,
    /// How to launch it.
    pub(crate) recipe: Option<Recipe>,
    order: i64,
}

/// How to see whether somebody or something uses an app, and when it ends if nothing does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Idle {
    /// What its pages ask for by themselves, by the beginnings of paths with their queries.
    pub(crate) polls: Vec<String>,
    /// Which messages of its WebSockets show that somebody works.
    pub(crate) frames: Frames,
    /// Whether it can be asked itself.
    pub(crate) probe: Option<IdleProbe>,
    /// Percent of one core that its processes take while they work; 0 where that says nothing.
    pub(crate) cpu_percent: u32,
    /// Seconds without use after which it ends, instead of the site's; 0 for never.
    pub(crate) after_secs: Option<u64>,
    /// The longest it may run in seconds, instead of the site's; 0 for ever.
    pub(crate) max_life_secs: Option<u64>,
}

/// Whose words an app speaks when it is asked about its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdleProbe {
    /// Jupyter server's: kernels and terminals.
    Jupyter,
}

/// One question of a template's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Field {
    /// Key of its value in a launch.
    pub id: String,
    /// Its name for people.
    pub label: Translated,
    /// A sentence that helps.
    pub help: Translated,
    /// What kind of value it takes.
    pub kind: FieldKind,
    /// The value it starts with; empty for none.
    pub default: String,
    /// Whether it may not stay empty.
    pub required: bool,
    /// The possible values of a `choice`.
    pub choices: Vec<Choice>,
    /// Least value of a `number`.
    pub min: Option<i64>,
    /// Greatest value of a `number`.
    pub max: Option<i64>,
    /// Most characters of a text.
    pub max_length: u32,
    /// Regular expression that the whole text matches.
    pub pattern: Option<String>,
}

/// What kind of value a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line.
    Text,
    /// Several lines.
    Multiline,
    /// A whole number.
    Number,
    /// One of `choices`.
    Choice,
    /// `true` or `false`.
    Toggle,
    /// A path as the API spells it, for example `home/data`.
    Path,
    /// A container image that the site lets people run.
    Image,
    /// Words with spaces between them, quoted as for a shell; nothing in them is replaced.
    Arguments,
}

/// One possible value of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The value.
    pub value: String,
    /// Its name for people.
    pub label: Translated,
}

/// Something that a template needs and this machine has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What it is.
    pub what: String,
    /// How to get it.
    pub how: Translated,
}

/// How to launch a template.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What runs it on a cluster.
    pub(crate) image: Option<Image>,
    pub(crate) program: Option<Program>,
    pub(crate) command: Vec<Argument>,
    pub(crate) environment: BTreeMap<String, Pattern>,
    /// Files made in the app's folder before the start, by relative path.
    pub(crate) files: BTreeMap<PathBuf, Pattern>,
    pub(crate) listen: Listen,
    /// The loopback port that it listens on in its pod, where it does not take the one that it is given.
    pub(crate) port: Option<Pattern>,
    /// Value of the `Authorization` header that the app expects.
    pub(crate) authorization: Option<Pattern>,
    pub(crate) probe: Probe,
    pub(crate) grace: Duration,
}

/// The container image of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) source: ImageSource,
    /// Path of the recipe's program in it.
    pub(crate) program: String,
}

/// Where a recipe's image is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImageSource {
    /// In the template, with tag or digest; below the site's registry where it names none.
    Template(String),
    /// By the person, in this field.
    Field(String),
}

/// A part of a command.
#[derive(Debug)]
pub(crate) enum Argument {
    /// One argument.
    One(Pattern),
    /// As many as a person typed into this field.
    Words(String),
    /// Those that call our own agent.
    Agent,
}

/// The program of a recipe, looked for on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// Environment variable of the portal that may hold its path.
    pub(crate) variable: Option<String>,
    /// Arguments that make it print its version.
    pub(crate) version_arguments: Vec<String>,
    pub(crate) how: Translated,
}

/// Where an app listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Listen {
    /// On a Unix socket.
    Unix,
    /// On a loopback port.
    Tcp,
}

/// How to see that an app answers.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) path: Pattern,
    /// Statuses of an app that is ready; empty for all below 500.
    pub(crate) statuses: Vec<u16>,
    pub(crate) timeout: Duration,
}

/// What is wrong with the catalogue, all of it.
#[derive(Debug)]
pub struct CatalogueError {
    /// One entry for each finding.
    pub problems: Vec<CatalogueProblem>,
}

/// One thing that is wrong with a template's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueProblem {
    /// The file.
    pub file: PathBuf,
    /// Line in it, from 1; `None` when the file can't be read.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl Catalogue {
    /// Reads the templates of a folder, or those that ship.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(folder: Option<&Path>) -> Result<Self, CatalogueError> {
        match folder {
            Some(folder) => Self::of_files(read_folder(folder)?),
            None => Self::of_files(SHIPPED.iter().map(|(name, text)| (name.into(), Ok((*text).to_owned())))),
        }
    }

    /// All templates in the order of the page.
    #[must_use]
    pub fn templates(&self) -> &[Arc<Template>] {
        &self.templates
    }

    /// The template with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Arc<Template>> {
        self.templates.iter().find(|template| template.id == id)
    }

    fn of_files(
        files: impl IntoIterator<Item = (PathBuf, io::Result<String>)>,
    ) -> Result<Self, CatalogueError> {
        let mut templates = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in files {
            match text {
                Ok(text) => match schema::parse(&file, &text) {
                    Ok(template) => templates.push(Arc::new(template)),
                    Err(found) => problems.extend(found),
                },
                Err(error) => {
                    problems.push(CatalogueProblem { file, line: None, message: error.to_string() });
                }
            }
        }
        if !problems.is_empty() {
            return Err(CatalogueError { problems });
        }
        templates.sort_by(|one, other| (one.order, &one.id).cmp(&(other.order, &other.id)));
        Ok(Self { templates })
    }
}

impl Template {
    /// The field in which a person names the image, where she does.
    pub(crate) fn image_field(&self) -> Option<&str> {
        match &self.recipe.as_ref()?.image.as_ref()?.source {
            ImageSource::Field(id) => Some(id),
            ImageSource::Template(_) => None,
        }
    }
}

impl Recipe {
    /// Program and arguments of one launch; empty where the person leaves it to the image.
    pub(crate) fn command(&self, surroundings: &Surroundings) -> Vec<String> {
        let words = |id: &String| surroundings.values.get(id).map(|text| values::words(text));
        let fill = |argument: &Argument| match argument {
            Argument::One(pattern) => vec![pattern.fill(surroundings)],
            // What has no words was refused with the launch.
            Argument::Words(id) => words(id).flatten().unwrap_or_default(),
            Argument::Agent => surroundings.agent.clone(),
        };
        self.command.iter().flat_map(fill).collect()
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogueError {}

impl fmt::Display for CatalogueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.message),
            None => write!(f, "{}: {}", self.file.display(), self.message),
        }
    }
}

type Files = Vec<(PathBuf, io::Result<String>)>;

fn read_folder(folder: &Path) -> Result<Files, CatalogueError> {
    let unreadable = |error: io::Error| CatalogueError {
        problems: vec![CatalogueProblem { file: folder.to_owned(), line: None, message: error.to_string() }],
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = read_small(&path);
            files.push((path, text));
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files)
}

fn read_small(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("larger than a template may be"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
