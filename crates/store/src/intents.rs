//! Table `intents`: what somebody asked for and control has not done yet.
//!
//! An intent is written in the transaction of the row it belongs to and cleared in the transaction that records
//! what came of it. Between the two it survives every death of the portal.

use myksc_core::{Timestamp, UserId};

use crate::db::{Store, Tx, execute, fetch_all};
use crate::error::StoreError;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Grows; of one subject the smaller comes first.
    pub id: i64,
    /// What to do: `launch`, `submit`, `cancel`, …
    pub kind: String,
    /// Id of the app or job.
    pub subject: String,
    /// Who asked.
    pub owner: UserId,
    /// What doing it needs, in the area's own form.
    pub body: String,
    /// When it was asked for.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    kind: String,
    subject: String,
    owner: String,
    body: String,
    created_at: i64,
}

impl Tx {
    /// Asks for something in an area (`apps`, `jobs`).
    ///
    /// # Errors
    /// What the engine says.
    pub async fn add_intent(
        &mut self,
        area: &str,
        kind: &str,
        subject: &str,
        owner: &UserId,
        body: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO intents (area, kind, subject, owner, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            area,
            kind,
            subject,
            owner.as_str(),
            body,
            Timestamp::now().as_millis()
        )?;
        Ok(())
    }

    /// Clears what is done; one that is gone is no error.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn clear_intent(&mut self, id: i64) -> Result<(), StoreError> {
        execute!(self, "DELETE FROM intents WHERE id = $1", id)?;
        Ok(())
    }
}

impl Store {
    /// What an area has to do, oldest first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn intents(&self, area: &str) -> Result<Vec<Intent>, StoreError> {
        let mut reader = self.reader().await?;
        let sql =
            "SELECT id, kind, subject, owner, body, created_at FROM intents WHERE area = $1 ORDER BY id";
        fetch_all!(reader, Row, sql, area)?.into_iter().map(Row::read).collect()
    }
}

impl Row {
    fn read(self) -> Result<Intent, StoreError> {
        let owner = self.owner.parse();
        Ok(Intent {
            id: self.id,
            kind: self.kind,
            subject: self.subject,
            owner: owner.map_err(|error: myksc_core::id::InvalidId| StoreError::corrupt("intents", error))?,
            body: self.body,
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    #[tokio::test]
    async fn an_intent_waits_in_its_area_until_it_is_cleared() {
        each_engine(|store| async move {
            let kim = UserId::random();
            let mut tx = store.begin().await.unwrap();
            tx.add_intent("jobs", "submit", "j1", &kim, "{}").await.unwrap();
            tx.add_intent("jobs", "cancel", "j1", &kim, "").await.unwrap();
            tx.add_intent("apps", "launch", "a1", &kim, "").await.unwrap();
            tx.commit().await.unwrap();
            let intents = store.intents("jobs").await.unwrap();
            let kinds: Vec<_> = intents.iter().map(|intent| intent.kind.as_str()).collect();
            assert_eq!(kinds, ["submit", "cancel"]);
            let mut tx = store.begin().await.unwrap();
            tx.clear_intent(intents[0].id).await.unwrap();
            tx.clear_intent(intents[0].id).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(store.intents("jobs").await.unwrap(), intents[1..]);
            assert_eq!(store.intents("apps").await.unwrap().len(), 1);
        })
        .await;
    }
}
