//! Where agents live and how they are started.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where agents live and what they serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How an agent is started.
    pub program: AgentProgram,
    /// Folder with one folder for each user's agent.
    pub agents_dir: PathBuf,
    /// Folder for the sockets; short, for a socket's path has at most 107 bytes.
    pub run_dir: PathBuf,
    /// Roots beside the home folder: name and folder.
    pub further_roots: Vec<(String, PathBuf)>,
}

/// A program and its arguments before the agent's own options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProgram {
    /// The program, absolute.
    pub program: PathBuf,
    /// Arguments before `--socket`.
    pub arguments: Vec<OsString>,
}

impl AgentProgram {
    /// This very program as `… agent files`. Holds on when the file is replaced by a newer one.
    #[must_use]
    pub fn own() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec!["agent".into(), "files".into()] }
    }
}
