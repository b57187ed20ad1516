//! The seam to whatever runs the jobs of a system: the local queue or Slurm.
//!
//! Every call that acts for a person carries her [`Identity`]; the scheduler acts with those rights or refuses.
//! A call may fail for now ([`SchedulerError::Away`]) and is then repeated, so submitting twice with the same
//! tag gives the same job.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::job::{JobReason, JobSize, JobTask, JobUsage};
use myksc_core::{FieldProblem, Identity, JobId, JobPhase, Outcome, Timestamp, Translated};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::script::Dialect;

/// Something that runs jobs.
pub trait Scheduler: Send + Sync + 'static {
    /// What it is and what it can do.
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>>;

    /// The words of its directives.
    fn dialect(&self) -> Dialect {
        Dialect::Myksc
    }

    /// Its queues with their limits and present load.
    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>>;

    /// What speaks against a submission, without making one.
    fn check<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>>;

    /// Hands a job over and gives the scheduler's id. The same [`Submission::tag`] again gives the same id.
    fn submit<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<String, SchedulerError>>;

    /// Cancels, holds or releases a job of that person. What is done already is no error.
    fn act<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<(), SchedulerError>>;

    /// All jobs that wait or run, of everybody.
    fn poll(&self) -> BoxFuture<'_, Result<Vec<Observation>, SchedulerError>>;

    /// What is known of jobs that the poll does not show any more.
    fn look_up<'a>(&'a self, scheduler_ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>>;

    /// The tasks of these arrays that have started or ended, as far as the scheduler still tells, by the arrays' ids.
    fn look_up_tasks<'a>(
        &'a self,
        arrays: &'a [String],
    ) -> BoxFuture<'a, Result<HashMap<String, Vec<JobTask>>, SchedulerError>> {
        let _ = arrays;
        std::future::ready(Ok(HashMap::new())).boxed()
    }

    /// The scheduler's id of one task of an array, by which it can be acted on; `None` where there are no arrays.
    fn task_id(&self, array: &str, index: u32) -> Option<String> {
        let _ = (array, index);
        None
    }

    /// What is known of jobs of one account that the portal may not have submitted. What she wrote herself (names) is
    /// asked for hers alone, so nobody can write a line that means another's job.
    fn foreign<'a>(
        &'a self,
        login: &'a str,
        scheduler_ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Foreign>, SchedulerError>> {
        let _ = (login, scheduler_ids);
        std::future::ready(Ok(Vec::new())).boxed()
    }

    /// Every job it can tell of, ended ones included, but for those whose scheduler ids are `known`: for a
    /// portal that lost its records.
    fn recall(&self, known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>>;

    /// What the scheduler itself has on record of a job of that person, in its own words.
    fn record<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        let _ = who;
        std::future::ready(Err(SchedulerError::NoSuchJob(scheduler_id.to_owned()))).boxed()
    }

    /// What a command of the site prints for that person.
    fn ask<'a>(
        &'a self,
        who: &'a Identity,
        argv: &'a [String],
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        let _ = (who, argv);
        std::future::ready(Err(SchedulerError::Unreached("this system runs no commands".to_owned()))).boxed()
    }

    /// A piece of a file on the scheduler's side, read as that person; a negative offset counts from the end, one
    /// behind the end is moved there.
    fn read_file<'a>(
        &'a self,
        who: &'a Identity,
        path: &'a Path,
        offset: i64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Reading, SchedulerError>> {
        let _ = (who, path, offset, limit);
        std::future::ready(Ok(Reading::NotHere)).boxed()
    }

    /// Counts up when a poll is worth while.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// What a scheduler is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Kind: `local`, `slurm`, `pbs`.
    pub scheduler: String,
    /// Its version.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// What a scheduler can do beyond submitting and cancelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Capabilities {
    /// Hold and release a waiting job.
    pub hold: bool,
    /// Memory may be asked for.
    pub memory: bool,
    /// Jobs may span nodes.
    pub several_nodes: bool,
    /// It has a record of a job in its own words.
    pub record: bool,
    /// One job may be an array of tasks.
    pub arrays: bool,
    /// A running job may be put back into the queue by its owner.
    pub requeue: bool,
    /// The walltime of a job may be made shorter.
    pub shorten: bool,
    /// The walltime of a job that waits may be made longer, too.
    pub lengthen: bool,
}

/// A queue or partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Queue {
    /// Its name in directives.
    pub name: String,
    /// Its name for people.
    pub title: Translated,
    /// Whether a job that names none goes here.
    pub is_default: bool,
    /// Whether it takes jobs.
    pub open: bool,
    /// The most that one job may ask for.
    pub limits: QueueLimits,
    /// What a job gets that does not say.
    pub defaults: QueueDefaults,
    /// What is in it.
    pub load: QueueLoad,
    /// The higher, the earlier its jobs are looked at; none where the scheduler has no such number.
    pub priority: Option<i64>,
}

/// The most that one job may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueLimits {
    /// Nodes.
    pub max_nodes: u32,
    /// Tasks on each node.
    pub max_tasks_per_node: u32,
    /// CPU cores of each task.
    pub max_cpus_per_task: u32,
    /// CPU cores on each node: tasks times cores of each.
    pub max_cpus_per_node: u32,
    /// GPUs on each node.
    pub max_gpus_per_node: u32,
    /// Bytes of memory on each node.
    pub max_memory_bytes: u64,
    /// Seconds; there is no limit when absent.
    pub max_walltime_secs: Option<u64>,
}

/// What a job gets that does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueDefaults {
    /// Seconds; it may run without an end when absent.
    pub walltime_secs: Option<u64>,
    /// Bytes of memory for each core; none when the queue sets no limit by itself.
    pub memory_bytes: Option<u64>,
}

/// What is in a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueLoad {
    /// Cores.
    pub slots_total: u32,
    /// Cores that jobs hold.
    pub slots_used: u32,
    /// Jobs that run.
    pub jobs_running: u32,
    /// Jobs that wait, held ones included.
    pub jobs_queued: u32,
    /// Nodes on which nothing runs.
    pub nodes_free: u32,
    /// Nodes on which something runs.
    pub nodes_used: u32,
    /// Nodes that take no jobs: down, drained, offline.
    pub nodes_down: u32,
    /// GPUs.
    pub gpus_total: u32,
    /// GPUs that jobs hold.
    pub gpus_used: u32,
}

/// A job to hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The portal's id of the job; makes a repeat harmless.
    pub tag: JobId,
    /// The script, for standard input; bytes that are no UTF-8 as [`myksc_core::octets`] has them.
    pub script: String,
    /// The job's name.
    pub name: String,
    /// The queue.
    pub queue: String,
    /// What it asks for.
    pub size: JobSize,
    /// Where it lies in the portal's words, kept so that it can be told again.
    pub place: Place,
    /// Folder it runs in, absolute.
    pub work_dir: PathBuf,
    /// File for standard output, absolute, in the scheduler's words: Slurm fills in `%j`, `%A`, `%a` and `%%`.
    pub stdout: PathBuf,
    /// The same for standard error; joined to standard output when absent.
    pub stderr: Option<PathBuf>,
    /// When the person submitted it.
    pub submitted_at: Timestamp,
}

/// Folder and output files of a job, each a [`myksc_core::UserPath`] as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Folder it runs in.
    pub work_dir: String,
    /// File for standard output.
    pub stdout: String,
    /// File for standard error.
    pub stderr: String,
}

/// What to do with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// End it.
    Cancel,
    /// Keep it from starting.
    Hold,
    /// Let it start.
    Release,
    /// Stop it and let it begin anew.
    Requeue,
    /// Give it another walltime, in seconds.
    SetWalltime(u64),
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The scheduler's id.
    pub scheduler_id: String,
    /// The portal's id, if the scheduler still tells.
    pub tag: Option<JobId>,
    /// Where it is in its life.
    pub phase: JobPhase,
    /// Its own word for it, when the phase is unknown.
    pub phase_raw: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Exit code of the script.
    pub exit_code: Option<i32>,
    /// Why it waits or ended.
    pub reason: Option<JobReason>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it is expected to start.
    pub expected_start_at: Option<Timestamp>,
    /// What it used, once it has ended.
    pub usage: Option<JobUsage>,
    /// Its tasks, if it is an array that is not over.
    pub array: Option<ArrayObservation>,
    /// Whose it is, by the account's name over there; where jobs come from elsewhere, too.
    pub login: Option<String>,
}

/// A job that the portal may not have submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The scheduler's id.
    pub scheduler_id: String,
    /// The account's number over there.
    pub uid: u32,
    /// The job's name.
    pub name: String,
    /// Its queue.
    pub queue: String,
    /// Nodes that it asks for.
    pub nodes: u32,
    /// CPU cores on all of them together.
    pub cpus: u32,
    /// How long it may run; without an end when absent.
    pub walltime_secs: Option<u64>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Whether it carries the mark of the portal.
    pub is_ours: bool,
}

/// How the tasks of an array stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArrayObservation {
    /// How many wait; `None` where the scheduler does not tell.
    pub waiting: Option<u32>,
    /// How many run.
    pub running: u32,
    /// Those that have started, each by itself; `None` where the scheduler has to be asked for them.
    pub tasks: Option<Vec<JobTask>>,
}

/// What is known of jobs that a poll did not show. What is in neither is lost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LookUp {
    /// How they stand.
    pub found: Vec<Observation>,
    /// Scheduler's ids of which nothing can be said yet: they are asked for again.
    pub unsettled: HashSet<String>,
}

/// What came of reading a file on the scheduler's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// There is no other side: its files are those of the portal's machine.
    NotHere,
    /// There is no such file.
    Missing,
    /// It is there.
    Piece {
        /// Where `bytes` begin.
        offset: u64,
        /// The file's size at that moment.
        size_bytes: u64,
        /// The bytes; fewer than asked for at the end of the file.
        bytes: Vec<u8>,
    },
}

/// A job as its scheduler remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// Whose it is.
    pub who: Identity,
    /// What was handed over.
    pub submission: Submission,
    /// How it stands.
    pub observation: Observation,
}

/// Why a scheduler did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// It does not answer now, or it can't at the moment; worth trying again.
    #[error("{0}")]
    Away(String),
    /// As [`SchedulerError::Away`], and it certainly heard nothing of what was asked.
    #[error("{0}")]
    Unreached(String),
    /// It refuses this for good.
    #[error("{}", .0.detail)]
    Refused(JobReason),
    /// It has no such job, or the job is another person's.
    #[error("no such job: {0}")]
    NoSuchJob(String),
    /// The job is in another phase than the action needs.
    #[error("the job is {0:?}")]
    WrongPhase(JobPhase),
    /// It does not act for this person.
    #[error("{0}")]
    NotAllowed(String),
}

impl Action {
    /// The walltime that a job shall have from now on.
    #[must_use]
    pub fn walltime_secs(self) -> Option<u64> {
        match self {
            Self::SetWalltime(secs) => Some(secs),
            _ => None,
        }
    }

    /// The word for intents and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Requeue => "requeue",
            Self::SetWalltime(_) => "set_walltime",
        }
    }
}
