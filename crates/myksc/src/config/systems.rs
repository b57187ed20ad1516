//! Clusters for batch jobs beside this machine.

use std::collections::BTreeMap;

use myksc_core::Translated;
use serde::{Deserialize, Serialize};

use super::broken;
use crate::exit::Failure;

/// A cluster for batch jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct System {
    /// Its id in addresses.
    pub(crate) id: String,
    /// Its name on the screen.
    pub(crate) title: Translated,
    /// What runs its jobs.
    pub(crate) scheduler: SchedulerKind,
    /// Folders in which the scheduler's commands are looked for.
    #[serde(default = "usual_path")]
    pub(crate) path: String,
    /// Further variables for the scheduler's commands.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Seconds between two looks at everybody's jobs.
    #[serde(default = "usual_poll_secs")]
    pub(crate) poll_secs: u32,
}

/// What runs the jobs of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SchedulerKind {
    /// Slurm, by its commands on this machine, for the portal's own system account.
    Slurm,
}

fn usual_path() -> String {
    "/usr/local/bin:/usr/bin:/bin".to_owned()
}

fn usual_poll_secs() -> u32 {
    10
}

impl System {
    /// Checks all of them together.
    pub(super) fn check_all(systems: &[Self]) -> Result<(), Failure> {
        for system in systems {
            system.check()?;
            let is_taken = systems.iter().filter(|other| other.id == system.id).count() > 1;
            if is_taken || matches!(system.id.as_str(), "local" | "kubernetes") {
                return Err(broken(format!("system: the id {:?} is taken", system.id)));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        let is_id = !self.id.is_empty()
            && self.id.len() <= 40
            && self.id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_id {
            return Err(broken(format!("system.id: {:?} is not of a-z, 0-9 and -, up to 40", self.id)));
        }
        if self.poll_secs == 0 {
            return Err(broken(format!("system {:?}: poll_secs must be at least 1", self.id)));
        }
        let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        match self.environment.keys().find(|name| !is_name(name)) {
            Some(name) => Err(broken(format!("system {:?}: {name:?} names no variable", self.id))),
            None => Ok(()),
        }
    }
}
