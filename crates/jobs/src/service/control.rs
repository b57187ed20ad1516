//! The control loop of one system: does what was asked for, and writes down what its scheduler says.
//!
//! Every step may be cut off anywhere and is then repeated from the records: an intent is cleared only in the
//! transaction that records what came of it, and the scheduler takes a job with a known tag only once.

mod arrays;
mod elsewhere;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::job::{JobReason, JobTask};
use myksc_core::{Error, Identity, Job, JobId, JobPhase, Outcome, Result, Timestamp, UserId};
use myksc_store::Intent;

use super::actions::is_being_cancelled;
use super::system::System;
use super::tasks::CANCEL_TASK;
use super::{AREA, Inner, Order, SUBMIT, scheduler_error};
use crate::reason::reason;
use crate::scheduler::{Action, Observation, Recalled, SchedulerError};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs until it is cancelled.
pub(super) async fn run(inner: Arc<Inner>, system: String) {
    let Some(system) = inner.systems.get(&system) else { return };
    let mut changes = system.scheduler.changes();
    let mut is_adopted = false;
    let mut pause = FIRST_PAUSE;
    loop {
        changes.mark_unchanged();
        let round = Round { inner: &inner, system };
        let result = round.run(&mut is_adopted).await;
        system.health.send_modify(|health| health.is_up = result.is_ok());
        let needs_another = match result {
            Ok(is_done) => {
                if is_done {
                    pause = FIRST_PAUSE;
                }
                !is_done
            }
            Err(error) => {
                tracing::warn!(system = system.id, %error, "the system is not followed for now");
                true
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = system.wake.notified() => {}
            () = tokio::time::sleep(pause), if needs_another => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

struct Round<'a> {
    inner: &'a Inner,
    system: &'a System,
}

impl Round<'_> {
    /// One look at everything. False when something is left that has to be tried again.
    async fn run(&self, is_adopted: &mut bool) -> Result<bool> {
        let is_done = self.apply_intents().await?;
        if self.system.health.borrow().about.is_none() {
            let about = self.system.scheduler.about().await.map_err(scheduler_error)?;
            self.system.health.send_modify(|health| health.about = Some(about));
        }
        if !*is_adopted {
            self.adopt().await?;
            *is_adopted = true;
        }
        self.observe().await?;
        let now = Timestamp::now();
        self.system.health.send_modify(|health| health.observed_at = Some(now));
        Ok(is_done)
    }

    /// Takes over the jobs that the scheduler knows and the database does not.
    async fn adopt(&self) -> Result<()> {
        let store = &self.inner.store;
        let known = store.scheduler_ids(&self.system.id).await?;
        for recalled in self.system.scheduler.recall(known).await.map_err(scheduler_error)? {
            // A job on record without the scheduler's id has its intent, which will find it.
            if store.job(&recalled.submission.tag).await?.is_some() {
                continue;
            }
            let owner = self.owner_of(&recalled.who).await?;
            let (mut job, script) = job_of(recalled, owner, &self.system.id);
            let mut tx = store.begin().await?;
            tx.insert_job(&mut job, &script).await?;
            tx.commit().await?;
            tracing::info!(job = %job.id, system = self.system.id, "a job was found again");
        }
        Ok(())
    }

    /// The person on record that a remembered identity means: the same id, else the same account.
    async fn owner_of(&self, who: &Identity) -> Result<UserId> {
        if self.inner.store.user(&who.user).await?.is_some() {
            return Ok(who.user.clone());
        }
        let account = self.inner.store.user_by_name(&who.name).await?;
        let same = account.map(|account| account.user).filter(|user| user.uid == who.uid);
        Ok(same.map_or_else(|| who.user.clone(), |user| user.id))
    }

    async fn apply_intents(&self) -> Result<bool> {
        let mut blocked = BTreeSet::new();
        for intent in self.inner.store.intents(AREA).await? {
            if blocked.contains(&intent.subject) {
                continue;
            }
            match self.apply(&intent).await {
                Ok(true) => {}
                Ok(false) => {
                    blocked.insert(intent.subject);
                }
                Err(error) => {
                    tracing::warn!(job = intent.subject, kind = intent.kind, %error, "it is tried again");
                    blocked.insert(intent.subject);
                }
            }
        }
        Ok(blocked.is_empty())
    }

    /// Does one thing; false when it has to be tried again.
    async fn apply(&self, intent: &Intent) -> Result<bool> {
        let job = match intent.subject.parse::<JobId>() {
            Ok(id) => self.inner.store.job(&id).await?,
            Err(_) => None,
        };
        let Some(job) = job else {
            self.clear(intent).await?;
            return Ok(true);
        };
        if job.system != self.system.id {
            return Ok(true);
        }
        let order: Order = serde_json::from_str(&intent.body).map_err(Error::internal)?;
        let action = match (intent.kind.as_str(), order.walltime_secs) {
            (SUBMIT, _) => return self.submit(intent, &order.who, job).await,
            ("cancel" | CANCEL_TASK, _) => Action::Cancel,
            ("hold", _) => Action::Hold,
            ("release", _) => Action::Release,
            ("requeue", _) => Action::Requeue,
            ("set_walltime", Some(secs)) => Action::SetWalltime(secs),
            (other, _) => return Err(Error::internal(format!("an intent of unknown kind {other}"))),
        };
        self.act(intent, &order, job, action).await
    }

    async fn submit(&self, intent: &Intent, who: &Identity, mut job: Job) -> Result<bool> {
        if job.scheduler_id.is_some() || job.phase == JobPhase::Ended {
            self.clear(intent).await?;
            return Ok(true);
        }
        let script = self.inner.store.job_script(&job.id).await?.unwrap_or_default();
        let roots = (self.inner.roots)(who);
        let outputs = self.system.outputs_of(&job, &script, &roots)?;
        let submission = self.system.submission_of(&job, script, &roots)?;
        let is_unheard = self.system.take_unheard(&job.id);
        if is_unheard && is_being_cancelled(&job) {
            return self.withdraw(intent, job).await;
        }
        match self.system.scheduler.submit(who, &submission).await {
            Ok(scheduler_id) => {
                let ids = outputs.ids(job.id.as_str(), Some(&scheduler_id));
                let (stdout, stderr) = outputs.paths(ids).map_err(Error::invalid)?;
                (job.stdout_path, job.stderr_path) = (stdout, stderr);
                job.scheduler_id = Some(scheduler_id);
                job.phase = JobPhase::Queued;
            }
            // It was taken when she was let in; what keeps her out now may pass.
            Err(SchedulerError::Unreached(detail) | SchedulerError::NotAllowed(detail)) => {
                if is_unheard {
                    self.system.note_unheard(&job.id);
                }
                return self.keep_waiting(job, &detail).await;
            }
            Err(SchedulerError::Away(detail)) => return self.keep_waiting(job, &detail).await,
            Err(SchedulerError::Refused(why)) => refuse(&mut job, why),
            Err(error) => refuse(&mut job, reason("refused", [], error.to_string())),
        }
        crash::point(CrashPoint::SubmitApplied);
        let mut tx = self.inner.store.begin().await?;
        let is_current = tx.update_job(&mut job).await?;
        if is_current {
            tx.clear_intent(intent.id).await?;
            tx.commit().await?;
        }
        // Else somebody asked for something meanwhile: the next round does it on the new row.
        Ok(is_current)
    }

    /// Ends a cancelled job that was never handed over.
    async fn withdraw(&self, intent: &Intent, mut job: Job) -> Result<bool> {
        job.phase = JobPhase::Ended;
        job.outcome = Some(Outcome::Cancelled);
        job.reason = Some(reason("cancelled_by_user", [], "cancelled"));
        job.ended_at = Some(Timestamp::now());
        let recorded = async {
            let mut tx = self.inner.store.begin().await?;
            let is_current = tx.update_job(&mut job).await?;
            if is_current {
                tx.clear_intent(intent.id).await?;
                tx.commit().await?;
            }
            Result::Ok(is_current)
        };
        let recorded = recorded.await;
        if !matches!(recorded, Ok(true)) {
            self.system.note_unheard(&job.id);
        }
        recorded
    }

    /// Says why a job is not handed over; one that is to be cancelled stays marked as such.
    async fn keep_waiting(&self, mut job: Job, detail: &str) -> Result<bool> {
        let why = reason("scheduler_away", [("detail", detail.into())], detail);
        if job.reason.as_ref() != Some(&why) && !is_being_cancelled(&job) {
            job.reason = Some(why);
            let mut tx = self.inner.store.begin().await?;
            if tx.update_job(&mut job).await? {
                tx.commit().await?;
            }
        }
        Ok(false)
    }

    async fn act(&self, intent: &Intent, order: &Order, mut job: Job, action: Action) -> Result<bool> {
        let scheduler = &self.system.scheduler;
        let scheduler_id = job.scheduler_id.clone().filter(|_| job.phase != JobPhase::Ended);
        let scheduler_id = match order.task {
            Some(index) => scheduler_id.and_then(|id| scheduler.task_id(&id, index)),
            None => scheduler_id,
        };
        let Some(scheduler_id) = scheduler_id else {
            self.clear(intent).await?;
            return Ok(true);
        };
        match scheduler.act(&order.who, &scheduler_id, action).await {
            Ok(()) => {
                let Some(walltime_secs) = action.walltime_secs() else {
                    self.clear(intent).await?;
                    return Ok(true);
                };
                job.size.walltime_secs = Some(walltime_secs);
            }
            Err(
                SchedulerError::Away(detail)
                | SchedulerError::Unreached(detail)
                | SchedulerError::NotAllowed(detail),
            ) => {
                tracing::warn!(job = %job.id, action = action.name(), detail, "it is tried again");
                return Ok(false);
            }
            Err(SchedulerError::Refused(why)) => job.refusal = Some(why),
            // The job went on before the scheduler heard of it; its row will say so.
            Err(error) => {
                tracing::info!(job = %job.id, action = action.name(), %error, "came too late");
                self.clear(intent).await?;
                return Ok(true);
            }
        }
        let mut tx = self.inner.store.begin().await?;
        let is_current = tx.update_job(&mut job).await?;
        if is_current {
            tx.clear_intent(intent.id).await?;
            tx.commit().await?;
        }
        // Else the row changed meanwhile: the next round does it again, which does no harm.
        Ok(is_current)
    }

    async fn clear(&self, intent: &Intent) -> Result<()> {
        let mut tx = self.inner.store.begin().await?;
        tx.clear_intent(intent.id).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down how the jobs stand.
    async fn observe(&self) -> Result<()> {
        let scheduler = &self.system.scheduler;
        let polled = scheduler.poll().await.map_err(scheduler_error)?;
        let active = self.inner.store.active_jobs(&self.system.id).await?;
        let known: HashSet<String> = active.iter().filter_map(|job| job.scheduler_id.clone()).collect();
        self.take_in(&polled, &known).await?;
        let handed_over = active.into_iter().filter(|job| job.scheduler_id.is_some());
        let mut seen: HashMap<String, Observation> =
            polled.into_iter().map(|observation| (observation.scheduler_id.clone(), observation)).collect();
        let jobs: Vec<Job> = handed_over.collect();
        let missing: Vec<String> = jobs
            .iter()
            .filter_map(|job| job.scheduler_id.clone())
            .filter(|id| !seen.contains_key(id))
            .collect();
        let mut unsettled = HashSet::new();
        if !missing.is_empty() {
            let known = scheduler.look_up(&missing).await.map_err(scheduler_error)?;
            unsettled = known.unsettled;
            seen.extend(
                known.found.into_iter().map(|observation| (observation.scheduler_id.clone(), observation)),
            );
        }
        let mut tasks = self.changed_tasks(&jobs, &seen).await?;
        let is_settled = |job: &Job| job.scheduler_id.as_ref().is_none_or(|id| !unsettled.contains(id));
        for mut job in jobs.into_iter().filter(is_settled) {
            let observation = job.scheduler_id.as_ref().and_then(|id| seen.remove(id));
            let observation = observation.unwrap_or_else(|| lost(&job));
            let tasks = tasks.remove(&job.id).unwrap_or_default();
            self.write_down(&mut job, observation, &tasks).await?;
        }
        Ok(())
    }

    /// Writes how a job and these tasks of it stand, if that is news.
    async fn write_down(&self, job: &mut Job, observation: Observation, tasks: &[JobTask]) -> Result<()> {
        let seen = observation.clone();
        let is_other = take_over(job, observation);
        let is_array = job.array.is_some();
        if !is_other && tasks.is_empty() && !is_array {
            return Ok(());
        }
        let mut tx = self.inner.store.begin().await?;
        if let Some(array) = &job.array {
            tx.put_job_tasks(&job.id, tasks).await?;
            let now = arrays::counted(array, &seen, tx.count_job_tasks(&job.id).await?);
            if !is_other && tasks.is_empty() && now == *array {
                return Ok(());
            }
            job.array = Some(now);
        }
        // A row that changed meanwhile woke us again and is compared then.
        if tx.update_job(job).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

fn refuse(job: &mut Job, why: JobReason) {
    job.phase = JobPhase::Ended;
    job.outcome = Some(Outcome::Refused);
    job.reason = Some(why);
    job.ended_at = Some(Timestamp::now());
}

/// Writes an observation into a job; whether that changed anything.
fn take_over(job: &mut Job, observation: Observation) -> bool {
    let before = job.clone();
    job.phase = observation.phase;
    job.phase_raw = observation.phase_raw;
    job.outcome = observation.outcome;
    job.exit_code = observation.exit_code;
    job.reason = observation.reason;
    // A job that was put back into the queue has not started.
    let has_begun = !matches!(observation.phase, JobPhase::Queued | JobPhase::Held);
    job.started_at = observation.started_at.or(job.started_at.filter(|_| has_begun));
    job.ended_at = observation.ended_at;
    job.expected_start_at = observation.expected_start_at;
    job.usage = observation.usage;
    *job != before
}

/// What is said of a job that its scheduler does not know any more.
fn lost(job: &Job) -> Observation {
    let detail = "the scheduler has no record of it any more; how it ended is not known";
    Observation {
        scheduler_id: job.scheduler_id.clone().unwrap_or_default(),
        tag: Some(job.id.clone()),
        phase: JobPhase::Ended,
        phase_raw: None,
        outcome: Some(Outcome::Unknown),
        exit_code: None,
        reason: Some(reason("record_lost", [], detail)),
        started_at: job.started_at,
        ended_at: Some(Timestamp::now()),
        expected_start_at: None,
        usage: None,
        array: None,
        login: None,
    }
}

fn job_of(recalled: Recalled, owner: UserId, system: &str) -> (Job, String) {
    let Recalled { submission, observation, .. } = recalled;
    let mut job = Job {
        id: submission.tag,
        owner,
        system: system.to_owned(),
        scheduler_id: Some(observation.scheduler_id.clone()),
        queue: submission.queue,
        name: submission.name,
        phase: JobPhase::Queued,
        phase_raw: None,
        outcome: None,
        exit_code: None,
        reason: None,
        size: submission.size,
        work_dir: submission.place.work_dir,
        stdout_path: submission.place.stdout,
        stderr_path: submission.place.stderr,
        submitted_at: submission.submitted_at,
        started_at: None,
        ended_at: None,
        expected_start_at: None,
        usage: None,
        array: None,
        refusal: None,
        elsewhere: false,
        revision: 0,
    };
    take_over(&mut job, observation);
    (job, submission.script)
}
