//! The portal's configuration: one TOML file, then environment variables, defaults for what neither says.
//!
//! `docs/myksc.example.toml` shows every key with its default and is what `myksc config reference` prints.

use std::path::{Path, PathBuf};

use myksc_core::Translated;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

mod apps;
mod audit;
mod database;
mod identity;
mod idle;
mod kubernetes;
mod oidc;
mod overrides;
mod server;
mod sign_in;
mod systems;

pub(crate) use apps::Apps;
pub(crate) use audit::Audit;
pub(crate) use database::DatabaseAddress;
pub(crate) use identity::{Directory, DirectoryKind, Identity, Roles};
pub(crate) use idle::Idle;
pub(crate) use kubernetes::Kubernetes;
pub(crate) use oidc::Oidc;
pub(crate) use server::Server;
pub(crate) use sign_in::SignIn;
pub(crate) use systems::{SchedulerKind, System};

/// The commented example.
pub(crate) const REFERENCE: &str = include_str!("../../../docs/myksc.example.toml");

/// Where the file is when nobody says so; it need not exist.
const USUAL_FILE: &str = "/etc/myksc/myksc.toml";

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// What the portal calls itself.
    pub(crate) site: Site,
    /// Where it listens.
    pub(crate) server: Server,
    /// Where it keeps what is its own.
    pub(crate) state: State,
    /// People.
    pub(crate) accounts: Accounts,
    /// Signing in.
    pub(crate) sign_in: SignIn,
    /// The rules for accounts that come from a directory.
    pub(crate) identity: Identity,
    /// Directories of people.
    pub(crate) directory: Vec<Directory>,
    /// OpenID providers.
    pub(crate) oidc: Vec<Oidc>,
    /// Roles by groups and claims.
    pub(crate) roles: Vec<Roles>,
    /// The audit log.
    pub(crate) audit: Audit,
    /// Apps.
    pub(crate) apps: Apps,
    /// The cluster that apps run on; this machine when absent.
    pub(crate) kubernetes: Option<Kubernetes>,
    /// The local queue.
    pub(crate) queue: Queue,
    /// Clusters for batch jobs.
    pub(crate) system: Vec<System>,
    /// Files.
    pub(crate) files: Files,
    /// The log.
    pub(crate) log: Log,
}

/// What the portal calls itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Site {
    /// Name of the centre or of its portal.
    pub(crate) name: Translated,
}

/// Where the portal keeps what is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct State {
    /// Folder for the database, secrets, and the folders of apps and jobs.
    pub(crate) folder: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://…`; a file in the state folder when absent.
    pub(crate) database: Option<DatabaseAddress>,
    /// Seconds that those who are signed in go on while the database does not answer.
    pub(crate) database_grace_secs: u32,
}

/// People and how long they stay signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Accounts {
    /// Seconds without any use after which a session ends.
    pub(crate) session_idle_secs: u32,
    /// Seconds after which a session ends in any case.
    pub(crate) session_max_secs: u32,
    /// The longest life of an API token, in days.
    pub(crate) token_max_days: u32,
}

/// The local queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Queue {
    /// Whether there is one.
    pub(crate) enabled: bool,
    /// CPU slots; one a core when 0.
    pub(crate) slots: u32,
    /// The longest walltime of a job, in seconds.
    pub(crate) max_walltime_secs: u64,
}

/// Files of the people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Files {
    /// Folders beside the home folder.
    pub(crate) roots: Vec<Root>,
}

/// A folder beside the home folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    /// First part of its paths.
    pub(crate) id: String,
    /// Its name on the screen.
    pub(crate) title: Translated,
    /// Where it is, absolute; `{name}` stands for the account's name.
    pub(crate) path: String,
}

/// The log, on standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// What is written, in the words of `tracing_subscriber::EnvFilter`.
    pub(crate) filter: String,
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
}

impl Default for Site {
    fn default() -> Self {
        Self { name: Translated::same("MyKSC") }
    }
}

impl Default for State {
    fn default() -> Self {
        Self { folder: None, database: None, database_grace_secs: 300 }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self { session_idle_secs: 12 * 3600, session_max_secs: 7 * 24 * 3600, token_max_days: 365 }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { enabled: true, slots: 0, max_walltime_secs: 24 * 3600 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), json: false }
    }
}

impl Config {
    /// Reads the file at `path` (or the usual one, if it is there) and the environment's overrides.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let usual = Path::new(USUAL_FILE);
        let path = path.or_else(|| usual.exists().then_some(usual));
        let table = path.map(read_file).transpose()?.unwrap_or_default();
        let config = overrides::apply(table, std::env::vars())?;
        config.check()?;
        Ok(config)
    }

    /// The state folder, absolute.
    pub(crate) fn state_folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.state.folder {
            return std::path::absolute(folder)
                .map_err(|error| broken(format!("state.folder {}: {error}", folder.display())));
        }
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let home = || std::env::home_dir().map(|home| home.join(".local/share"));
        let data =
            data.or_else(home).ok_or_else(|| broken("state.folder: there is no home folder, so set it"))?;
        Ok(data.join("myksc"))
    }

    /// Whether the portal's own accounts are the only ones. Then they are all of the person who runs it, as apps and
    /// jobs are processes of this machine.
    pub(crate) fn is_of_one_person(&self) -> bool {
        self.directory.is_empty() && self.oidc.is_empty()
    }

    /// Address of the database.
    pub(crate) fn database(&self) -> Result<String, Failure> {
        match &self.state.database {
            Some(address) => Ok(address.whole().to_owned()),
            None => Ok(format!("sqlite:{}", self.state_folder()?.join("portal.db").display())),
        }
    }

    /// Scheme, host and port of the portal in the browser, which listens at `port`.
    pub(crate) fn origin(&self, port: u16) -> String {
        self.server.origin(port)
    }

    fn check(&self) -> Result<(), Failure> {
        self.server.check()?;
        self.identity.check()?;
        Directory::check_all(&self.directory)?;
        Oidc::check_all(self)?;
        Roles::check_all(self)?;
        self.audit.receiver()?;
        System::check_all(&self.system)?;
        self.kubernetes.as_ref().map_or(Ok(()), Kubernetes::check)?;
        let accounts = &self.accounts;
        for (key, value) in [
            ("accounts.session_idle_secs", accounts.session_idle_secs),
            ("accounts.session_max_secs", accounts.session_max_secs),
            ("accounts.token_max_days", accounts.token_max_days),
        ] {
            if value == 0 {
                return Err(broken(format!("{key}: must be at least 1")));
            }
        }
        self.apps.check()?;
        for root in &self.files.roots {
            let taken =
                root.id == "home" || self.files.roots.iter().filter(|other| other.id == root.id).count() > 1;
            if taken {
                return Err(broken(format!("files.roots: the id {:?} is taken", root.id)));
            }
            myksc_core::UserPath::of_root(&root.id)
                .map_err(|error| broken(format!("files.roots: {error}")))?;
            if !root.path.starts_with('/') {
                return Err(broken(format!("files.roots: {:?} is not an absolute path", root.path)));
            }
        }
        Ok(())
    }
}

/// A failure that says what is wrong with the configuration.
pub(crate) fn broken(message: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Configuration, format!("configuration: {message}"))
}

/// Reads a file and sees by itself whether it makes a configuration, so that errors name file and line.
fn read_file(path: &Path) -> Result<toml::Table, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| broken(format!("{}: {error}", path.display())))?;
    parse(&text).map_err(|(line, message)| broken(format!("{}:{line}: {message}", path.display())))
}

/// The table of a text, or the line that is wrong and why.
fn parse(text: &str) -> Result<toml::Table, (usize, String)> {
    let place = |error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
        (line, error.message().lines().collect::<Vec<_>>().join(" "))
    };
    toml::from_str::<Config>(text).map_err(place)?;
    toml::from_str(text).map_err(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_line_of_an_unknown_key() {
        let (line, message) = parse("[server]\nlisten = \"127.0.0.1:1\"\nport = 5\n").unwrap_err();
        assert_eq!(line, 3, "{message}");
        assert!(message.contains("port"), "{message}");
    }

    #[test]
    fn an_error_names_the_line_of_a_wrong_value() {
        let (line, message) = parse("[site]\n\n[server]\nlisten = 8080\n").unwrap_err();
        assert_eq!(line, 4, "{message}");
    }

    #[test]
    fn the_example_says_the_defaults() {
        let table = parse(REFERENCE).unwrap();
        let config = overrides::apply(table, std::iter::empty()).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_line_of_the_example_that_is_commented_out_is_valid() {
        let uncommented: String = REFERENCE
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = overrides::apply(parse(&uncommented).unwrap(), std::iter::empty()).unwrap();
        config.check().unwrap();
        assert!(
            config.state.folder.is_some()
                && config.apps.catalogue.is_some()
                && !config.files.roots.is_empty()
        );
    }
}
