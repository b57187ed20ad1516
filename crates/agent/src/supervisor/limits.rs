//! How the limits of the orders are enforced on this machine.

use std::path::PathBuf;

use rustix::process::{Pid, Resource, Rlimit};

use myksc_core::spool::{Limits, Spec};
use myksc_spool::Folder;

use super::cgroup::Cgroup;

/// Enforces limits on one process tree: by control groups where this user may make them, else by
/// setrlimit(2). The latter holds for each process by itself: memory as the data segment (RLIMIT_AS would end
/// programs that only reserve addresses), CPU as the time that the walltime could hold at most.
pub(super) struct Enforcer {
    cgroup: Option<Cgroup>,
    limits: Limits,
}

impl Enforcer {
    /// Gets ready before the process is there.
    pub(super) fn prepare(folder: &Folder, spec: &Spec) -> Self {
        let cgroup = Cgroup::create(folder.name(), &spec.limits);
        Self { cgroup, limits: spec.limits.clone() }
    }

    /// As on a machine where this user may make no control groups.
    #[cfg(test)]
    pub(super) fn by_rlimit(limits: &Limits) -> Self {
        Self { cgroup: None, limits: limits.clone() }
    }

    /// Puts the limits on a process that has not begun; says how.
    pub(super) fn confine(&self, pid: Pid) -> String {
        if let Some(cgroup) = &self.cgroup {
            match cgroup.take(pid) {
                Ok(()) => return cgroup.label().to_owned(),
                Err(error) => super::note(&format!("no control group, limits by rlimit: {error}")),
            }
        }
        for (resource, value) in rlimits(&self.limits) {
            let limit = Rlimit { current: Some(value), maximum: Some(value) };
            if let Err(error) = rustix::process::prlimit(Some(pid), resource, limit) {
                super::note(&format!("the limit {resource:?} = {value} can't be set: {error}"));
            }
        }
        "rlimit".to_owned()
    }

    /// Folders of the control groups, for the report.
    pub(super) fn cgroups(&self) -> Vec<PathBuf> {
        self.cgroup.as_ref().map(|cgroup| cgroup.folders().to_vec()).unwrap_or_default()
    }

    /// Whether the kernel killed a process for want of memory. Only control groups know.
    pub(super) fn saw_out_of_memory(&self) -> bool {
        self.cgroup.as_ref().is_some_and(Cgroup::saw_out_of_memory)
    }

    /// Kills all processes in the control groups.
    pub(super) fn kill_all(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
    }

    /// Removes what [`Enforcer::prepare`] made.
    pub(super) fn clean_up(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }
}

fn rlimits(limits: &Limits) -> Vec<(Resource, u64)> {
    let memory = limits.memory_bytes.map(|bytes| (Resource::Data, bytes));
    let cpu = limits.walltime_secs.zip(limits.cpu_millis).map(|(walltime_secs, cpu_millis)| {
        (Resource::Cpu, walltime_secs.saturating_mul(u64::from(cpu_millis.div_ceil(1000).max(1))).max(1))
    });
    memory.into_iter().chain(cpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_that_were_asked_for_are_set() {
        assert!(rlimits(&Limits::default()).is_empty());
        let limits = Limits { cpu_millis: Some(1500), memory_bytes: Some(1 << 30), walltime_secs: Some(60) };
        assert_eq!(rlimits(&limits), [(Resource::Data, 1 << 30), (Resource::Cpu, 120)]);
    }
}
