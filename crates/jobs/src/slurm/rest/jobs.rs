//! The controller's table of jobs. Of other people's jobs numbers, states and partitions are read, and nothing that they
//! wrote; of comments the portal's own mark alone is looked for.

use std::collections::HashMap;

use myksc_core::job::JobTask;
use myksc_core::{JobPhase, Timestamp};
use serde::Deserialize;

use super::super::listing::{self, Listed};
use super::super::tag;
use super::value::{ExitCode, Number, State};
use crate::scheduler::{Foreign, Observation};
use crate::transport::{Answer, ApiError, List};

/// `/jobs` and `/job/ID`: an entry for each job, and for each task of an array that stands by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Jobs {
    jobs: List<Entry>,
    errors: List<ApiError>,
}

impl Answer for Jobs {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

/// What is read of an entry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    job_id: Number,
    array_job_id: Number,
    array_task_id: Number,
    /// Tasks that wait: `1-3,7`.
    array_task_string: Option<String>,
    job_state: State,
    state_reason: Option<String>,
    start_time: Number,
    end_time: Number,
    exit_code: ExitCode,
    partition: Option<String>,
    nodes: Option<String>,
    user_name: Option<String>,
}

/// Of an array its own number, not that of a task.
fn id(array: Number, job: Number) -> Option<String> {
    let array = array.get().filter(|id| *id > 0);
    array.or(job.get()).filter(|id| *id > 0).map(|id| id.to_string())
}

impl Entry {
    fn id(&self) -> Option<String> {
        id(self.array_job_id, self.job_id)
    }

    fn listed(&self) -> Option<Listed> {
        let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
        let (why, partition, nodes) = (text(&self.state_reason), text(&self.partition), text(&self.nodes));
        let login = text(&self.user_name);
        let own_id = self.job_id.get().unwrap_or_default().to_string();
        let start = time(self.start_time);
        let (id, index) = (self.id()?, self.index());
        let state = &self.job_state.0;
        listing::listed([&id, state, &why, &start, &partition, &index, &own_id, &nodes, &login])
    }

    /// Index in its array, or those that wait; as squeue(1) writes them.
    fn index(&self) -> String {
        if self.array_job_id.get().is_none_or(|id| id == 0) {
            return "N/A".to_owned();
        }
        let waiting = || self.array_task_string.clone().unwrap_or_default();
        self.array_task_id.get().map_or_else(waiting, |index| index.to_string())
    }

    /// The task of an array that it is, once it is over.
    fn task(&self) -> Option<(String, JobTask)> {
        let index = self.array_task_id.get().and_then(|index| u32::try_from(index).ok())?;
        let (array, seen) = (self.array_job_id.get().filter(|id| *id > 0)?, self.ended()?);
        let own_id = self.job_id.get()?.to_string();
        let nodes = self.nodes.as_deref().unwrap_or_default();
        Some((array.to_string(), listing::task(index, &own_id, nodes, &seen)))
    }

    fn ended(&self) -> Option<Observation> {
        let (start, end) = (time(self.start_time), time(self.end_time));
        listing::ended(&self.id()?, &self.job_state.0, &self.exit_code.text(), &start, &end)
    }
}

/// Seconds since the epoch as squeue(1) writes them here.
fn time(number: Number) -> String {
    number.get().map(|secs| secs.to_string()).unwrap_or_default()
}

/// A look at the whole table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Jobs that wait or run, a line for each part of an array.
    pub(super) active: Vec<Listed>,
    /// Those that are over in all their parts and that the controller still knows.
    pub(super) over: HashMap<String, Observation>,
    /// Tasks that are over, by their arrays.
    pub(super) tasks: HashMap<String, Vec<JobTask>>,
}

impl Jobs {
    pub(super) fn table(&self) -> Table {
        let listed = self.jobs.0.iter().filter_map(Entry::listed);
        let active = listed.filter(|one| one.observation.phase != JobPhase::Ended).collect();
        let ids: Vec<Option<String>> = self.jobs.0.iter().map(Entry::id).collect();
        let parts = self.jobs.0.iter().zip(&ids);
        let parts = parts.filter_map(|(entry, id)| Some((id.as_deref()?, entry.ended()))).collect();
        let over = listing::whole(parts).into_iter().map(|one| (one.scheduler_id.clone(), one));
        let mut tasks: HashMap<String, Vec<JobTask>> = HashMap::new();
        for (array, task) in self.jobs.0.iter().filter_map(Entry::task) {
            tasks.entry(array).or_default().push(task);
        }
        Table { active, over: over.collect(), tasks }
    }
}

/// `/jobs` again, for a person's own ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OwnJobs {
    jobs: List<OwnEntry>,
    errors: List<ApiError>,
}

impl Answer for OwnJobs {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OwnEntry {
    job_id: Number,
    array_job_id: Number,
    job_state: State,
    state_reason: Option<String>,
    comment: Option<String>,
    user_name: Option<String>,
    user_id: Number,
    group_id: Number,
}

/// A job as far as it tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) id: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) is_held: bool,
}

impl OwnJobs {
    /// The job of that account that carries a mark.
    pub(super) fn with_tag(&self, name: &str, tag: &str) -> Option<Own> {
        let is_it = |one: &&OwnEntry| {
            let is_marked = one.comment.as_deref().is_some_and(|comment| tag::is_in(comment, tag));
            is_marked && one.user_name.as_deref() == Some(name)
        };
        self.jobs.0.iter().find(is_it).and_then(OwnEntry::own)
    }

    /// The job with a number.
    pub(super) fn with_id(&self, id: &str) -> Option<Own> {
        self.jobs.0.iter().filter_map(OwnEntry::own).find(|own| own.id == id)
    }
}

impl OwnEntry {
    fn own(&self) -> Option<Own> {
        let number = |number: Number| number.get().and_then(|number| u32::try_from(number).ok());
        let id = id(self.array_job_id, self.job_id)?;
        let why = self.state_reason.as_deref().unwrap_or_default();
        let listed = listing::listed([&id, &self.job_state.0, why, "", "", "N/A", "", "", ""]);
        let is_held = listed.is_some_and(|one| one.observation.phase == JobPhase::Held);
        Some(Own { id, uid: number(self.user_id)?, gid: number(self.group_id)?, is_held })
    }
}

/// `/jobs` once more, for the jobs of one account that the portal may not have submitted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ForeignJobs {
    jobs: List<ForeignEntry>,
    errors: List<ApiError>,
}

impl Answer for ForeignJobs {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ForeignEntry {
    job_id: Number,
    array_job_id: Number,
    user_name: Option<String>,
    user_id: Number,
    name: Option<String>,
    comment: Option<String>,
    partition: Option<String>,
    node_count: Number,
    cpus: Number,
    time_limit: Number,
    submit_time: Number,
}

impl ForeignJobs {
    /// The jobs of that account, of which she wrote names and comments.
    pub(super) fn of(&self, login: &str) -> Vec<Foreign> {
        let hers = self.jobs.0.iter().filter(|one| one.user_name.as_deref() == Some(login));
        hers.filter_map(ForeignEntry::read).collect()
    }
}

impl ForeignEntry {
    fn read(&self) -> Option<Foreign> {
        let small = |number: Number| number.get().and_then(|number| u32::try_from(number).ok());
        let submitted_secs = i64::try_from(self.submit_time.get()?).ok()?;
        let partition = self.partition.as_deref().unwrap_or_default();
        Some(Foreign {
            scheduler_id: id(self.array_job_id, self.job_id)?,
            uid: small(self.user_id)?,
            name: self.name.clone().unwrap_or_default(),
            queue: partition.split(',').next().unwrap_or_default().to_owned(),
            nodes: small(self.node_count).unwrap_or(1),
            cpus: small(self.cpus).unwrap_or(1),
            walltime_secs: self.time_limit.get().and_then(|minutes| minutes.checked_mul(60)),
            submitted_at: submitted_secs.checked_mul(1000).map(Timestamp::from_millis)?,
            is_ours: self.comment.as_deref().is_some_and(tag::is_any_in),
        })
    }
}

/// What came of handing a job over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Submitted {
    job_id: Number,
    /// v0.0.39 and v0.0.40 have it here, too.
    result: Option<SubmittedResult>,
    errors: List<ApiError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SubmittedResult {
    job_id: Number,
}

impl Answer for Submitted {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

impl Submitted {
    pub(super) fn id(&self) -> Option<String> {
        let id = self.job_id.get().or_else(|| self.result.as_ref()?.job_id.get());
        id.filter(|id| *id > 0).map(|id| id.to_string())
    }
}
