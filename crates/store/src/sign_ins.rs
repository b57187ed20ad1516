//! Table `sign_ins`: people who gave name and password and owe a second step.

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{Timestamp, UserId};

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

/// What a pending sign-in waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInStage {
    /// One of the person's factors.
    Factor,
    /// That she enrols her first factor.
    Enrolment,
}

/// A sign-in that opened no session yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// Who gave her password.
    pub user: UserId,
    /// The revision of her credentials that was checked.
    pub credential_revision: i64,
    /// What her provider calls the session that it opened, if it did.
    pub provider_session: Option<String>,
    /// What it waits for.
    pub stage: SignInStage,
    /// Wrong codes so far.
    pub wrong_codes: u32,
    /// When it is over.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    credential_revision: i64,
    provider_session: Option<String>,
    stage: String,
    wrong_codes: i64,
    expires_at: i64,
}

impl Store {
    /// Adds a pending sign-in under the hash of its cookie.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_sign_in(&self, pending: &PendingSignIn, hash: SecretHash) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO sign_ins (secret_hash, user_id, credential_revision, provider_session, stage, wrong_codes,
                                   expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            hash.to_hex(),
            pending.user.as_str(),
            pending.credential_revision,
            pending.provider_session.as_deref(),
            pending.stage.as_str(),
            i64::from(pending.wrong_codes),
            pending.expires_at.as_millis()
        )?;
        tx.commit().await
    }

    /// The pending sign-in of a cookie, unless it is over at `now`.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn pending_sign_in(
        &self,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM sign_ins WHERE secret_hash = $1 AND expires_at > $2";
        let row = fetch_optional!(reader, Row, sql, hash.to_hex(), now.as_millis())?;
        row.map(Row::read).transpose()
    }

    /// Takes a pending sign-in off the table: of two that come with its cookie, one gets it.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn spend_sign_in(
        &self,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM sign_ins WHERE secret_hash = $1 AND expires_at > $2
                   RETURNING user_id, credential_revision, provider_session, stage, wrong_codes, expires_at";
        let row = fetch_optional!(tx, Row, sql, hash.to_hex(), now.as_millis())?;
        tx.commit().await?;
        row.map(Row::read).transpose()
    }

    /// Counts a wrong code; with the `most`th the pending sign-in is gone. Whether it goes on.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn count_wrong_code(&self, hash: &SecretHash, most: u32) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE sign_ins SET wrong_codes = wrong_codes + 1 WHERE secret_hash = $1";
        execute!(tx, sql, hash.to_hex())?;
        let sql = "DELETE FROM sign_ins WHERE secret_hash = $1 AND wrong_codes >= $2";
        execute!(tx, sql, hash.to_hex(), i64::from(most))?;
        let sql = "SELECT user_id FROM sign_ins WHERE secret_hash = $1";
        let left = fetch_optional!(tx, (String,), sql, hash.to_hex())?;
        tx.commit().await?;
        Ok(left.is_some())
    }

    /// Removes the pending sign-ins and the ceremonies that are over at `now`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_over_sign_ins(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(tx, "DELETE FROM sign_ins WHERE expires_at <= $1", now.as_millis())?;
        execute!(tx, "DELETE FROM ceremonies WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await
    }
}

impl SignInStage {
    /// The stage as it is stored and told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Factor => "factor",
            Self::Enrolment => "enrolment",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Factor, Self::Enrolment].into_iter().find(|stage| stage.as_str() == text)
    }
}

impl Row {
    fn read(self) -> Result<PendingSignIn, StoreError> {
        let corrupt = || StoreError::corrupt("sign_ins", "a stage or a count that can't be");
        Ok(PendingSignIn {
            user: self.user_id.parse().map_err(|error: InvalidId| StoreError::corrupt("sign_ins", error))?,
            credential_revision: self.credential_revision,
            provider_session: self.provider_session,
            stage: SignInStage::parse(&self.stage).ok_or_else(corrupt)?,
            wrong_codes: u32::try_from(self.wrong_codes).map_err(|_| corrupt())?,
            expires_at: Timestamp::from_millis(self.expires_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    fn pending_of(user: &UserId) -> PendingSignIn {
        PendingSignIn {
            user: user.clone(),
            credential_revision: 3,
            provider_session: Some("sid".to_owned()),
            stage: SignInStage::Factor,
            wrong_codes: 0,
            expires_at: at(600),
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[tokio::test]
    async fn a_pending_sign_in_is_spent_once_and_not_after_its_end() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let pending = pending_of(&kim.id);
            let (first, second) = (Secret::random().hash(), Secret::random().hash());
            store.create_sign_in(&pending, first).await.unwrap();
            store.create_sign_in(&pending, second).await.unwrap();
            assert_eq!(store.pending_sign_in(&first, at(599)).await.unwrap().as_ref(), Some(&pending));
            assert_eq!(store.pending_sign_in(&first, at(600)).await.unwrap(), None);
            assert_eq!(store.spend_sign_in(&first, at(600)).await.unwrap(), None);
            assert_eq!(store.spend_sign_in(&first, at(599)).await.unwrap(), Some(pending.clone()));
            assert_eq!(store.spend_sign_in(&first, at(599)).await.unwrap(), None);
            store.delete_over_sign_ins(at(599)).await.unwrap();
            assert_eq!(store.pending_sign_in(&second, at(1)).await.unwrap(), Some(pending));
            store.delete_over_sign_ins(at(600)).await.unwrap();
            assert_eq!(store.pending_sign_in(&second, at(1)).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn too_many_wrong_codes_end_the_one_sign_in_alone() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let (first, second) = (Secret::random().hash(), Secret::random().hash());
            for hash in [first, second] {
                store.create_sign_in(&pending_of(&kim.id), hash).await.unwrap();
            }
            assert!(store.count_wrong_code(&first, 2).await.unwrap());
            assert!(!store.count_wrong_code(&first, 2).await.unwrap());
            assert!(!store.count_wrong_code(&first, 2).await.unwrap());
            assert_eq!(store.pending_sign_in(&first, at(1)).await.unwrap(), None);
            assert_eq!(store.pending_sign_in(&second, at(1)).await.unwrap().unwrap().wrong_codes, 0);
        })
        .await;
    }
}
