//! Table `sessions`: who is signed in, and from where. Tickets and grants of a session go with it.

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{SessionId, Timestamp, TokenId, UserId};

use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// What opened a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// A person signed in with a browser, which holds the cookie.
    Browser,
    /// The command line opened an app with this API token; there is no cookie of the portal.
    Token(TokenId),
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id; not the secret.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What opened it.
    pub kind: SessionKind,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to a minute.
    pub last_used_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// Address it was opened from.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
    /// What the provider that opened it calls its own session, by which it may end this one.
    pub provider_session: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    kind: String,
    token_id: Option<String>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    address: String,
    user_agent: String,
    provider_session: Option<String>,
}

impl Store {
    /// Adds a browser's session with the hash of its cookie. False, and nothing is added, when the person is locked
    /// or the password was changed since her credentials had the revision they were checked at: a change ends
    /// the sessions that were there, and none that the older password opens may follow.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_session(
        &self,
        session: &Session,
        secret: SecretHash,
        credential_revision: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if tx.hold_account(&session.user).await? != Some(credential_revision) {
            return Ok(false);
        }
        tx.insert_session(session, Some(secret)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds a session that an API token opened. False, and nothing is added, when the person is locked or the token
    /// is no longer on record.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_token_session(&self, session: &Session, token: &TokenId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let held = tx.hold_account(&session.user).await?;
        let sql = "SELECT id FROM tokens WHERE id = $1 AND user_id = $2";
        let found = fetch_optional!(tx, (String,), sql, token.as_str(), session.user.as_str())?;
        if held.is_none() || found.is_none() {
            return Ok(false);
        }
        tx.insert_session(session, None).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The session whose cookie hashes to this, over or not.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn session_by_secret(&self, secret: &SecretHash) -> Result<Option<Session>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM sessions WHERE secret_hash = $1";
        fetch_optional!(reader, Row, sql, secret.to_hex())?.map(Row::read).transpose()
    }

    /// One session by id, over or not.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM sessions WHERE id = $1";
        fetch_optional!(reader, Row, sql, id.as_str())?.map(Row::read).transpose()
    }

    /// The youngest session that an API token opened, over or not.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn session_of_token(&self, token: &TokenId) -> Result<Option<Session>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM sessions WHERE token_id = $1 ORDER BY created_at DESC LIMIT 1";
        fetch_optional!(reader, Row, sql, token.as_str())?.map(Row::read).transpose()
    }

    /// A person's sessions, the one used last first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM sessions WHERE user_id = $1 ORDER BY last_used_at DESC, id";
        fetch_all!(reader, Row, sql, user.as_str())?.into_iter().map(Row::read).collect()
    }

    /// Ids of all sessions of people who are not locked.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn session_ids(&self) -> Result<Vec<SessionId>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT sessions.id FROM sessions JOIN users ON users.id = sessions.user_id
                   WHERE users.locked = 0 AND users.shut_out IS NULL";
        let rows = fetch_all!(reader, (String,), sql)?;
        rows.into_iter()
            .map(|(id,)| id.parse().map_err(|error: InvalidId| StoreError::corrupt("sessions", error)))
            .collect()
    }

    /// Notes a use, unless one was noted at or after `unless_since`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn touch_session(
        &self,
        id: &SessionId,
        at: Timestamp,
        unless_since: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $3",
            id.as_str(),
            at.as_millis(),
            unless_since.as_millis()
        )?;
        tx.commit().await
    }

    /// Ends one session of a person; false when she has no such session.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_session(&self, user: &UserId, id: &SessionId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
        let deleted = execute!(tx, sql, id.as_str(), user.as_str())?;
        tx.commit().await?;
        Ok(deleted == 1)
    }

    /// Ends a person's sessions, all but one if `keep` is given; says which.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn delete_sessions(
        &self,
        user: &UserId,
        keep: Option<&SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut tx = self.begin().await?;
        let ended = tx.delete_sessions(user, keep).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Removes the sessions that are over at `now` or were not used since `idle_since`; says which.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn delete_over_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<(SessionId, UserId)>, StoreError> {
        let mut tx = self.begin().await?;
        let rows = fetch_all!(
            tx,
            (String, String),
            "DELETE FROM sessions WHERE expires_at <= $1 OR last_used_at < $2 RETURNING id, user_id",
            now.as_millis(),
            idle_since.as_millis()
        )?;
        tx.commit().await?;
        rows.into_iter().map(read_ids).collect()
    }
}

impl Tx {
    /// Locks an account's row until the end, so that a change of its password comes before or after all of this.
    /// The revision of its credentials; none when the person is locked or not on record.
    pub(crate) async fn hold_account(&mut self, user: &UserId) -> Result<Option<i64>, StoreError> {
        let sql = "UPDATE users SET locked = locked WHERE id = $1 AND locked = 0 AND shut_out IS NULL
             RETURNING credential_revision";
        Ok(fetch_optional!(self, (i64,), sql, user.as_str())?.map(|(revision,)| revision))
    }

    /// Ends a person's sessions, all but one if `keep` is given; says which.
    pub(crate) async fn delete_sessions(
        &mut self,
        user: &UserId,
        keep: Option<&SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows = fetch_all!(
            self,
            (String, String),
            "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id, user_id",
            user.as_str(),
            keep.map_or("", SessionId::as_str)
        )?;
        rows.into_iter().map(|row| Ok(read_ids(row)?.0)).collect()
    }

    async fn insert_session(
        &mut self,
        session: &Session,
        secret: Option<SecretHash>,
    ) -> Result<(), StoreError> {
        let (kind, token) = match &session.kind {
            SessionKind::Browser => ("browser", None),
            SessionKind::Token(token) => ("token", Some(token.as_str())),
        };
        execute!(
            self,
            "INSERT INTO sessions (id, user_id, kind, token_id, secret_hash, created_at, last_used_at, expires_at,
                                   address, user_agent, provider_session)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            session.id.as_str(),
            session.user.as_str(),
            kind,
            token,
            secret.map(SecretHash::to_hex),
            session.created_at.as_millis(),
            session.last_used_at.as_millis(),
            session.expires_at.as_millis(),
            session.address.as_str(),
            session.user_agent.as_str(),
            session.provider_session.as_deref()
        )?;
        Ok(())
    }
}

impl Row {
    fn read(self) -> Result<Session, StoreError> {
        let corrupt = |error: InvalidId| StoreError::corrupt("sessions", error);
        let kind = match (self.kind.as_str(), self.token_id) {
            ("browser", None) => SessionKind::Browser,
            ("token", Some(token)) => SessionKind::Token(token.parse().map_err(corrupt)?),
            (kind, _) => return Err(StoreError::corrupt("sessions", format!("kind {kind:?}"))),
        };
        Ok(Session {
            id: self.id.parse().map_err(corrupt)?,
            user: self.user_id.parse().map_err(corrupt)?,
            kind,
            created_at: Timestamp::from_millis(self.created_at),
            last_used_at: Timestamp::from_millis(self.last_used_at),
            expires_at: Timestamp::from_millis(self.expires_at),
            address: self.address,
            user_agent: self.user_agent,
            provider_session: self.provider_session,
        })
    }
}

fn read_ids((session, user): (String, String)) -> Result<(SessionId, UserId), StoreError> {
    let corrupt = |error: InvalidId| StoreError::corrupt("sessions", error);
    Ok((session.parse().map_err(corrupt)?, user.parse().map_err(corrupt)?))
}

#[cfg(test)]
pub(crate) mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    /// A session opened at second 0 that ends at second 1000.
    pub(crate) fn session_of(user: &UserId, kind: SessionKind) -> Session {
        Session {
            id: SessionId::random(),
            user: user.clone(),
            kind,
            created_at: Timestamp::from_millis(0),
            last_used_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(1_000_000),
            address: "192.0.2.7".to_owned(),
            user_agent: "Firefox".to_owned(),
            provider_session: None,
        }
    }

    #[tokio::test]
    async fn a_session_is_found_by_its_secret_and_ended_by_its_person_alone() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let secret = Secret::random();
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, secret.hash(), 0).await.unwrap());

            assert_eq!(store.session_by_secret(&secret.hash()).await.unwrap().as_ref(), Some(&session));
            assert_eq!(store.session_by_secret(&Secret::random().hash()).await.unwrap(), None);
            assert!(!store.delete_session(&lee.id, &session.id).await.unwrap());
            assert_eq!(store.delete_sessions(&lee.id, None).await.unwrap(), []);
            assert!(store.delete_session(&kim.id, &session.id).await.unwrap());
            assert_eq!(store.session_by_secret(&secret.hash()).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn all_but_the_kept_session_end() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let sessions: Vec<_> = (0..3).map(|_| session_of(&kim.id, SessionKind::Browser)).collect();
            for session in &sessions {
                assert!(store.create_session(session, Secret::random().hash(), 0).await.unwrap());
            }
            let ended = store.delete_sessions(&kim.id, Some(&sessions[1].id)).await.unwrap();
            assert_eq!(ended.len(), 2);
            assert_eq!(store.sessions_of(&kim.id).await.unwrap(), [sessions[1].clone()]);
        })
        .await;
    }

    #[tokio::test]
    async fn idle_and_over_sessions_are_removed_and_used_ones_stay() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let (used, idle) =
                (session_of(&kim.id, SessionKind::Browser), session_of(&kim.id, SessionKind::Browser));
            for session in [&used, &idle] {
                assert!(store.create_session(session, Secret::random().hash(), 0).await.unwrap());
            }
            let at = Timestamp::from_millis(500_000);
            store.touch_session(&used.id, at, at).await.unwrap();
            let none = store.delete_over_sessions(at, Timestamp::from_millis(0)).await.unwrap();
            assert_eq!(none, []);
            let ended = store.delete_over_sessions(at, Timestamp::from_millis(1)).await.unwrap();
            assert_eq!(ended, [(idle.id, kim.id.clone())]);
            assert_eq!(store.session_ids().await.unwrap(), std::slice::from_ref(&used.id));
            store.set_locked(&kim.id, true).await.unwrap();
            assert_eq!(store.session_ids().await.unwrap(), []);
            let ended = store.delete_over_sessions(used.expires_at, at).await.unwrap();
            assert_eq!(ended, [(used.id, kim.id)]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_use_is_written_only_when_the_last_one_is_old_enough() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
            for (at, unless_since, expected) in
                [(50_000, 0, 0), (70_000, 10_000, 70_000), (60_000, 0, 70_000)]
            {
                let (at, unless_since) = (Timestamp::from_millis(at), Timestamp::from_millis(unless_since));
                store.touch_session(&session.id, at, unless_since).await.unwrap();
                let found = store.session(&session.id).await.unwrap().unwrap();
                assert_eq!(found.last_used_at.as_millis(), expected);
            }
        })
        .await;
    }
}
