//! Slurm by slurmrestd(8), of a cluster that knows nothing of the portal.
//!
//! As with its commands, one look at the table of jobs by the observer serves everybody, and only what a person asks for
//! goes there as her. Nobody can say over there who an account is before it has a job, so the first job of each person
//! waits until its record says that it is hers.

mod accounts;
mod directives;
mod jobs;
mod moment;
mod partitions;
mod record;
mod refusal;
mod submission;
mod submit;
#[cfg(test)]
mod tests;
mod value;
mod version;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::job::JobTask;
use myksc_core::{FieldProblem, Identity, Outcome};
use serde_json::json;
use tokio::sync::watch;

use self::accounts::Accounts;
use self::jobs::{ForeignJobs, Jobs, OwnJobs, Table};
use self::partitions::{NodeTable, Partitions};
use self::record::Record;
pub use self::version::{ApiVersion, ApiVersionError};
use self::version::{Description, Ping};
use super::{CAPABILITIES, listing, task_id};
use crate::follow::Follow;
use crate::reason::reason;
use crate::scheduler::{
    About, Action, Capabilities, Foreign, LookUp, Observation, Queue, Recalled, Scheduler, SchedulerError,
    Submission,
};
use crate::script::Dialect;
use crate::transport::{Answer, Call, OnlyErrors, Rest, RestConfig, RestConfigError, RestError};

/// Jobs in one question to accounting.
const IDS_MAX: usize = 100;
/// People whose accounts were compared; whoever is forgotten is compared once more.
const COMPARED_MAX: usize = 10_000;

/// How a cluster's slurmrestd is used.
pub struct SlurmRestConfig {
    /// How it is reached.
    pub rest: RestConfig,
    /// The version of its API; the newest that both sides know when absent.
    pub api_version: Option<ApiVersion>,
    /// Whether a name alone says who somebody is over there, and not UID and GID.
    pub same_name_suffices: bool,
    /// Who looks at everybody's jobs: an ordinary account.
    pub observer: Identity,
    /// Time between two polls.
    pub poll_every: Duration,
}

/// The scheduler of a Slurm cluster, by slurmrestd.
pub struct SlurmRest {
    rest: Rest,
    observer: Identity,
    same_name_suffices: bool,
    configured: Option<ApiVersion>,
    /// What was discovered last.
    discovered: Mutex<Option<ApiVersion>>,
    /// What the last look at the table saw of jobs that are over.
    seen: Mutex<Seen>,
    /// Accounts that are those of the portal: name, UID, GID.
    compared: Mutex<HashSet<(String, u32, u32)>>,
    follow: Follow,
}

/// Jobs and tasks that are over and that the controller still knows.
#[derive(Default)]
struct Seen {
    over: HashMap<String, Observation>,
    tasks: HashMap<String, Vec<JobTask>>,
}

impl SlurmRest {
    /// Begins to follow the cluster.
    ///
    /// # Errors
    /// There is no client for that configuration.
    pub fn start(config: SlurmRestConfig) -> Result<Self, RestConfigError> {
        Ok(Self {
            rest: Rest::new(config.rest)?,
            observer: config.observer,
            same_name_suffices: config.same_name_suffices,
            configured: config.api_version,
            discovered: Mutex::default(),
            seen: Mutex::default(),
            compared: Mutex::default(),
            follow: Follow::start(config.poll_every),
        })
    }

    async fn version(&self) -> Result<ApiVersion, SchedulerError> {
        let known = *self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = self.configured.or(known) {
            return Ok(version);
        }
        let described: Description = self.observe(&Call::get("/openapi/v3")).await?;
        let version = described.newest().map_err(SchedulerError::Unreached)?;
        *self.discovered.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        Ok(version)
    }

    /// Another slurmrestd may stand there since.
    fn forget_version(&self) {
        *self.discovered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads something as the observer.
    async fn observe<T: Answer>(&self, call: &Call) -> Result<T, SchedulerError> {
        let answer: T = self.rest.call(&self.observer, call).await.map_err(|error| {
            if matches!(error, RestError::NoSuchPath(_)) {
                self.forget_version();
            }
            refusal::of_reading(error)
        })?;
        match refusal::beside_success(answer.errors()) {
            Some(error) => Err(refusal::of_reading(error)),
            None => Ok(answer),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn poll_now(&self) -> Result<Vec<Observation>, SchedulerError> {
        let version = self.version().await?;
        let jobs: Jobs = self.observe(&Call::get(format!("/slurm/{version}/jobs"))).await?;
        let Table { active, over, tasks } = jobs.table();
        *self.seen() = Seen { over, tasks };
        if !self.follow.has_fresh_queues() {
            let shown: Partitions = self.observe(&Call::get(format!("/slurm/{version}/partitions"))).await?;
            let nodes: NodeTable = self.observe(&Call::get(format!("/slurm/{version}/nodes"))).await?;
            self.follow.keep_queues(partitions::queues(&shown, &nodes, &active));
        }
        Ok(listing::observations(&active))
    }

    /// What accounting knows; none where there is no accounting.
    async fn accounted(&self, version: ApiVersion, ids: &[String]) -> Result<Accounts, SchedulerError> {
        let call = Call::get(format!("/slurmdb/{version}/jobs?step={}", ids.join("%2C")));
        match self.rest.call::<Accounts>(&self.observer, &call).await {
            Ok(accounts) => match refusal::beside_success(accounts.errors()) {
                Some(RestError::Refused(why)) if !has_no_accounting(&why) => Err(SchedulerError::Away(why)),
                Some(_) => Ok(Accounts::default()),
                None => Ok(accounts),
            },
            Err(RestError::NoSuchPath(_)) => Ok(Accounts::default()),
            Err(RestError::Refused(why)) if has_no_accounting(&why) => Ok(Accounts::default()),
            Err(error) => Err(refusal::of_reading(error)),
        }
    }

    async fn look_for(&self, ids: &[String]) -> Result<LookUp, SchedulerError> {
        let version = self.version().await?;
        let mut found = Vec::new();
        let (mut missed, mut unasked) = (HashSet::new(), HashSet::new());
        for some in ids.chunks(IDS_MAX) {
            let is_id = |id: &&String| listing::is_id(id);
            let asked: Vec<String> = some.iter().filter(is_id).cloned().collect();
            let accounted = self.accounted(version, &asked).await.map(|accounts| accounts.over());
            let kept = self.seen();
            for id in some {
                let by_accounting = accounted.as_ref().ok().and_then(|known| known.get(id));
                // The controller knows exit codes, accounting what was used.
                match (kept.over.get(id), by_accounting) {
                    (Some(seen), known) => found.push(both(seen, known)),
                    (None, Some(known)) => found.push(known.clone()),
                    (None, None) if accounted.is_err() => drop(unasked.insert(id.clone())),
                    (None, None) => drop(missed.insert(id.clone())),
                }
            }
            if let Err(error) = &accounted {
                tracing::warn!(%error, "accounting is not asked for now");
            }
        }
        let mut seen = self.follow.settle(found, missed);
        seen.unsettled.extend(unasked);
        Ok(seen)
    }

    /// Tasks that are over: as the controller tells, and those that it forgot by accounting.
    async fn look_for_tasks(
        &self,
        arrays: &[String],
    ) -> Result<HashMap<String, Vec<JobTask>>, SchedulerError> {
        let version = self.version().await?;
        let mut tasks: HashMap<String, HashMap<u32, JobTask>> = HashMap::new();
        for some in arrays.chunks(IDS_MAX) {
            let asked: Vec<String> = some.iter().filter(|id| listing::is_id(id)).cloned().collect();
            for (array, task) in self.accounted(version, &asked).await?.tasks() {
                tasks.entry(array).or_default().insert(task.index, task);
            }
        }
        let seen = self.seen();
        for (id, known) in arrays.iter().filter_map(|id| Some((id, seen.tasks.get(id)?))) {
            let own = known.iter().map(|task| (task.index, task.clone()));
            tasks.entry(id.clone()).or_default().extend(own);
        }
        Ok(tasks.into_iter().map(|(array, tasks)| (array, tasks.into_values().collect())).collect())
    }

    async fn foreign_of(&self, login: &str) -> Result<Vec<Foreign>, SchedulerError> {
        let version = self.version().await?;
        let jobs: ForeignJobs = self.observe(&Call::get(format!("/slurm/{version}/jobs"))).await?;
        Ok(jobs.of(login))
    }

    async fn own_jobs(&self, who: &Identity, path: String) -> Result<OwnJobs, RestError> {
        let jobs: OwnJobs = self.rest.call(who, &Call::get(path)).await?;
        match refusal::beside_success(jobs.errors()) {
            Some(error) => Err(error),
            None => Ok(jobs),
        }
    }

    async fn change(&self, who: &Identity, id: &str, action: Action) -> Result<(), SchedulerError> {
        if !listing::is_id_or_task(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let version = self.version().await?;
        let path = format!("/slurm/{version}/job/{id}");
        let call = match action {
            Action::Cancel => Call::delete(path),
            Action::Hold => Call::post(path, json!({ "hold": true })),
            Action::Release => Call::post(path, json!({ "hold": false })),
            // Slurm counts no seconds.
            Action::SetWalltime(secs) => Call::post(path, json!({ "time_limit": secs.div_ceil(60) })),
            Action::Requeue => {
                let detail = "slurmrestd has no word for it";
                let why = reason("requeue_disabled", [("detail", detail.into())], detail);
                return Err(SchedulerError::Refused(why));
            }
        };
        let done = self.rest.call::<OnlyErrors>(who, &call).await;
        self.follow.note_change();
        let answer = done.map_err(|error| refusal::of_action(error, id, action))?;
        let said: Vec<_> = answer.errors().iter().filter(|error| !error.is_bare()).cloned().collect();
        match refusal::beside_success(&said) {
            Some(error) => Err(refusal::of_action(error, id, action)),
            None => Ok(()),
        }
    }

    /// The controller's record, or that of accounting once the controller has forgotten the job.
    async fn record_of(&self, who: &Identity, id: &str) -> Result<String, SchedulerError> {
        if !listing::is_id(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let version = self.version().await?;
        let mut refused = None;
        for part in ["slurm", "slurmdb"] {
            let call = Call::get(format!("/{part}/{version}/job/{id}"));
            match self.rest.call::<Record>(who, &call).await {
                Ok(record) => {
                    if let Some(text) = record.text() {
                        return Ok(text);
                    }
                }
                Err(error @ (RestError::NotLetIn(_) | RestError::Unreached(_) | RestError::Lost(_))) => {
                    return Err(refusal::of_reading(error));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let known = |error| refusal::of_action(error, id, Action::Cancel);
        Err(refused.map_or_else(|| SchedulerError::NoSuchJob(id.to_owned()), known))
    }
}

impl Scheduler for SlurmRest {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        async move {
            let version = self.version().await?;
            let ping: Ping = self.observe(&Call::get(format!("/slurm/{version}/ping"))).await?;
            Ok(About {
                scheduler: "slurm".to_owned(),
                version: ping.release(),
                // slurmrestd has no word for starting over before v0.0.45.
                capabilities: Capabilities { requeue: false, ..CAPABILITIES },
            })
        }
        .boxed()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Slurm
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.follow.queues().boxed()
    }

    fn check<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>> {
        self.check_here(who, submission).boxed()
    }

    fn submit<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        self.submit_once(who, submission).boxed()
    }

    fn act<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<(), SchedulerError>> {
        self.change(who, scheduler_id, action).boxed()
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Observation>, SchedulerError>> {
        self.follow.poll(self.poll_now()).boxed()
    }

    fn look_up<'a>(&'a self, scheduler_ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>> {
        self.look_for(scheduler_ids).boxed()
    }

    fn look_up_tasks<'a>(
        &'a self,
        arrays: &'a [String],
    ) -> BoxFuture<'a, Result<HashMap<String, Vec<JobTask>>, SchedulerError>> {
        self.look_for_tasks(arrays).boxed()
    }

    fn task_id(&self, array: &str, index: u32) -> Option<String> {
        Some(task_id(array, index))
    }

    fn foreign<'a>(
        &'a self,
        login: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Foreign>, SchedulerError>> {
        self.foreign_of(login).boxed()
    }

    fn recall(&self, _known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        // Slurm keeps no script and no place in the portal's words for us.
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn record<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        self.record_of(who, scheduler_id).boxed()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.follow.changes()
    }
}

/// What both know of a job. The controller may have forgotten the task of an array that did not succeed.
fn both(seen: &Observation, known: Option<&Observation>) -> Observation {
    let Some(known) = known else { return seen.clone() };
    let is_worse = seen.outcome == Some(Outcome::Succeeded) && known.outcome != seen.outcome;
    let told = if is_worse { known } else { seen };
    Observation { usage: known.usage.clone(), ..told.clone() }
}

/// What slurmrestd says where the cluster has no accounting.
fn has_no_accounting(why: &str) -> bool {
    why.contains("accounting storage is disabled")
}
