//! What stands in the folder of a local app or job: the supervisor's orders and its report.
//!
//! The folder's files: `spec.json` (orders, written by the portal before the start), `status.json` (report,
//! replaced atomically by the supervisor), `log` (output of the process, when it goes nowhere else), `lock`
//! (held by the supervisor with flock(2) as long as it lives), `log.dropped` (which bytes of a long `log` are not
//! kept), `stop` (the generation that is to end), `wake`
//! (a FIFO that makes the supervisor look at `stop`), `owner.json` (what the portal needs to find the thing
//! again without its database).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Orders for a supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Counts starts; repeated in the report.
    pub generation: u32,
    /// Program and arguments; no shell in between. No secret may stand here.
    pub command: Vec<String>,
    /// The whole environment of the process.
    pub environment: BTreeMap<String, String>,
    /// Folder it starts in, absolute.
    pub work_dir: PathBuf,
    /// File for standard input; `/dev/null` when absent.
    pub stdin: Option<PathBuf>,
    /// File for standard output, appended to; the folder's `log` when absent.
    pub stdout: Option<PathBuf>,
    /// File for standard error, appended to; the same as standard output when absent.
    pub stderr: Option<PathBuf>,
    /// The most bytes of the folder's `log` that are kept: its beginning and its end. All of them when absent.
    #[serde(default)]
    pub log_limit_bytes: Option<u64>,
    /// Limits of the process and all it starts.
    pub limits: Limits,
    /// Seconds between SIGTERM and SIGKILL when it is asked to end.
    pub grace_secs: u64,
}

/// Limits of a process tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a CPU core.
    pub cpu_millis: Option<u32>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Seconds it may run.
    pub walltime_secs: Option<u64>,
}

/// The supervisor's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The `generation` of the orders it follows.
    pub generation: u32,
    /// The supervisor's process id.
    pub supervisor_pid: u32,
    /// When the supervisor took the folder.
    pub placed_at: Timestamp,
    /// The process, once it runs.
    pub process: Option<Process>,
    /// How it ended, once it did.
    pub exit: Option<Exit>,
}

/// A running or ended process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id, also the id of its process group.
    pub pid: u32,
    /// When it started in clock ticks since the machine's start: field 22 of proc_pid_stat(5). With `pid` it names
    /// one process of this machine's run, so a reused id is never taken for it.
    pub start_ticks: u64,
    /// Folders of the control groups that hold it and all it starts; empty where limits are by rlimit.
    #[serde(default)]
    pub cgroups: Vec<PathBuf>,
    /// When it started.
    pub started_at: Timestamp,
    /// How the limits are enforced: `cgroup v1`, `cgroup v2` or `rlimit`.
    pub limits_by: String,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: ExitCause,
    /// Exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Signal number, if one ended it.
    pub signal: Option<i32>,
    /// What went wrong, when `cause` is `not_started`.
    pub detail: Option<String>,
}

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCause {
    /// By itself.
    Exited,
    /// By a signal that nobody here sent.
    Signalled,
    /// Because it was asked to end.
    Stopped,
    /// Because its walltime was over.
    WalltimeOver,
    /// Because it took more memory than it may.
    OutOfMemory,
    /// It could not be started.
    NotStarted,
    /// Its supervisor died; what it did after that is not known.
    SupervisorLost,
}
