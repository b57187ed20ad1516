//! Finding and ending processes, never a stranger that got a reused id.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use myksc_core::spool::Process;
use myksc_spool::Folder;

use super::cgroup;

/// Variable in the environment of everything that is started for a folder; its value is the folder's path.
pub(super) const MARK: &str = "MYKSC_SPOOL";

/// Sends a signal to the group of `leader`, a child that was not collected yet, so its id is still its own.
pub(super) fn signal_group(leader: Pid, signal: Signal) {
    // Fails only when the whole group is gone.
    let _ = rustix::process::kill_process_group(leader, signal);
}

/// Sends a signal to all children of this process. Only this process collects them, so their ids are theirs.
pub(super) fn signal_children(signal: Signal) {
    let own = rustix::process::getpid().as_raw_pid();
    for pid in all_pids() {
        if stat_fields(pid).is_some_and(|stat| stat.parent == own) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// When a process started, in clock ticks since the machine's start.
pub(super) fn start_ticks(pid: Pid) -> Option<u64> {
    stat_fields(pid).map(|stat| stat.start_ticks)
}

/// Kills what a dead supervisor left of `process`: all in its control groups, all that carry the folder's mark, and
/// the process itself if it is still the one that was reported. How many are left after `patience`.
pub(super) fn end_leftovers(folder: &Folder, process: &Process, patience: Duration) -> usize {
    let give_up_at = Instant::now() + patience;
    loop {
        let in_groups: usize = process.cgroups.iter().map(|group| cgroup::kill_group(group)).sum();
        let left = in_groups + kill_marked(folder, process);
        if left == 0 || Instant::now() >= give_up_at {
            process.cgroups.iter().for_each(|group| cgroup::remove_group(group));
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill_marked(folder: &Folder, process: &Process) -> usize {
    let mut found = 0;
    for pid in all_pids() {
        // The descriptor comes first: what is read after that is of the process it holds, or of none.
        let Ok(held) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
        if !is_of(pid, folder, process) {
            continue;
        }
        found += 1;
        let _ = rustix::process::pidfd_send_signal(held, Signal::KILL);
    }
    found
}

fn is_of(pid: Pid, folder: &Folder, process: &Process) -> bool {
    let Some(stat) = stat_fields(pid).filter(|stat| !stat.is_zombie) else { return false };
    let is_leader = pid.as_raw_pid().unsigned_abs() == process.pid && stat.start_ticks == process.start_ticks;
    is_leader || has_mark(pid, folder)
}

fn has_mark(pid: Pid, folder: &Folder) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())) else { return false };
    environment.split(|byte| *byte == 0).any(|entry| {
        let value = entry.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        value == Some(folder.path().as_os_str().as_bytes())
    })
}

struct Stat {
    parent: i32,
    start_ticks: u64,
    is_zombie: bool,
}

/// Fields 3, 4 and 22 of proc_pid_stat(5). The second, the name, may hold spaces and parentheses.
fn stat_fields(pid: Pid) -> Option<Stat> {
    let bytes = fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let behind_name = bytes.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(bytes.get(behind_name..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start_ticks, is_zombie: matches!(state, "Z" | "X") })
}

fn all_pids() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}
