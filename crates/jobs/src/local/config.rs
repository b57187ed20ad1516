//! What the local queue is told by the operator, and what it finds out by itself.

use std::path::PathBuf;

use myksc_core::Translated;
use myksc_spool::SupervisorProgram;

use crate::scheduler::{Queue, QueueDefaults, QueueLimits, QueueLoad};

const DAY_SECS: u64 = 24 * 3600;
const HOUR_SECS: u64 = 3600;
/// When the machine does not say how much it has.
const FALLBACK_MEMORY_BYTES: u64 = 1 << 30;

/// The local queue of one machine.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Folder with one spool folder for each job; made if it is not there.
    pub jobs_dir: PathBuf,
    /// How supervisors are started.
    pub supervisor: SupervisorProgram,
    /// The queues; at least one.
    pub queues: Vec<LocalQueue>,
    /// `PATH` of the jobs.
    pub path: String,
    /// Seconds between SIGTERM and SIGKILL when a job is ended.
    pub grace_secs: u64,
}

/// One queue of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalQueue {
    /// Its name in directives.
    pub name: String,
    /// Its name for people.
    pub title: Translated,
    /// Whether a job that names none goes here.
    pub is_default: bool,
    /// Whether it takes jobs.
    pub open: bool,
    /// Cores that its jobs may hold together.
    pub slots: u32,
    /// The most memory that one job may ask for.
    pub max_memory_bytes: u64,
    /// Memory for each core of a job that does not say; no limit when absent.
    pub memory_bytes_per_slot: Option<u64>,
    /// The longest walltime.
    pub max_walltime_secs: u64,
    /// Walltime of a job that does not say.
    pub default_walltime_secs: u64,
}

impl LocalConfig {
    /// One queue `local` with the machine's cores and memory.
    #[must_use]
    pub fn new(jobs_dir: impl Into<PathBuf>, supervisor: SupervisorProgram) -> Self {
        Self {
            jobs_dir: jobs_dir.into(),
            supervisor,
            queues: vec![LocalQueue::of_this_machine()],
            path: "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin".to_owned(),
            grace_secs: 10,
        }
    }
}

impl LocalQueue {
    /// A queue with all cores and all memory of this machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let slots = u32::try_from(cores).unwrap_or(u32::MAX);
        let memory_bytes = memory_bytes().unwrap_or(FALLBACK_MEMORY_BYTES);
        Self {
            name: "local".to_owned(),
            title: Translated { en: "This machine".to_owned(), ko: "이 컴퓨터".to_owned() },
            is_default: true,
            open: true,
            slots: 0,
            max_memory_bytes: memory_bytes,
            memory_bytes_per_slot: None,
            max_walltime_secs: 7 * DAY_SECS,
            default_walltime_secs: HOUR_SECS,
        }
        .with_slots(slots)
    }

    /// The same with so many slots; each gets its share of the memory.
    #[must_use]
    pub fn with_slots(self, slots: u32) -> Self {
        let memory_bytes_per_slot = Some(self.max_memory_bytes / u64::from(slots.max(1)));
        Self { slots, memory_bytes_per_slot, ..self }
    }

    pub(super) fn view(&self, load: QueueLoad) -> Queue {
        Queue {
            name: self.name.clone(),
            title: self.title.clone(),
            is_default: self.is_default,
            open: self.open,
            limits: QueueLimits {
                max_nodes: 1,
                max_tasks_per_node: self.slots,
                max_cpus_per_task: self.slots,
                max_cpus_per_node: self.slots,
                max_gpus_per_node: 0,
                max_memory_bytes: self.max_memory_bytes,
                max_walltime_secs: Some(self.max_walltime_secs),
            },
            defaults: QueueDefaults {
                walltime_secs: Some(self.default_walltime_secs),
                memory_bytes: self.memory_bytes_per_slot,
            },
            load,
            priority: None,
        }
    }
}

/// `MemTotal` of proc(5).
fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_shared_out_by_the_slots_there_are() {
        let queue = LocalQueue { max_memory_bytes: 1 << 30, ..LocalQueue::of_this_machine() };
        let shares = [1, 3, 8].map(|slots| queue.clone().with_slots(slots).memory_bytes_per_slot);
        assert_eq!(shares, [1 << 30, (1 << 30) / 3, 1 << 27].map(Some));
        let own = LocalQueue::of_this_machine();
        assert_eq!(own.memory_bytes_per_slot, Some(own.max_memory_bytes / u64::from(own.slots)));
    }
}
