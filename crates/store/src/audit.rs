//! Table `audit`: what was done, the intent before the act and the outcome after it. Rows are never removed.

use myksc_core::Timestamp;

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// Who does what to what.
#[derive(Debug, Clone, Copy)]
pub struct AuditIntent<'a> {
    /// Account name, `admin:` and the operator's account on the command line, or the name that was typed.
    pub actor: &'a str,
    /// What is done, for example `sign_in`.
    pub action: &'a str,
    /// What it is done to.
    pub object: &'a str,
    /// Address it was asked from; empty on the machine itself.
    pub address: &'a str,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Number of the entry; grows.
    pub id: i64,
    /// When the act began.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What is done.
    pub action: String,
    /// What it is done to.
    pub object: String,
    /// Address it was asked from.
    pub address: String,
    /// `done`, or the code of the refusal; none when the act did not end.
    pub outcome: Option<String>,
    /// When the act ended.
    pub ended_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    object: String,
    address: String,
    outcome: Option<String>,
    ended_at: Option<i64>,
}

impl Store {
    /// Writes an intent; the number is for [`Store::end_audit`].
    ///
    /// # Errors
    /// What the engine says; the act must not happen then.
    pub async fn begin_audit(&self, intent: AuditIntent<'_>) -> Result<i64, StoreError> {
        let mut tx = self.begin().await?;
        let row = fetch_optional!(
            tx,
            (i64,),
            "INSERT INTO audit (at, actor, action, object, address) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            Timestamp::now().as_millis(),
            intent.actor,
            intent.action,
            intent.object,
            intent.address
        )?;
        tx.commit().await?;
        row.map(|(id,)| id).ok_or(StoreError::Engine(sqlx::Error::RowNotFound))
    }

    /// Writes the outcome of an act, once.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn end_audit(&self, id: i64, outcome: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE audit SET outcome = $2, ended_at = $3 WHERE id = $1 AND outcome IS NULL";
        execute!(tx, sql, id, outcome, Timestamp::now().as_millis())?;
        tx.commit().await
    }

    /// The last entries, the youngest first.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let mut reader = self.reader().await?;
        let rows =
            fetch_all!(reader, Row, "SELECT * FROM audit ORDER BY id DESC LIMIT $1", i64::from(limit))?;
        Ok(rows.into_iter().map(Row::read).collect())
    }
}

impl Row {
    fn read(self) -> AuditEntry {
        AuditEntry {
            id: self.id,
            at: Timestamp::from_millis(self.at),
            actor: self.actor,
            action: self.action,
            object: self.object,
            address: self.address,
            outcome: self.outcome,
            ended_at: self.ended_at.map(Timestamp::from_millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    #[tokio::test]
    async fn an_act_has_an_intent_first_and_one_outcome() {
        each_engine(|store| async move {
            let intent = AuditIntent { actor: "kim", action: "sign_in", object: "kim", address: "192.0.2.7" };
            let id = store.begin_audit(intent).await.unwrap();
            assert_eq!(store.audit_entries(9).await.unwrap()[0].outcome, None);
            store.end_audit(id, "wrong_credentials").await.unwrap();
            store.end_audit(id, "done").await.unwrap();
            let entries = store.audit_entries(9).await.unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].outcome.as_deref(), Some("wrong_credentials"));
            assert_eq!((entries[0].actor.as_str(), entries[0].address.as_str()), ("kim", "192.0.2.7"));
        })
        .await;
    }
}
