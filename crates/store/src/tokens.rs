//! Table `tokens`: API tokens. Deleting one ends what it opened.

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{Scope, SessionId, Timestamp, TokenId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// One API token; its secret is nowhere but with its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Public half.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// The person's name for it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Networks it may be used from, as in `192.0.2.0/24`; any when there are none.
    pub networks: Vec<String>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
    /// From where it was used then.
    pub last_used_address: Option<String>,
}

/// What became of a token that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    /// It is on record.
    Created,
    /// The person has as many as she may.
    TooMany,
    /// The person is locked, or the session that asked is over.
    Refused,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    name: String,
    created_at: i64,
    expires_at: i64,
    scopes: String,
    networks: String,
    last_used_at: Option<i64>,
    last_used_address: Option<String>,
}

impl Store {
    /// Adds a token, unless the person has `most` already. A session that asks for it must be on record still: when
    /// a change of the password ended it, its token must not outlive it.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_token(
        &self,
        token: &Token,
        secret: SecretHash,
        most: usize,
        session: Option<&SessionId>,
    ) -> Result<TokenOutcome, StoreError> {
        let mut tx = self.begin().await?;
        // Two requests at once must not both take the last place.
        if tx.hold_account(&token.user).await?.is_none() {
            return Ok(TokenOutcome::Refused);
        }
        if let Some(session) = session {
            let sql = "SELECT id FROM sessions WHERE id = $1 AND user_id = $2";
            if fetch_optional!(tx, (String,), sql, session.as_str(), token.user.as_str())?.is_none() {
                return Ok(TokenOutcome::Refused);
            }
        }
        let sql = "SELECT COUNT(*) FROM tokens WHERE user_id = $1";
        let held = fetch_optional!(tx, (i64,), sql, token.user.as_str())?.map_or(0, |(count,)| count);
        if usize::try_from(held).is_ok_and(|held| held >= most) {
            return Ok(TokenOutcome::TooMany);
        }
        execute!(
            tx,
            "INSERT INTO tokens (id, user_id, name, secret_hash, created_at, expires_at, scopes, networks)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            token.id.as_str(),
            token.user.as_str(),
            token.name.as_str(),
            secret.to_hex(),
            token.created_at.as_millis(),
            token.expires_at.as_millis(),
            list_text(&token.scopes)?,
            list_text(&token.networks)?
        )?;
        tx.commit().await?;
        Ok(TokenOutcome::Created)
    }

    /// The token with this id and secret, expired or not.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn token_by_secret(
        &self,
        id: &TokenId,
        secret: &SecretHash,
    ) -> Result<Option<Token>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM tokens WHERE id = $1 AND secret_hash = $2";
        fetch_optional!(reader, Row, sql, id.as_str(), secret.to_hex())?.map(Row::read).transpose()
    }

    /// A person's tokens, the youngest first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn tokens_of(&self, user: &UserId) -> Result<Vec<Token>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM tokens WHERE user_id = $1 ORDER BY created_at DESC, id";
        fetch_all!(reader, Row, sql, user.as_str())?.into_iter().map(Row::read).collect()
    }

    /// Notes a use from an address, unless one was noted at or after `unless_since`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn touch_token(
        &self,
        id: &TokenId,
        at: Timestamp,
        address: &str,
        unless_since: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "UPDATE tokens SET last_used_at = $2, last_used_address = $3
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $4)",
            id.as_str(),
            at.as_millis(),
            address,
            unless_since.as_millis()
        )?;
        tx.commit().await
    }

    /// Deletes a person's token and ends the sessions it opened, which are returned; none when she has no such
    /// token.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn delete_token(
        &self,
        user: &UserId,
        id: &TokenId,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM sessions WHERE token_id = $1 AND user_id = $2 RETURNING id";
        let sessions = fetch_all!(tx, (String,), sql, id.as_str(), user.as_str())?;
        let sql = "DELETE FROM tokens WHERE id = $1 AND user_id = $2";
        let deleted = execute!(tx, sql, id.as_str(), user.as_str())?;
        tx.commit().await?;
        let sessions = sessions.into_iter().map(|(session,)| session.parse().map_err(corrupt)).collect();
        if deleted == 1 { Some(sessions).transpose() } else { Ok(None) }
    }

    /// Removes the tokens that are over at `now`; the sessions they opened end with them and are returned.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn delete_over_tokens(&self, now: Timestamp) -> Result<Vec<(SessionId, UserId)>, StoreError> {
        let mut tx = self.begin().await?;
        let sessions = fetch_all!(
            tx,
            (String, String),
            "DELETE FROM sessions WHERE token_id IN (SELECT id FROM tokens WHERE expires_at <= $1)
             RETURNING id, user_id",
            now.as_millis()
        )?;
        execute!(tx, "DELETE FROM tokens WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await?;
        sessions
            .into_iter()
            .map(|(session, user)| Ok((session.parse().map_err(corrupt)?, user.parse().map_err(corrupt)?)))
            .collect()
    }
}

impl Row {
    fn read(self) -> Result<Token, StoreError> {
        Ok(Token {
            id: self.id.parse().map_err(corrupt)?,
            user: self.user_id.parse().map_err(corrupt)?,
            name: self.name,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: Timestamp::from_millis(self.expires_at),
            scopes: list(&self.scopes)?,
            networks: list(&self.networks)?,
            last_used_at: self.last_used_at.map(Timestamp::from_millis),
            last_used_address: self.last_used_address,
        })
    }
}

fn list<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt("tokens", error))
}

fn list_text<T: Serialize>(list: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|error| StoreError::corrupt("tokens", error))
}

fn corrupt(error: InvalidId) -> StoreError {
    StoreError::corrupt("tokens", error)
}

#[cfg(test)]
pub(crate) mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    /// A token made at second 0 that ends at second 1000.
    pub(crate) fn token_of(user: &UserId) -> Token {
        Token {
            id: TokenId::random(),
            user: user.clone(),
            name: "laptop".to_owned(),
            created_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(1_000_000),
            scopes: vec![Scope::Read, Scope::Jobs],
            networks: vec!["192.0.2.0/24".to_owned()],
            last_used_at: None,
            last_used_address: None,
        }
    }

    #[tokio::test]
    async fn a_token_needs_its_id_and_its_secret_and_only_its_person_deletes_it() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let (token, secret) = (token_of(&kim.id), Secret::random());
            let of_lee = session_of(&lee.id, SessionKind::Browser);
            assert!(store.create_session(&of_lee, Secret::random().hash(), 0).await.unwrap());
            for (wanted, hash, session, expected) in [
                (&token, secret.hash(), Some(&of_lee.id), TokenOutcome::Refused),
                (&token, secret.hash(), Some(&SessionId::random()), TokenOutcome::Refused),
                (&token, secret.hash(), None, TokenOutcome::Created),
                (&token_of(&kim.id), Secret::random().hash(), None, TokenOutcome::TooMany),
                (&token_of(&lee.id), Secret::random().hash(), Some(&of_lee.id), TokenOutcome::Created),
            ] {
                assert_eq!(store.create_token(wanted, hash, 1, session).await.unwrap(), expected);
            }

            let found = store.token_by_secret(&token.id, &secret.hash()).await.unwrap();
            assert_eq!(found.as_ref(), Some(&token));
            assert!(store.token_by_secret(&token.id, &Secret::random().hash()).await.unwrap().is_none());
            assert!(store.token_by_secret(&TokenId::random(), &secret.hash()).await.unwrap().is_none());
            assert_eq!(store.tokens_of(&kim.id).await.unwrap(), std::slice::from_ref(&token));
            assert_eq!(store.delete_token(&lee.id, &token.id).await.unwrap(), None);
            assert_eq!(store.delete_token(&kim.id, &token.id).await.unwrap(), Some(vec![]));
            assert!(store.token_by_secret(&token.id, &secret.hash()).await.unwrap().is_none());
        })
        .await;
    }

    #[tokio::test]
    async fn sessions_that_a_token_opened_end_with_it() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let (first, second) = (token_of(&kim.id), token_of(&kim.id));
            let mut sessions = Vec::new();
            for token in [&first, &second] {
                store.create_token(token, Secret::random().hash(), 9, None).await.unwrap();
                let session = session_of(&kim.id, SessionKind::Token(token.id.clone()));
                assert!(store.create_token_session(&session, &token.id).await.unwrap());
                assert_eq!(store.session_of_token(&token.id).await.unwrap().as_ref(), Some(&session));
                sessions.push(session.id);
            }
            let ended = store.delete_token(&kim.id, &first.id).await.unwrap();
            assert_eq!(ended, Some(vec![sessions[0].clone()]));
            let late = session_of(&kim.id, SessionKind::Token(first.id.clone()));
            assert!(!store.create_token_session(&late, &first.id).await.unwrap());
            let before = Timestamp::from_millis(second.expires_at.as_millis() - 1);
            assert_eq!(store.delete_over_tokens(before).await.unwrap(), []);
            let ended = store.delete_over_tokens(second.expires_at).await.unwrap();
            assert_eq!(ended, [(sessions[1].clone(), kim.id.clone())]);
            assert_eq!(store.tokens_of(&kim.id).await.unwrap(), []);
        })
        .await;
    }
}
