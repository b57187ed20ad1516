//! Table `job_tasks`: tasks of job arrays that have started or ended.

use std::collections::HashMap;

use myksc_core::job::JobTask;
use myksc_core::{JobId, JobPhase, Outcome};

use crate::db::{Store, Tx, execute, fetch_all};
use crate::error::StoreError;

/// Which tasks of an array to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Those that have started and are not over.
    Active,
    /// Those that ended well.
    Succeeded,
    /// Those that ended otherwise.
    Failed,
}

/// How many tasks of an array are on record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Started and not over.
    pub active: u32,
    /// Ended well.
    pub succeeded: u32,
    /// Ended otherwise.
    pub failed: u32,
}

impl TaskState {
    fn of(task: &JobTask) -> Self {
        match (task.phase, task.outcome) {
            (JobPhase::Ended, Some(Outcome::Succeeded)) => Self::Succeeded,
            (JobPhase::Ended, _) => Self::Failed,
            _ => Self::Active,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl Tx {
    /// Writes down how tasks of an array stand.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn put_job_tasks(&mut self, job: &JobId, tasks: &[JobTask]) -> Result<(), StoreError> {
        for task in tasks {
            let body =
                serde_json::to_string(task).map_err(|error| StoreError::corrupt("job_tasks", error))?;
            execute!(
                self,
                "INSERT INTO job_tasks (job, task_index, state, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (job, task_index) DO UPDATE SET state = excluded.state, body = excluded.body",
                job.as_str(),
                i64::from(task.index),
                TaskState::of(task).word(),
                body
            )?;
        }
        Ok(())
    }

    /// How many tasks of an array are on record.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn count_job_tasks(&mut self, job: &JobId) -> Result<TaskCounts, StoreError> {
        let sql = "SELECT state, COUNT(*) FROM job_tasks WHERE job = $1 GROUP BY state";
        let rows = fetch_all!(self, (String, i64), sql, job.as_str())?;
        let mut counts = TaskCounts::default();
        for (state, count) in rows {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            match state.as_str() {
                "active" => counts.active = count,
                "succeeded" => counts.succeeded = count,
                _ => counts.failed = count,
            }
        }
        Ok(counts)
    }
}

impl Store {
    /// Tasks on record whose numbers lie between these, both included, by number.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn job_tasks(&self, job: &JobId, first: u32, last: u32) -> Result<Vec<JobTask>, StoreError> {
        let mut reader = self.reader().await?;
        let sql =
            "SELECT body FROM job_tasks WHERE job = $1 AND task_index BETWEEN $2 AND $3 ORDER BY task_index";
        let rows = fetch_all!(reader, (String,), sql, job.as_str(), i64::from(first), i64::from(last))?;
        rows.into_iter().map(read).collect()
    }

    /// Up to `limit` tasks in one state behind a number, by number.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn job_tasks_in(
        &self,
        job: &JobId,
        state: TaskState,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobTask>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            (String,),
            "SELECT body FROM job_tasks WHERE job = $1 AND state = $2 AND task_index > $3
             ORDER BY task_index LIMIT $4",
            job.as_str(),
            state.word(),
            after.map_or(-1, i64::from),
            i64::from(limit)
        )?;
        rows.into_iter().map(read).collect()
    }

    /// The tasks of all active arrays of a system that have started and are not over.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn active_job_tasks(&self, system: &str) -> Result<HashMap<JobId, Vec<JobTask>>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            (String, String),
            "SELECT t.job, t.body FROM job_tasks t JOIN jobs j ON j.id = t.job
             WHERE j.system = $1 AND j.ended = 0 AND t.state = 'active'",
            system
        )?;
        let mut tasks: HashMap<JobId, Vec<JobTask>> = HashMap::new();
        for (job, body) in rows {
            let job = job.parse().map_err(|error| StoreError::corrupt("job_tasks", error))?;
            tasks.entry(job).or_default().push(read((body,))?);
        }
        Ok(tasks)
    }
}

fn read((body,): (String,)) -> Result<JobTask, StoreError> {
    serde_json::from_str(&body).map_err(|error| StoreError::corrupt("job_tasks", error))
}

#[cfg(test)]
mod tests {
    use myksc_core::{Timestamp, UserId};

    use super::*;
    use crate::jobs::tests::{insert, job};
    use crate::testing::each_engine;

    fn task(index: u32, phase: JobPhase, outcome: Option<Outcome>) -> JobTask {
        JobTask {
            index,
            scheduler_id: Some("57".to_owned()),
            phase,
            phase_raw: None,
            outcome,
            exit_code: None,
            reason: None,
            node: Some("n1".to_owned()),
            started_at: Some(Timestamp::from_millis(5)),
            ended_at: None,
        }
    }

    #[tokio::test]
    async fn tasks_are_written_over_counted_and_listed() {
        each_engine(|store| async move {
            let mut array = job(&UserId::random(), 1);
            insert(&store, &mut array).await;
            let running = task(7, JobPhase::Running, None);
            let ended = |index, outcome| task(index, JobPhase::Ended, Some(outcome));
            let tasks = [running.clone(), ended(2, Outcome::Failed), ended(3, Outcome::Succeeded)];
            let mut tx = store.begin().await.unwrap();
            tx.put_job_tasks(&array.id, &tasks).await.unwrap();
            tx.put_job_tasks(&array.id, &[ended(3, Outcome::TimedOut)]).await.unwrap();
            let counts = tx.count_job_tasks(&array.id).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(counts, TaskCounts { active: 1, succeeded: 0, failed: 2 });
            assert_eq!(
                store.job_tasks(&array.id, 3, 7).await.unwrap(),
                [ended(3, Outcome::TimedOut), running.clone()]
            );
            let failed = store.job_tasks_in(&array.id, TaskState::Failed, Some(2), 9).await.unwrap();
            assert_eq!(failed, [ended(3, Outcome::TimedOut)]);
            let active = store.active_job_tasks("local").await.unwrap();
            assert_eq!(active, HashMap::from([(array.id.clone(), vec![running])]));
            assert_eq!(store.active_job_tasks("other").await.unwrap(), HashMap::new());
        })
        .await;
    }
}
