//! CPU time of an app's processes: of its control group, else of everything below its supervisor.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use myksc_core::spool::Status;

/// All CPU time that the app's processes have used since their start; `None` where nothing of it runs or can be seen.
pub(super) fn total(status: &Status) -> Option<Duration> {
    let process = status.process.as_ref()?;
    let of_group = process.cgroups.iter().find_map(|folder| of_group(folder));
    of_group.or_else(|| of_descendants(status.supervisor_pid))
}

/// Version 2 has microseconds in `cpu.stat`, version 1 nanoseconds where it counts CPU time beside its quota.
fn of_group(folder: &Path) -> Option<Duration> {
    let v2 = fs::read_to_string(folder.join("cpu.stat")).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
        line.and_then(|micros| micros.trim().parse().ok()).map(Duration::from_micros)
    });
    let v1 = || {
        fs::read_to_string(folder.join("cpuacct.usage")).ok()?.trim().parse().ok().map(Duration::from_nanos)
    };
    v2.or_else(v1)
}

/// Of the supervisor's descendants, who stay its own when their parents end, and of those they waited for.
fn of_descendants(supervisor: u32) -> Option<Duration> {
    let seen: HashMap<u32, Process> =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| read(&entry)).collect();
    let ticks: u64 =
        seen.keys().filter(|pid| is_below(**pid, supervisor, &seen)).map(|pid| seen[pid].cpu_ticks).sum();
    let per_sec = rustix::param::clock_ticks_per_second();
    seen.contains_key(&supervisor).then(|| Duration::from_millis(ticks.saturating_mul(1000) / per_sec.max(1)))
}

struct Process {
    parent: u32,
    cpu_ticks: u64,
}

fn is_below(mut pid: u32, ancestor: u32, seen: &HashMap<u32, Process>) -> bool {
    // As many steps as there are processes: what was read piece by piece may hold a circle.
    for _ in 0..seen.len() {
        let Some(process) = seen.get(&pid) else { return false };
        if process.parent == ancestor {
            return true;
        }
        pid = process.parent;
    }
    false
}

/// Fields 4 and 14 to 17 of proc_pid_stat(5). The second, the name, may hold spaces and parentheses.
fn read(entry: &fs::DirEntry) -> Option<(u32, Process)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let bytes = fs::read(entry.path().join("stat")).ok()?;
    let behind_name = bytes.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(bytes.get(behind_name..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let cpu_ticks = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some((pid, Process { parent: fields.get(1)?.parse().ok()?, cpu_ticks }))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_group(folder.path()), None);
        fs::write(folder.path().join("cpuacct.usage"), "1500000000\n").unwrap();
        assert_eq!(of_group(folder.path()), Some(Duration::from_millis(1500)));
        fs::write(folder.path().join("cpu.stat"), "usage_usec 2500000\nuser_usec 1\n").unwrap();
        assert_eq!(of_group(folder.path()), Some(Duration::from_millis(2500)));
        fs::write(folder.path().join("cpu.stat"), "nr_periods 0\nnr_throttled 0\n").unwrap();
        assert_eq!(
            of_group(folder.path()),
            Some(Duration::from_millis(1500)),
            "version 1 has no usage in it"
        );
    }

    #[test]
    fn the_time_of_children_and_of_theirs_counts() {
        let script = "(while :; do :; done) & wait";
        let mut child =
            Command::new("setsid").args(["bash", "-c", script]).stdin(Stdio::null()).spawn().unwrap();
        let own = std::process::id();
        let before = of_descendants(own).unwrap();
        while of_descendants(own).unwrap() < before + Duration::from_millis(50) {
            std::thread::yield_now();
        }
        // The loop is in the shell's process group, of which the shell is the leader.
        let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert_eq!(of_descendants(u32::MAX), None);
    }
}
