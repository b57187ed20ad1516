//! Table `jobs`: batch jobs and their scripts, ended ones included.

use std::collections::HashSet;

use myksc_core::{Job, JobId, JobPhase, Timestamp, UserId};

use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// Which jobs of a person to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Those that are not over.
    Active,
    /// Those that are over.
    Ended,
    /// All.
    All,
}

/// The last job of a page; the next page begins behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCursor {
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Its id.
    pub id: JobId,
}

impl Tx {
    /// Adds a job with its script and gives it a revision.
    ///
    /// # Errors
    /// A duplicate ([`StoreError::is_duplicate`]) when the id is on record.
    pub async fn insert_job(&mut self, job: &mut Job, script: &str) -> Result<(), StoreError> {
        job.revision = self.next_revision().await?;
        execute!(
            self,
            "INSERT INTO jobs (id, owner, system, scheduler_id, ended, submitted_at, body, script, revision, elsewhere)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            job.id.as_str(),
            job.owner.as_str(),
            job.system.as_str(),
            job.scheduler_id.as_deref(),
            ended(job),
            job.submitted_at.as_millis(),
            body(job)?,
            script,
            job.revision,
            i64::from(job.elsewhere)
        )?;
        Ok(())
    }

    /// Replaces a job that was read at revision `job.revision`, and gives it a new one. False, and nothing is
    /// done, when somebody else has changed it since.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn update_job(&mut self, job: &mut Job) -> Result<bool, StoreError> {
        let before = std::mem::replace(&mut job.revision, self.next_revision().await?);
        let changed = execute!(
            self,
            "UPDATE jobs SET scheduler_id = $3, ended = $4, body = $5, revision = $6
             WHERE id = $1 AND revision = $2",
            job.id.as_str(),
            before,
            job.scheduler_id.as_deref(),
            ended(job),
            body(job)?,
            job.revision
        )?;
        Ok(changed == 1)
    }
}

impl Store {
    /// One job, whoever's it is.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT body, revision FROM jobs WHERE id = $1";
        fetch_optional!(reader, Row, sql, id.as_str())?.map(read).transpose()
    }

    /// The script of a job.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn job_script(&self, id: &JobId) -> Result<Option<String>, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, (String,), "SELECT script FROM jobs WHERE id = $1", id.as_str())?;
        Ok(row.map(|(script,)| script))
    }

    /// Up to `limit` jobs of a person, the newest first, behind `after`.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn jobs_of(
        &self,
        owner: &UserId,
        state: JobState,
        after: Option<&JobCursor>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let (least, most) = match state {
            JobState::Active => (0, 0),
            JobState::Ended => (1, 1),
            JobState::All => (0, 1),
        };
        let at = after.map_or(i64::MAX, |cursor| cursor.submitted_at.as_millis());
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT body, revision FROM jobs
             WHERE owner = $1 AND ended BETWEEN $2 AND $3
               AND (submitted_at < $4 OR (submitted_at = $4 AND id < $5))
             ORDER BY submitted_at DESC, id DESC LIMIT $6",
            owner.as_str(),
            least,
            most,
            at,
            after.map_or("", |cursor| cursor.id.as_str()),
            i64::from(limit)
        )?;
        rows.into_iter().map(read).collect()
    }

    /// How many jobs of a person that the portal submitted are not over.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn count_active_jobs(&self, owner: &UserId) -> Result<u64, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT COUNT(*) FROM jobs WHERE owner = $1 AND ended = 0 AND elsewhere = 0";
        let row = fetch_optional!(reader, (i64,), sql, owner.as_str())?;
        Ok(row.map_or(0, |(count,)| count.unsigned_abs()))
    }

    /// Jobs of a person that changed after a revision, the oldest change first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn jobs_changed_since(
        &self,
        owner: &UserId,
        revision: i64,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT body, revision FROM jobs WHERE owner = $1 AND revision > $2 ORDER BY revision LIMIT $3",
            owner.as_str(),
            revision,
            i64::from(limit)
        )?;
        rows.into_iter().map(read).collect()
    }

    /// Jobs of a system that are not over.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn active_jobs(&self, system: &str) -> Result<Vec<Job>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT body, revision FROM jobs WHERE system = $1 AND ended = 0 ORDER BY submitted_at, id";
        fetch_all!(reader, Row, sql, system)?.into_iter().map(read).collect()
    }

    /// Scheduler ids of all jobs of a system that have one.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn scheduler_ids(&self, system: &str) -> Result<HashSet<String>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT scheduler_id FROM jobs WHERE system = $1 AND scheduler_id IS NOT NULL";
        let rows = fetch_all!(reader, (String,), sql, system)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

type Row = (String, i64);

fn read((body, revision): Row) -> Result<Job, StoreError> {
    let job: Job = serde_json::from_str(&body).map_err(|error| StoreError::corrupt("jobs", error))?;
    Ok(Job { revision, ..job })
}

fn body(job: &Job) -> Result<String, StoreError> {
    serde_json::to_string(job).map_err(|error| StoreError::corrupt("jobs", error))
}

fn ended(job: &Job) -> i64 {
    i64::from(job.phase == JobPhase::Ended)
}

#[cfg(test)]
pub(crate) mod tests {
    use myksc_core::job::JobSize;

    use super::*;
    use crate::testing::each_engine;

    pub(crate) fn job(owner: &UserId, submitted_at: i64) -> Job {
        Job {
            id: JobId::random(),
            owner: owner.clone(),
            system: "local".to_owned(),
            scheduler_id: None,
            queue: "local".to_owned(),
            name: "결과 \"1\"".to_owned(),
            phase: JobPhase::Unknown,
            phase_raw: Some("PD+".to_owned()),
            outcome: None,
            exit_code: None,
            reason: None,
            size: JobSize {
                nodes: 1,
                tasks_per_node: 1,
                cpus_per_task: 1,
                gpus_per_node: 0,
                memory_bytes: Some(u64::MAX),
                walltime_secs: Some(60),
            },
            work_dir: "home".to_owned(),
            stdout_path: "home/a".to_owned(),
            stderr_path: "home/a".to_owned(),
            submitted_at: Timestamp::from_millis(submitted_at),
            started_at: None,
            ended_at: None,
            expected_start_at: None,
            usage: None,
            array: None,
            refusal: None,
            elsewhere: false,
            revision: 0,
        }
    }

    pub(crate) async fn insert(store: &Store, job: &mut Job) {
        let mut tx = store.begin().await.unwrap();
        tx.insert_job(job, "#!/bin/sh\r\n\u{feff}끝").await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_job_comes_back_as_it_was_written() {
        each_engine(|store| async move {
            let mut written = job(&UserId::random(), 5);
            insert(&store, &mut written).await;
            assert_eq!(store.job(&written.id).await.unwrap().as_ref(), Some(&written));
            let script = store.job_script(&written.id).await.unwrap();
            assert_eq!(script.as_deref(), Some("#!/bin/sh\r\n\u{feff}끝"));
            assert_eq!(store.job(&JobId::random()).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn pages_hold_every_own_job_once_though_several_have_the_same_moment() {
        each_engine(|store| async move {
            let (kim, lee) = (UserId::random(), UserId::random());
            for at in [1, 2, 2, 2, 3] {
                insert(&store, &mut job(&kim, at)).await;
            }
            insert(&store, &mut job(&lee, 2)).await;
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let page = store.jobs_of(&kim, JobState::All, after.as_ref(), 2).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(JobCursor { submitted_at: last.submitted_at, id: last.id.clone() });
                seen.extend(page.into_iter().map(|job| (job.submitted_at, job.id)));
            }
            assert_eq!(seen.len(), 5);
            assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn active_and_ended_jobs_are_listed_apart_and_changes_by_revision() {
        each_engine(|store| async move {
            let kim = UserId::random();
            let (mut waits, mut over) = (job(&kim, 1), job(&kim, 2));
            insert(&store, &mut waits).await;
            insert(&store, &mut over).await;
            let before = over.revision;
            over.phase = JobPhase::Ended;
            over.scheduler_id = Some("7".to_owned());
            let mut tx = store.begin().await.unwrap();
            assert!(tx.update_job(&mut over).await.unwrap());
            tx.commit().await.unwrap();
            let listed = |state| store.jobs_of(&kim, state, None, 10);
            assert_eq!(listed(JobState::Active).await.unwrap(), std::slice::from_ref(&waits));
            assert_eq!(listed(JobState::Ended).await.unwrap(), std::slice::from_ref(&over));
            assert_eq!(store.count_active_jobs(&kim).await.unwrap(), 1);
            assert_eq!(store.active_jobs("local").await.unwrap(), [waits]);
            assert_eq!(
                store.jobs_changed_since(&kim, before, 10).await.unwrap(),
                std::slice::from_ref(&over)
            );
            assert_eq!(store.jobs_changed_since(&UserId::random(), 0, 10).await.unwrap(), []);
            assert_eq!(store.scheduler_ids("local").await.unwrap(), HashSet::from(["7".to_owned()]));
        })
        .await;
    }

    #[tokio::test]
    async fn an_update_from_an_old_copy_changes_nothing() {
        each_engine(|store| async move {
            let mut first = job(&UserId::random(), 1);
            insert(&store, &mut first).await;
            let mut second = first.clone();
            for (copy, expected) in [(&mut first, true), (&mut second, false)] {
                copy.exit_code = Some(i32::from(expected));
                let mut tx = store.begin().await.unwrap();
                assert_eq!(tx.update_job(copy).await.unwrap(), expected);
                tx.commit().await.unwrap();
            }
            assert_eq!(store.job(&first.id).await.unwrap().unwrap().exit_code, Some(1));
        })
        .await;
    }
}
