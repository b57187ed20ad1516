//! Table `grants`: which browser may reach which app. A grant goes with its session.

use myksc_core::Timestamp;
use myksc_core::grant::Grant;
use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    app_id: String,
    user_id: String,
    session_id: String,
    expires_at: i64,
}

impl Store {
    /// Adds a grant; false when its session is gone in the meantime.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_grant(&self, grant: &Grant, secret: SecretHash) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let made = execute!(
            tx,
            "INSERT INTO grants (id, secret_hash, app_id, user_id, session_id, expires_at)
             SELECT $1, $2, $3, user_id, id, $6 FROM sessions WHERE id = $5 AND user_id = $4",
            grant.id.as_str(),
            secret.to_hex(),
            grant.app.as_str(),
            grant.user.as_str(),
            grant.session.as_str(),
            grant.expires_at.as_millis()
        )?;
        tx.commit().await?;
        Ok(made == 1)
    }

    /// The grant whose cookie hashes to this, over or not.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn grant_by_secret(&self, secret: &SecretHash) -> Result<Option<Grant>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT id, app_id, user_id, session_id, expires_at FROM grants WHERE secret_hash = $1";
        fetch_optional!(reader, Row, sql, secret.to_hex())?.map(Row::read).transpose()
    }

    /// Removes the grants that are over at `now`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_over_grants(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let deleted = execute!(tx, "DELETE FROM grants WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await?;
        Ok(deleted)
    }
}

impl Row {
    fn read(self) -> Result<Grant, StoreError> {
        let corrupt = |error: InvalidId| StoreError::corrupt("grants", error);
        Ok(Grant {
            id: self.id.parse().map_err(corrupt)?,
            app: self.app_id.parse().map_err(corrupt)?,
            user: self.user_id.parse().map_err(corrupt)?,
            session: self.session_id.parse().map_err(corrupt)?,
            expires_at: Timestamp::from_millis(self.expires_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::secret::Secret;
    use myksc_core::{AppId, GrantId, UserId};

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    #[tokio::test]
    async fn a_grant_is_found_by_its_secret_and_goes_with_its_session() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
            let grant = Grant {
                id: GrantId::random(),
                app: AppId::random(),
                user: kim.id.clone(),
                session: session.id.clone(),
                expires_at: session.expires_at,
            };
            let secret = Secret::random();
            assert!(store.create_grant(&grant, secret.hash()).await.unwrap());
            assert_eq!(store.grant_by_secret(&secret.hash()).await.unwrap().as_ref(), Some(&grant));
            assert_eq!(store.grant_by_secret(&Secret::random().hash()).await.unwrap(), None);

            let of_nobody = Grant { id: GrantId::random(), user: UserId::random(), ..grant.clone() };
            assert!(!store.create_grant(&of_nobody, Secret::random().hash()).await.unwrap());
            assert_eq!(store.delete_sessions(&kim.id, None).await.unwrap().len(), 1);
            assert_eq!(store.grant_by_secret(&secret.hash()).await.unwrap(), None);
            let late = Grant { id: GrantId::random(), ..grant };
            assert!(!store.create_grant(&late, Secret::random().hash()).await.unwrap());
        })
        .await;
    }
}
