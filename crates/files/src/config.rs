//! Where agents live and how they are started.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use myksc_core::{Identity, Translated};

use crate::elsewhere::Elsewhere;

/// Name of the root that everybody has.
pub(crate) const HOME: &str = "home";

/// Where agents live and what they serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// How an agent is started.
    pub program: AgentProgram,
    /// Folder with one folder for each user's agent.
    pub agents_dir: PathBuf,
    /// Folder for the sockets; short, for a socket's path has at most 107 bytes.
    pub run_dir: PathBuf,
    /// Roots beside the home folder.
    pub further_roots: Vec<FurtherRoot>,
    /// Where agents are that don't run on this machine; all run here when absent.
    pub elsewhere: Option<Elsewhere>,
    /// How long agents are waited for.
    pub deadlines: Deadlines,
}

/// How long an agent is waited for before the person hears that it is too slow.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For an ordinary answer; an agent's file system may be slow.
    pub answer: Duration,
    /// For a removal; many names take long.
    pub removal: Duration,
    /// For the next bytes of a body, which may take for ever as long as they move.
    pub silence: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            removal: Duration::from_secs(600),
            silence: Duration::from_secs(120),
        }
    }
}

/// A root beside the home folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherRoot {
    /// First part of its paths.
    pub id: String,
    /// What it is called.
    pub title: Translated,
    /// Where it is, absolute; `{name}` stands for the account's name.
    pub path: String,
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

impl FurtherRoot {
    /// Where it is for one person; `None` where the account's name would change the way there.
    #[must_use]
    pub fn place(&self, identity: &Identity) -> Option<PathBuf> {
        let is_component = !matches!(identity.name.as_str(), "" | "." | "..") && !identity.name.contains('/');
        let fixed = !self.path.contains("{name}");
        (fixed || is_component).then(|| self.path.replace("{name}", &identity.name).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_its_place_in_the_path_but_never_leads_elsewhere() {
        let root = FurtherRoot {
            id: "scratch".into(),
            title: Translated { en: String::new(), ko: String::new() },
            path: "/scratch/{name}/x".into(),
        };
        let identity = |name: &str| Identity {
            user: myksc_core::UserId::random(),
            name: name.into(),
            uid: 1000,
            gid: 1000,
            gids: vec![1000],
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
        };
        assert_eq!(root.place(&identity("kim")), Some("/scratch/kim/x".into()));
        for name in ["", ".", "..", "../etc", "a/b"] {
            assert_eq!(root.place(&identity(name)), None, "{name:?}");
        }
    }
}
