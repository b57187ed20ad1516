//! Batch jobs of a system.

use serde::{Deserialize, Serialize};

use crate::error::Params;
use crate::id::{JobId, UserId};
use crate::time::Timestamp;

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobPhase {
    /// Accepted by the portal, not yet by the scheduler.
    Submitting,
    /// Waiting for its turn.
    Queued,
    /// Kept from running by a hold.
    Held,
    /// Running.
    Running,
    /// Stopped for a while by the scheduler or the person.
    Suspended,
    /// Its processes ended, the scheduler cleans up.
    Finishing,
    /// Over; see `outcome`.
    Ended,
    /// Something else; see `phase_raw`.
    Unknown,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit code 0.
    Succeeded,
    /// Another exit code or a signal.
    Failed,
    /// Ended by the person or an operator.
    Cancelled,
    /// Its walltime was over.
    TimedOut,
    /// It took more memory than it may.
    OutOfMemory,
    /// Its node failed.
    NodeFailure,
    /// Made way for another.
    Preempted,
    /// The scheduler refused it.
    Refused,
    /// Over, and nobody knows how.
    Unknown,
}

/// What a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobSize {
    /// Nodes.
    pub nodes: u32,
    /// Tasks on each node.
    pub tasks_per_node: u32,
    /// CPU cores of each task.
    pub cpus_per_task: u32,
    /// GPUs on each node.
    pub gpus_per_node: u32,
    /// Bytes of memory on each node, if asked for.
    pub memory_bytes: Option<u64>,
    /// How long it may run; without an end when absent.
    pub walltime_secs: Option<u64>,
}

/// What a job used in all, as far as its scheduler counted it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobUsage {
    /// Seconds from its start to its end.
    pub walltime_secs: Option<u64>,
    /// CPU cores that it held.
    pub cpus: Option<u32>,
    /// Seconds of CPU time on all cores together.
    pub cpu_secs: Option<u64>,
    /// The most bytes of memory that it had at one moment.
    pub max_memory_bytes: Option<u64>,
}

/// The tasks of an array, which is one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobArray {
    /// Their numbers as the scheduler writes them: `1-100`, `0,5-9:2`.
    pub indexes: String,
    /// How many there are.
    pub total: u32,
    /// How many wait, held ones included.
    pub waiting: u32,
    /// How many run.
    pub running: u32,
    /// How many ended well.
    pub succeeded: u32,
    /// How many ended otherwise.
    pub failed: u32,
}

/// One task of an array.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobTask {
    /// Its number in the array.
    pub index: u32,
    /// The scheduler's id of the task itself, once it has one.
    pub scheduler_id: Option<String>,
    /// Where it is in its life.
    pub phase: JobPhase,
    /// The scheduler's own word for it; only when `phase` is `unknown`.
    pub phase_raw: Option<String>,
    /// How it ended; only when `phase` is `ended`.
    pub outcome: Option<Outcome>,
    /// Exit code of the script, if it had one.
    pub exit_code: Option<i32>,
    /// Why it waits or ended.
    pub reason: Option<JobReason>,
    /// The node or nodes that it runs or ran on.
    pub node: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// One batch job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Job {
    /// The portal's id.
    pub id: JobId,
    /// Whose it is.
    pub owner: UserId,
    /// The system it was given to.
    pub system: String,
    /// The scheduler's id, once it has one.
    pub scheduler_id: Option<String>,
    /// Queue or partition.
    pub queue: String,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub phase: JobPhase,
    /// The scheduler's own word for it; only when `phase` is `unknown`.
    pub phase_raw: Option<String>,
    /// How it ended; only when `phase` is `ended`.
    pub outcome: Option<Outcome>,
    /// Exit code of the script, if it had one.
    pub exit_code: Option<i32>,
    /// Why it waits, ended or was refused.
    pub reason: Option<JobReason>,
    /// What it asked for.
    pub size: JobSize,
    /// Folder it runs in, a [`crate::UserPath`] as text.
    pub work_dir: String,
    /// Where its standard output goes, a [`crate::UserPath`] as text.
    pub stdout_path: String,
    /// Where its standard error goes; the same as `stdout_path` when they are joined.
    pub stderr_path: String,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When the scheduler expects to start it, while it waits.
    #[serde(default)]
    pub expected_start_at: Option<Timestamp>,
    /// What it used, once it has ended and where the scheduler counts.
    #[serde(default)]
    pub usage: Option<JobUsage>,
    /// Its tasks, if it is an array.
    #[serde(default)]
    pub array: Option<JobArray>,
    /// Why the scheduler did not do what was asked for last.
    #[serde(default)]
    pub refusal: Option<JobReason>,
    /// Whether it was submitted elsewhere, by the scheduler's own commands: the portal shows it, and changes nothing.
    #[serde(default)]
    pub elsewhere: bool,
    /// Grows with every change; the event stream's id.
    pub revision: i64,
}

/// Why a job waits, ended or was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobReason {
    /// A stable code, for example `waiting_for_slots`, `held_by_user`, `walltime_over`.
    pub code: String,
    /// Values for the text.
    #[schema(value_type = Object)]
    pub params: Params,
    /// English text, or the scheduler's own words.
    pub detail: String,
}
