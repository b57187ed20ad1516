//! The tasks of an array as its owner sees them.

use myksc_core::job::JobTask;
use myksc_core::{Error, FieldProblem, Identity, Job, JobId, JobPhase, Outcome, Result};
use myksc_store::TaskState;

use super::{AREA, Jobs, Order, PAGE_MAX};
use crate::script::Indexes;

/// What an intent to cancel one task is called.
pub(super) const CANCEL_TASK: &str = "cancel_task";

/// One page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPage {
    /// By number.
    pub items: Vec<JobTask>,
    /// What to ask the next page with.
    pub next_cursor: Option<String>,
}

impl Jobs {
    /// The tasks of an array by their numbers, those that wait included; only those in one state where `state` says so.
    /// A job that is no array has none.
    ///
    /// # Errors
    /// No such job, a cursor that is none, or the database does not answer.
    pub async fn tasks(
        &self,
        who: &Identity,
        id: &JobId,
        state: Option<TaskState>,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<TaskPage> {
        let job = self.get(who, id).await?;
        let after = cursor.map(parse_cursor).transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        let indexes = job.array.as_ref().and_then(|array| Indexes::parse(&array.indexes));
        let Some(indexes) = indexes else { return Ok(TaskPage { items: Vec::new(), next_cursor: None }) };
        // One more tells whether there is a next page.
        let mut items = match state {
            Some(state) => self.inner.store.job_tasks_in(&job.id, state, after, limit + 1).await?,
            None => self.numbered(&job, &indexes.page(after, limit as usize + 1)).await?,
        };
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        items.iter_mut().for_each(|task| settle(task, &job));
        let next_cursor = items.last().filter(|_| has_more).map(|task| task.index.to_string());
        Ok(TaskPage { items, next_cursor })
    }

    /// The tasks with these numbers; what is not on record waits, or never began.
    async fn numbered(&self, job: &Job, numbers: &[u32]) -> Result<Vec<JobTask>> {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(Vec::new()) };
        let on_record = self.inner.store.job_tasks(&job.id, *first, *last).await?;
        let mut on_record = on_record.into_iter().peekable();
        let task = |index: &u32| {
            while on_record.next_if(|task| task.index < *index).is_some() {}
            on_record.next_if(|task| task.index == *index).unwrap_or_else(|| waiting(job, *index))
        };
        Ok(numbers.iter().map(task).collect())
    }

    /// One task of an array.
    ///
    /// # Errors
    /// No such job or no such task.
    pub(super) async fn task(&self, job: &Job, index: u32) -> Result<JobTask> {
        let array = job.array.as_ref().and_then(|array| Indexes::parse(&array.indexes));
        if !array.is_some_and(|indexes| indexes.contains(index)) {
            return Err(Error::not_found("task", index));
        }
        let mut tasks = self.numbered(job, &[index]).await?;
        let mut task = tasks.pop().ok_or_else(|| Error::not_found("task", index))?;
        settle(&mut task, job);
        Ok(task)
    }

    /// Asks for the end of one task of an array.
    ///
    /// # Errors
    /// No such job or task, or 409 `job_not_active` when it is over.
    pub async fn cancel_task(&self, who: &Identity, id: &JobId, index: u32) -> Result<Job> {
        let job = self.get(who, id).await?;
        let task = self.task(&job, index).await?;
        if task.phase == JobPhase::Ended {
            let params = [("phase".to_owned(), "ended".into())].into();
            let detail = "the task is over".to_owned();
            return Err(Error::Conflict { code: "job_not_active", params, detail });
        }
        let order = Order { who: who.clone(), task: Some(index), walltime_secs: None };
        let body = serde_json::to_string(&order).map_err(Error::internal)?;
        let mut tx = self.inner.store.begin().await?;
        tx.add_intent(AREA, CANCEL_TASK, job.id.as_str(), &who.user, &body).await?;
        tx.commit().await?;
        self.inner.system(&job.system)?.wake.notify_one();
        tracing::info!(job = %job.id, task = index, user = who.name, "asked to cancel a task");
        Ok(job)
    }
}

/// A task that has not begun.
fn waiting(job: &Job, index: u32) -> JobTask {
    let is_held = job.phase == JobPhase::Held;
    JobTask {
        index,
        scheduler_id: None,
        phase: if is_held { JobPhase::Held } else { JobPhase::Queued },
        phase_raw: None,
        outcome: None,
        exit_code: None,
        reason: None,
        node: None,
        started_at: None,
        ended_at: None,
    }
}

/// A task of an array that is over is over, also where nothing more is known of it.
fn settle(task: &mut JobTask, job: &Job) {
    if job.phase != JobPhase::Ended || task.phase == JobPhase::Ended {
        return;
    }
    let is_cancelled = job.outcome == Some(Outcome::Cancelled);
    task.phase = JobPhase::Ended;
    task.phase_raw = None;
    task.outcome = Some(if is_cancelled { Outcome::Cancelled } else { Outcome::Unknown });
}

fn parse_cursor(text: &str) -> Result<u32> {
    let problem = || FieldProblem::new("cursor", "cursor_invalid", "not a cursor of this list");
    text.parse().map_err(|_| Error::invalid(problem()))
}
