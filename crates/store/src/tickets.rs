//! Table `tickets`: short-lived rights to enter one app, spent once.

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{AppId, SessionId, Timestamp, UserId};

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

/// A right to enter one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The only app it opens.
    pub app: AppId,
    /// Who asked for it.
    pub user: UserId,
    /// The session it came from.
    pub session: SessionId,
    /// Hash of the nonce that the browser must hold, as 64 hexadecimal digits; none on the command line.
    pub nonce_hash: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    app_id: String,
    user_id: String,
    session_id: String,
    nonce_hash: Option<String>,
    expires_at: i64,
}

impl Store {
    /// Adds a ticket.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_ticket(&self, ticket: &Ticket, hash: SecretHash) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO tickets (hash, app_id, user_id, session_id, nonce_hash, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            hash.to_hex(),
            ticket.app.as_str(),
            ticket.user.as_str(),
            ticket.session.as_str(),
            ticket.nonce_hash.as_deref(),
            ticket.expires_at.as_millis()
        )?;
        tx.commit().await
    }

    /// Takes a ticket off the table, whatever its app, nonce and end: of two that come with it, one gets it.
    /// Who shows a nonce does not find a ticket made without one.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn spend_ticket(
        &self,
        hash: &SecretHash,
        shows_nonce: bool,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = if shows_nonce {
            "DELETE FROM tickets WHERE hash = $1 AND nonce_hash IS NOT NULL
             RETURNING app_id, user_id, session_id, nonce_hash, expires_at"
        } else {
            "DELETE FROM tickets WHERE hash = $1
             RETURNING app_id, user_id, session_id, nonce_hash, expires_at"
        };
        let row = fetch_optional!(tx, Row, sql, hash.to_hex())?;
        tx.commit().await?;
        row.map(Row::read).transpose()
    }

    /// Removes the tickets that are over at `now`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_over_tickets(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let deleted = execute!(tx, "DELETE FROM tickets WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await?;
        Ok(deleted)
    }
}

impl Row {
    fn read(self) -> Result<Ticket, StoreError> {
        let corrupt = |error: InvalidId| StoreError::corrupt("tickets", error);
        Ok(Ticket {
            app: self.app_id.parse().map_err(corrupt)?,
            user: self.user_id.parse().map_err(corrupt)?,
            session: self.session_id.parse().map_err(corrupt)?,
            nonce_hash: self.nonce_hash,
            expires_at: Timestamp::from_millis(self.expires_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    async fn ticket_in(store: &Store) -> (Ticket, Secret) {
        let kim = someone("kim");
        store.create_user(&kim, None).await.unwrap();
        let session = session_of(&kim.id, SessionKind::Browser);
        assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
        let ticket = Ticket {
            app: AppId::random(),
            user: kim.id,
            session: session.id,
            nonce_hash: Some(Secret::random().hash().to_hex()),
            expires_at: Timestamp::from_millis(30_000),
        };
        let secret = Secret::random();
        store.create_ticket(&ticket, secret.hash()).await.unwrap();
        (ticket, secret)
    }

    #[tokio::test]
    async fn of_many_that_spend_one_ticket_one_gets_it() {
        each_engine(|store| async move {
            let (ticket, secret) = ticket_in(&store).await;
            assert_eq!(store.spend_ticket(&Secret::random().hash(), true).await.unwrap(), None);
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let (store, hash) = (store.clone(), secret.hash());
                    tokio::spawn(async move { store.spend_ticket(&hash, true).await.unwrap() })
                })
                .collect();
            let mut got = Vec::new();
            for task in tasks {
                got.extend(task.await.unwrap());
            }
            assert_eq!(got, [ticket]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_ticket_goes_with_its_session_and_when_its_time_is_over() {
        each_engine(|store| async move {
            let (ticket, secret) = ticket_in(&store).await;
            assert_eq!(store.delete_over_tickets(Timestamp::from_millis(29_999)).await.unwrap(), 0);
            assert_eq!(store.delete_over_tickets(Timestamp::from_millis(30_000)).await.unwrap(), 1);
            store.create_ticket(&ticket, secret.hash()).await.unwrap();
            assert!(store.delete_session(&ticket.user, &ticket.session).await.unwrap());
            assert_eq!(store.spend_ticket(&secret.hash(), true).await.unwrap(), None);
        })
        .await;
    }
}
