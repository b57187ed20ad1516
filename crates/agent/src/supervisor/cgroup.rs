//! Control groups of one folder: made beside or below the supervisor's own, in v2 or in v1's hierarchies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};

use myksc_core::spool::Limits;

use super::mounts;

/// Length of the scheduler's period in which a CPU quota holds, the kernel's default.
const PERIOD_US: u64 = 100_000;
/// Every group's name begins so.
const PREFIX: &str = "myksc-";
/// A group of this age has its process, or never gets one.
const SETTLED: Duration = Duration::from_secs(60);
/// The kernel refuses a smaller quota.
const MIN_QUOTA_US: u64 = 1_000;

/// The groups that hold one process and all it starts.
#[derive(Debug)]
pub(super) struct Cgroup {
    version: Version,
    folders: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Cgroup {
    /// Makes groups with these limits for `id`, where this user may; `None` where the limits asked for can't be set.
    pub(super) fn create(id: &str, limits: &Limits) -> Option<Self> {
        let name = format!("{PREFIX}{id}");
        create_v2(&name, limits).or_else(|| create_v1(&name, limits))
    }

    /// How it is called in a report.
    pub(super) fn label(&self) -> &'static str {
        match self.version {
            Version::V1 => "cgroup v1",
            Version::V2 => "cgroup v2",
        }
    }

    /// Where the groups lie.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Moves a process in; what it starts from then on is in as well.
    pub(super) fn take(&self, pid: Pid) -> io::Result<()> {
        let pid = pid.as_raw_pid().to_string();
        self.folders.iter().try_for_each(|folder| fs::write(folder.join("cgroup.procs"), &pid))
    }

    /// Whether the kernel killed one of its processes for want of memory.
    pub(super) fn saw_out_of_memory(&self) -> bool {
        let file = if self.version == Version::V2 { "memory.events" } else { "memory.oom_control" };
        let counts = self.folders.iter().filter_map(|folder| fs::read_to_string(folder.join(file)).ok());
        counts.into_iter().any(|text| counter(&text, "oom_kill") > 0)
    }

    /// Kills everything in it.
    pub(super) fn kill(&self) {
        self.folders.iter().for_each(|folder| {
            kill_group(folder);
        });
    }

    /// Removes the groups; what the kernel has not buried yet gets a moment.
    pub(super) fn remove(&self) {
        self.folders.iter().for_each(|folder| remove_group(folder));
    }
}

/// Kills everything in the group at `folder`; how many it found.
pub(super) fn kill_group(folder: &Path) -> usize {
    let members = members(folder);
    // One write ends all of them, forks in the middle included; v1 and older kernels have no such file.
    if !members.is_empty() && fs::write(folder.join("cgroup.kill"), "1").is_err() {
        for pid in &members {
            kill_member(folder, *pid);
        }
    }
    members.len()
}

/// Removes the group at `folder` once it is empty.
pub(super) fn remove_group(folder: &Path) {
    for _ in 0..100 {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                thread::sleep(Duration::from_millis(10));
            }
            _ => return,
        }
    }
}

/// Removes the empty groups that supervisors left which died for good. A group that was made just now may be empty
/// because its process comes next, so young ones stay.
pub(super) fn sweep() {
    let v1 = ["memory", "cpu"].into_iter().filter_map(mounts::own_v1);
    let own = mounts::own_v2();
    let above = own.as_ref().and_then(|own| own.parent()).map(Path::to_owned);
    v1.chain(own).chain(above).for_each(|parent| sweep_below(&parent, SETTLED));
}

fn sweep_below(parent: &Path, settled: Duration) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let made_at = entry.metadata().and_then(|seen| seen.modified());
        let is_settled = made_at.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= settled));
        if is_ours && is_settled {
            // Refused where a process is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Sends SIGKILL to a member. Its id is looked up again once the descriptor holds the process, so that an id
/// given to a stranger in between is left alone.
fn kill_member(folder: &Path, pid: Pid) {
    let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
    if members(folder).contains(&pid) {
        // Fails when it ended in between.
        let _ = rustix::process::pidfd_send_signal(process, Signal::KILL);
    }
}

fn members(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect()
}

/// v2: below the own group where the kernel lets it have controllers, else beside it.
fn create_v2(name: &str, limits: &Limits) -> Option<Cgroup> {
    let own = mounts::own_v2()?;
    let parents = [Some(own.as_path()), own.parent()];
    parents.into_iter().flatten().find_map(|parent| {
        // Refused where the group has processes of its own or the controllers are given already.
        let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory +cpu");
        let folder = parent.join(name);
        let group = Cgroup { version: Version::V2, folders: vec![folder.clone()] };
        let made = make_group(&folder).and_then(|()| limit_v2(&folder, limits));
        keep_or_remove(&made, group)
    })
}

/// v1: below the own group, one folder in each hierarchy.
fn create_v1(name: &str, limits: &Limits) -> Option<Cgroup> {
    let memory = mounts::own_v1("memory")?.join(name);
    let cpu = mounts::own_v1("cpu")?.join(name);
    let mut folders = vec![memory.clone()];
    // Both controllers may share a hierarchy.
    if cpu != memory {
        folders.push(cpu.clone());
    }
    let made = folders
        .iter()
        .try_for_each(|folder| make_group(folder))
        .and_then(|()| limit_memory_v1(&memory, limits))
        .and_then(|()| limit_cpu_v1(&cpu, limits));
    keep_or_remove(&made, Cgroup { version: Version::V1, folders })
}

fn keep_or_remove(made: &io::Result<()>, group: Cgroup) -> Option<Cgroup> {
    match made {
        Ok(()) => Some(group),
        Err(_) => {
            group.folders.iter().for_each(|folder| {
                let _ = fs::remove_dir(folder);
            });
            None
        }
    }
}

/// A group that a dead supervisor left is taken over.
fn make_group(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn limit_v2(folder: &Path, limits: &Limits) -> io::Result<()> {
    let memory = limits.memory_bytes.map_or_else(|| "max".to_owned(), |bytes| bytes.to_string());
    write_existing(&folder.join("memory.max"), &memory)?;
    if limits.memory_bytes.is_some() {
        // Not there without swap.
        let _ = write_existing(&folder.join("memory.swap.max"), "0");
    }
    let quota = limits.cpu_millis.map_or_else(|| "max".to_owned(), |millis| quota_us(millis).to_string());
    write_existing(&folder.join("cpu.max"), &format!("{quota} {PERIOD_US}"))
}

fn limit_memory_v1(folder: &Path, limits: &Limits) -> io::Result<()> {
    let bytes = limits.memory_bytes.map_or_else(|| "-1".to_owned(), |bytes| bytes.to_string());
    let (memory, with_swap) = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes");
    // Neither may pass the other, so a group that is taken over is opened first.
    let _ = write_existing(&folder.join(with_swap), "-1");
    write_existing(&folder.join(memory), &bytes)?;
    if limits.memory_bytes.is_some() {
        // Not there on kernels that don't account swap.
        let _ = write_existing(&folder.join(with_swap), &bytes);
    }
    Ok(())
}

fn limit_cpu_v1(folder: &Path, limits: &Limits) -> io::Result<()> {
    let quota = limits.cpu_millis.map_or_else(|| "-1".to_owned(), |millis| quota_us(millis).to_string());
    write_existing(&folder.join("cpu.cfs_period_us"), &PERIOD_US.to_string())?;
    write_existing(&folder.join("cpu.cfs_quota_us"), &quota)
}

/// Writes a control file; outside of a cgroup file system nothing is made.
fn write_existing(path: &Path, value: &str) -> io::Result<()> {
    use io::Write as _;
    fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

fn quota_us(cpu_millis: u32) -> u64 {
    (u64::from(cpu_millis) * PERIOD_US / 1000).max(MIN_QUOTA_US)
}

/// The value behind `name` in a flat-keyed file.
fn counter(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_part_of_the_period_and_never_too_small() {
        assert_eq!([1, 500, 1000, 2500].map(quota_us), [1_000, 50_000, 100_000, 250_000]);
    }

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        assert_eq!(counter("oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3);
        assert_eq!(counter("oom_kill_disable 1\n", "oom_kill"), 0);
    }

    #[test]
    fn a_sweep_takes_empty_settled_groups_of_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["myksc-a1", "myksc-a2/cgroup.procs", "system.slice"] {
            fs::create_dir_all(parent.path().join(name)).unwrap();
        }
        let left = || {
            let names = fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        sweep_below(parent.path(), SETTLED);
        assert_eq!(left(), ["myksc-a1", "myksc-a2", "system.slice"], "all are young");
        sweep_below(parent.path(), Duration::ZERO);
        assert_eq!(left(), ["myksc-a2", "system.slice"]);
    }

    #[test]
    fn limits_of_version_two_are_written_to_its_files() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["memory.max", "cpu.max"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let limits = Limits { cpu_millis: Some(1500), memory_bytes: Some(1 << 20), walltime_secs: None };
        limit_v2(folder.path(), &limits).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("memory.max")).unwrap(), "1048576");
        assert_eq!(fs::read_to_string(folder.path().join("cpu.max")).unwrap(), "150000 100000");
        assert!(limit_memory_v1(folder.path(), &limits).is_err(), "no such file, so no such limit");
    }
}
