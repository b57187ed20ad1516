//! What a person may ask of a job that is on record.

use myksc_core::error::Params;
use myksc_core::job::JobReason;
use myksc_core::{Error, Identity, Job, JobId, JobPhase, Result};

use super::system::System;
use super::{AREA, Jobs, Order, limits};
use crate::reason::reason;
use crate::scheduler::Action;

const BEING_CANCELLED: &str = "being_cancelled";

impl Jobs {
    /// Asks for the end of a job. Asking twice is no error.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_active` when it is over.
    pub async fn cancel(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Cancel).await
    }

    /// Asks to keep a waiting job from starting.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_queued` when it does not wait.
    pub async fn hold(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Hold).await
    }

    /// Asks to let a held job start.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_held` when it is not held.
    pub async fn release(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Release).await
    }

    /// Asks to stop a running job and let it begin anew.
    ///
    /// # Errors
    /// No such job, 409 `job_not_running`, or its scheduler can't do that.
    pub async fn requeue(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Requeue).await
    }

    /// Asks for another walltime.
    ///
    /// # Errors
    /// No such job, 409 `job_not_active`, 422 `walltime_only_shorter` or `walltime_over_limit`, or its scheduler can't do
    /// that.
    pub async fn set_walltime(&self, who: &Identity, id: &JobId, walltime_secs: u64) -> Result<Job> {
        let job = self.get(who, id).await?;
        let system = self.inner.system(&job.system)?;
        let queues = system.queues().await?;
        let problem = limits::walltime_problem(&job, walltime_secs, &queues, system.view().capabilities);
        match problem {
            Some(problem) => Err(Error::invalid(problem)),
            None => self.ask(who, id, Action::SetWalltime(walltime_secs)).await,
        }
    }

    async fn ask(&self, who: &Identity, id: &JobId, action: Action) -> Result<Job> {
        let order = Order { who: who.clone(), task: None, walltime_secs: action.walltime_secs() };
        let body = serde_json::to_string(&order).map_err(Error::internal)?;
        // A row that changes while it is looked at is looked at again.
        let (job, system) = loop {
            let mut job = self.get(who, id).await?;
            check_phase(&job, action)?;
            check_own(&job)?;
            let system = self.inner.system(&job.system)?;
            system.check_can(action)?;
            job.refusal = None;
            if action == Action::Cancel {
                job.reason = Some(being_cancelled());
            }
            let mut tx = self.inner.store.begin().await?;
            if tx.update_job(&mut job).await? {
                tx.add_intent(AREA, action.name(), job.id.as_str(), &who.user, &body).await?;
                tx.commit().await?;
                break (job, system);
            }
        };
        system.wake.notify_one();
        tracing::info!(job = %job.id, action = action.name(), user = who.name, "asked for a job");
        Ok(job)
    }
}

impl System {
    /// Whether the scheduler can do that at all, as far as it is known.
    fn check_can(&self, action: Action) -> Result<()> {
        let capabilities = self.view().capabilities;
        let can = match action {
            Action::Requeue => capabilities.requeue,
            Action::SetWalltime(_) => capabilities.shorten,
            Action::Cancel | Action::Hold | Action::Release => true,
        };
        if can {
            return Ok(());
        }
        let detail = "this system does not let people do that with their jobs".to_owned();
        Err(Error::Conflict { code: "action_unknown_here", params: Params::new(), detail })
    }
}

/// What was submitted elsewhere is only shown here.
fn check_own(job: &Job) -> Result<()> {
    if !job.elsewhere {
        return Ok(());
    }
    let detail = "the job was submitted elsewhere; change it there".to_owned();
    Err(Error::Conflict { code: "job_elsewhere", params: Params::new(), detail })
}

fn check_phase(job: &Job, action: Action) -> Result<()> {
    let (fits, code, detail) = match action {
        Action::Cancel => (job.phase != JobPhase::Ended, "job_not_active", "the job is over"),
        Action::Hold => (job.phase == JobPhase::Queued, "job_not_queued", "only a waiting job can be held"),
        Action::Release => (job.phase == JobPhase::Held, "job_not_held", "the job is not held"),
        Action::Requeue => {
            let runs = matches!(job.phase, JobPhase::Running | JobPhase::Suspended);
            (runs, "job_not_running", "only a running job can begin anew")
        }
        Action::SetWalltime(_) => (job.phase != JobPhase::Ended, "job_not_active", "the job is over"),
    };
    if fits {
        return Ok(());
    }
    let phase = serde_json::to_value(job.phase).map_err(Error::internal)?;
    Err(Error::Conflict { code, params: [("phase".to_owned(), phase)].into(), detail: detail.to_owned() })
}

fn being_cancelled() -> JobReason {
    reason(BEING_CANCELLED, [], "being cancelled")
}

pub(super) fn is_being_cancelled(job: &Job) -> bool {
    job.reason.as_ref().is_some_and(|reason| reason.code == BEING_CANCELLED)
}
