//! Answers to creates that carried an `Idempotency-Key`, so that a repeat makes nothing twice.

use myksc_core::Timestamp;

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

/// How long an answer is kept.
const KEPT_SECS: i64 = 24 * 3600;

/// What a repeat of a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body, JSON.
    pub body: String,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has sent this key: do it, then [`Store::settle_key`] or [`Store::release_key`].
    First,
    /// The same request is being worked on.
    InProgress,
    /// It was done; this was the answer.
    Done(StoredAnswer),
    /// The key came with another request.
    OtherRequest,
}

impl Store {
    /// Claims `key` of `caller` for the request of `operation` that has this hash.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn claim_key(
        &self,
        caller: &str,
        operation: &str,
        key: &str,
        request_hash: &str,
    ) -> Result<Claim, StoreError> {
        let now = Timestamp::now();
        let mut tx = self.begin().await?;
        execute!(tx, "DELETE FROM idempotency WHERE created_at < $1", now.plus_secs(-KEPT_SECS).as_millis())?;
        let made = execute!(
            tx,
            "INSERT INTO idempotency (caller, operation, key, created_at, request_hash) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (caller, operation, key) DO NOTHING",
            caller,
            operation,
            key,
            now.as_millis(),
            request_hash
        )?;
        let found = fetch_optional!(
            tx,
            (Option<i64>, Option<String>, Option<String>),
            "SELECT status, body, request_hash FROM idempotency WHERE caller = $1 AND operation = $2 AND key = $3",
            caller,
            operation,
            key
        )?;
        tx.commit().await?;
        Ok(match found {
            _ if made == 1 => Claim::First,
            Some((.., Some(first))) if first != request_hash => Claim::OtherRequest,
            Some((Some(status), Some(body), _)) => {
                let status =
                    u16::try_from(status).map_err(|error| StoreError::corrupt("idempotency", error))?;
                Claim::Done(StoredAnswer { status, body })
            }
            _ => Claim::InProgress,
        })
    }

    /// Keeps the answer for repeats.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn settle_key(
        &self,
        caller: &str,
        operation: &str,
        key: &str,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "UPDATE idempotency SET status = $4, body = $5 WHERE caller = $1 AND operation = $2 AND key = $3",
            caller,
            operation,
            key,
            i64::from(answer.status),
            answer.body.as_str()
        )?;
        tx.commit().await
    }

    /// Gives the key free after a refusal, so that a corrected request may use it.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn release_key(&self, caller: &str, operation: &str, key: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "DELETE FROM idempotency WHERE caller = $1 AND operation = $2 AND key = $3 AND status IS NULL",
            caller,
            operation,
            key
        )?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    #[tokio::test]
    async fn a_key_is_done_once_and_answers_its_own_caller_alone() {
        each_engine(|store| async move {
            let claim = async |caller, hash| store.claim_key(caller, "create_app", "k1", hash).await.unwrap();
            assert_eq!(claim("kim", "h1").await, Claim::First);
            assert_eq!(claim("kim", "h1").await, Claim::InProgress);
            assert_eq!(claim("kim", "h2").await, Claim::OtherRequest);
            assert_eq!(claim("lee", "h1").await, Claim::First);
            let answer = StoredAnswer { status: 202, body: "{}".to_owned() };
            store.settle_key("kim", "create_app", "k1", &answer).await.unwrap();
            assert_eq!(claim("kim", "h1").await, Claim::Done(answer));
            assert_eq!(claim("kim", "h2").await, Claim::OtherRequest);
            store.release_key("lee", "create_app", "k1").await.unwrap();
            assert_eq!(claim("lee", "h2").await, Claim::First);
        })
        .await;
    }
}
