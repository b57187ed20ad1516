//! Table `attempts`: how often somebody tried to sign in, by subject (a name, an address).

use myksc_core::Timestamp;

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

/// What is on record of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// How many attempts count against it; nothing is on record at 0.
    pub failures: u32,
    /// When the last of them was.
    pub last_at: Timestamp,
}

impl Store {
    /// What is on record of a subject.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn attempts(&self, subject: &str) -> Result<Attempts, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT failures, last_at FROM attempts WHERE subject = $1";
        Ok(read(fetch_optional!(reader, (i64, i64), sql, subject)?))
    }

    /// Lets `decide` see and change the records of some subjects while nobody else can; if it refuses, nothing
    /// changes. `subjects` must be in ascending order, so that two calls never wait for each other.
    ///
    /// # Errors
    /// What the engine says; the inner result is what `decide` says.
    pub async fn change_attempts<T, E>(
        &self,
        subjects: &[&str],
        decide: impl FnOnce(&mut [Attempts]) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let mut tx = self.begin().await?;
        let mut records = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let sql = "INSERT INTO attempts (subject, failures, last_at) VALUES ($1, 0, 0)
                       ON CONFLICT (subject) DO UPDATE SET failures = attempts.failures
                       RETURNING failures, last_at";
            records.push(read(fetch_optional!(tx, (i64, i64), sql, *subject)?));
        }
        let answer = match decide(&mut records) {
            Ok(answer) => answer,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for (subject, record) in subjects.iter().zip(&records) {
            if record.failures == 0 {
                execute!(tx, "DELETE FROM attempts WHERE subject = $1", *subject)?;
            } else {
                let sql = "UPDATE attempts SET failures = $2, last_at = $3 WHERE subject = $1";
                execute!(tx, sql, *subject, i64::from(record.failures), record.last_at.as_millis())?;
            }
        }
        tx.commit().await?;
        Ok(Ok(answer))
    }

    /// Forgets the subjects that begin with `prefix` and were quiet since `before`; says how many.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_old_attempts(&self, prefix: &str, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM attempts WHERE last_at < $1 AND subject LIKE $2";
        let deleted = execute!(tx, sql, before.as_millis(), format!("{prefix}%"))?;
        tx.commit().await?;
        Ok(deleted)
    }
}

fn read(row: Option<(i64, i64)>) -> Attempts {
    let (failures, last_at) = row.unwrap_or((0, 0));
    let failures = u32::try_from(failures.max(0)).unwrap_or(u32::MAX);
    Attempts { failures, last_at: Timestamp::from_millis(last_at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    async fn add_one(store: &Store, subject: &str, at: Timestamp) -> u32 {
        let subjects = [subject];
        let added = store.change_attempts(&subjects, |records| {
            records[0] = Attempts { failures: records[0].failures + 1, last_at: at };
            Ok::<_, ()>(records[0].failures)
        });
        added.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn changes_at_once_all_count() {
        each_engine(|store| async move {
            let at = Timestamp::from_millis(1_000);
            let tasks: Vec<_> = (0..20)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { add_one(&store, "name:kim", at).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let expected = Attempts { failures: 20, last_at: at };
            assert_eq!(store.attempts("name:kim").await.unwrap(), expected);
            assert_eq!(store.attempts("name:lee").await.unwrap().failures, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn a_refusal_leaves_no_trace_and_quiet_subjects_are_forgotten() {
        each_engine(|store| async move {
            let subjects = ["name:kim"];
            let refused = store.change_attempts(&subjects, |records| {
                records[0].failures = 7;
                Err::<(), _>("no")
            });
            assert_eq!(refused.await.unwrap(), Err("no"));
            assert_eq!(store.attempts("name:kim").await.unwrap().failures, 0);
            add_one(&store, "name:kim", Timestamp::from_millis(1_000)).await;
            add_one(&store, "name:lee", Timestamp::from_millis(2_000)).await;
            add_one(&store, "known:kim", Timestamp::from_millis(1_000)).await;
            assert_eq!(store.delete_old_attempts("name:", Timestamp::from_millis(2_000)).await.unwrap(), 1);
            assert_eq!(store.attempts("known:kim").await.unwrap().failures, 1);
            assert_eq!(store.attempts("name:lee").await.unwrap().failures, 1);
        })
        .await;
    }
}
