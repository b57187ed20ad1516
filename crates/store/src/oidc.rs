//! Tables `oidc_flows`, `oidc_logouts` and `oidc_refresh`: what signing in at an OpenID provider leaves on record.

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{SessionId, Timestamp, UserId};

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// A sign-in at a provider that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcFlow {
    /// Hash of the `state` that comes back.
    pub state: SecretHash,
    /// Hash of the cookie of the browser that began it.
    pub browser: SecretHash,
    /// The provider.
    pub provider: String,
    /// Where in the portal to go afterwards.
    pub next: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A logout token that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcLogout {
    /// The provider.
    pub provider: String,
    /// The token's own id.
    pub token_id: String,
    /// The provider's session that it ended, if it names one.
    pub session: Option<String>,
    /// When no such token is taken any more in any case.
    pub expires_at: Timestamp,
}

/// A person's refresh token, held by who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcRefresh {
    /// Whose.
    pub user: UserId,
    /// Another one whenever the token changes.
    pub id: String,
    /// The sealed token.
    pub sealed: String,
}

/// Which refresh tokens are due.
#[derive(Debug, Clone, Copy)]
pub struct OidcDue<'a> {
    /// The provider.
    pub provider: &'a str,
    /// The present moment.
    pub now: Timestamp,
    /// Those used last at or before this.
    pub checked_until: Timestamp,
    /// How long whoever gets one has it for itself.
    pub held_until: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    user_id: String,
    id: String,
    sealed: String,
}

impl Store {
    /// Adds a sign-in that begins; false when `max` are under way.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn begin_oidc_flow(&self, flow: &OidcFlow, max: u32) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let added = execute!(
            tx,
            "INSERT INTO oidc_flows (state_hash, browser_hash, provider, next, expires_at)
             SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM oidc_flows) < $6",
            flow.state.to_hex(),
            flow.browser.to_hex(),
            flow.provider.as_str(),
            flow.next.as_str(),
            flow.expires_at.as_millis(),
            i64::from(max)
        )?;
        tx.commit().await?;
        Ok(added == 1)
    }

    /// Takes a sign-in off the table for the browser that began it: of two that come with it, one gets it. Says
    /// where in the portal to go; none when it is over.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn spend_oidc_flow(
        &self,
        provider: &str,
        state: &SecretHash,
        browser: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.begin().await?;
        let row = fetch_optional!(
            tx,
            (String, i64),
            "DELETE FROM oidc_flows WHERE state_hash = $1 AND browser_hash = $2 AND provider = $3
             RETURNING next, expires_at",
            state.to_hex(),
            browser.to_hex(),
            provider
        )?;
        tx.commit().await?;
        Ok(row.filter(|(_, end)| now.as_millis() < *end).map(|(next, _)| next))
    }

    /// Removes sign-ins and logout tokens that are over at `now`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_over_oidc(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(tx, "DELETE FROM oidc_flows WHERE expires_at <= $1", now.as_millis())?;
        execute!(tx, "DELETE FROM oidc_logouts WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await
    }

    /// Takes a logout token and ends what it says: the browser sessions of the provider's session, or of everybody
    /// whom the provider calls `subject`, or of both together where it names both. None when it was taken before.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn take_oidc_logout(
        &self,
        logout: &OidcLogout,
        subject: Option<&str>,
    ) -> Result<Option<Vec<(SessionId, UserId)>>, StoreError> {
        let mut tx = self.begin().await?;
        let taken = execute!(
            tx,
            "INSERT INTO oidc_logouts (provider, token_id, session, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (provider, token_id) DO NOTHING",
            logout.provider.as_str(),
            logout.token_id.as_str(),
            logout.session.as_deref(),
            logout.expires_at.as_millis()
        )?;
        if taken == 0 {
            return Ok(None);
        }
        let rows = fetch_all!(
            tx,
            (String, String),
            "DELETE FROM sessions
             WHERE kind = 'browser' AND ($2 IS NULL OR provider_session = $2)
               AND user_id IN (SELECT id FROM users WHERE provider = $1 AND subject = COALESCE($3, subject))
             RETURNING id, user_id",
            logout.provider.as_str(),
            logout.session.as_deref(),
            subject
        )?;
        tx.commit().await?;
        let corrupt = |error: InvalidId| StoreError::corrupt("sessions", error);
        let read = |(session, user): (String, String)| {
            Ok((session.parse().map_err(corrupt)?, user.parse().map_err(corrupt)?))
        };
        rows.into_iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// Whether a logout token ended this session of the provider.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn oidc_session_ended(&self, provider: &str, session: &str) -> Result<bool, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT token_id FROM oidc_logouts WHERE provider = $1 AND session = $2 LIMIT 1";
        Ok(fetch_optional!(reader, (String,), sql, provider, session)?.is_some())
    }

    /// Keeps a person's refresh token in the place of the one that she had.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn put_oidc_refresh(
        &self,
        provider: &str,
        refresh: &OidcRefresh,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO oidc_refresh (user_id, provider, id, sealed, checked_at, held_until)
             VALUES ($1, $2, $3, $4, $5, 0)
             ON CONFLICT (user_id) DO UPDATE SET provider = excluded.provider, id = excluded.id,
                 sealed = excluded.sealed, checked_at = excluded.checked_at, held_until = 0",
            refresh.user.as_str(),
            provider,
            refresh.id.as_str(),
            refresh.sealed.as_str(),
            now.as_millis()
        )?;
        tx.commit().await
    }

    /// The refresh token that is due longest, of somebody who has a session, an API token or an app here. Nobody
    /// else gets it while it is held.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn hold_oidc_refresh(&self, due: OidcDue<'_>) -> Result<Option<OidcRefresh>, StoreError> {
        let mut tx = self.begin().await?;
        let row = fetch_optional!(
            tx,
            RefreshRow,
            "UPDATE oidc_refresh SET checked_at = $2, held_until = $4
             WHERE held_until <= $2 AND user_id = (
                 SELECT found.user_id FROM oidc_refresh AS found
                 WHERE found.provider = $1 AND found.checked_at <= $3 AND found.held_until <= $2
                   AND (EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = found.user_id)
                     OR EXISTS (SELECT 1 FROM tokens
                                WHERE tokens.user_id = found.user_id AND tokens.expires_at > $2)
                     OR EXISTS (SELECT 1 FROM apps WHERE apps.owner = found.user_id
                                AND apps.phase IN ('starting', 'ready', 'stopping')))
                 ORDER BY found.checked_at, found.user_id LIMIT 1)
             RETURNING user_id, id, sealed",
            due.provider,
            due.now.as_millis(),
            due.checked_until.as_millis(),
            due.held_until.as_millis()
        )?;
        tx.commit().await?;
        row.map(RefreshRow::read).transpose()
    }

    /// Gives a held refresh token back, changed if the provider gave another one (its new id and sealed text).
    /// False when the person has got another one meanwhile.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn release_oidc_refresh(
        &self,
        held: &OidcRefresh,
        changed: Option<(&str, &str)>,
    ) -> Result<bool, StoreError> {
        let (id, sealed) = changed.unwrap_or((&held.id, &held.sealed));
        let mut tx = self.begin().await?;
        let released = execute!(
            tx,
            "UPDATE oidc_refresh SET id = $3, sealed = $4, held_until = 0 WHERE user_id = $1 AND id = $2",
            held.user.as_str(),
            held.id.as_str(),
            id,
            sealed
        )?;
        tx.commit().await?;
        Ok(released == 1)
    }

    /// Forgets a refresh token, unless the person has got another one.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_oidc_refresh(&self, held: &OidcRefresh) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM oidc_refresh WHERE user_id = $1 AND id = $2";
        execute!(tx, sql, held.user.as_str(), held.id.as_str())?;
        tx.commit().await
    }
}

impl RefreshRow {
    fn read(self) -> Result<OidcRefresh, StoreError> {
        let user = self.user_id.parse().map_err(|error| StoreError::corrupt("oidc_refresh", error))?;
        Ok(OidcRefresh { user, id: self.id, sealed: self.sealed })
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

    const END: i64 = 1000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[tokio::test]
    async fn a_sign_in_is_spent_once_in_time_and_by_the_browser_that_began_it() {
        each_engine(|store| async move {
            let (state, browser, other) =
                (Secret::random().hash(), Secret::random().hash(), Secret::random().hash());
            let flow = OidcFlow {
                state,
                browser,
                provider: "centre".to_owned(),
                next: "/apps".to_owned(),
                expires_at: at(END),
            };
            assert!(store.begin_oidc_flow(&flow, 1).await.unwrap());
            let second = OidcFlow { state: other, ..flow.clone() };
            assert!(!store.begin_oidc_flow(&second, 1).await.unwrap());
            assert_eq!(store.spend_oidc_flow("centre", &state, &other, at(0)).await.unwrap(), None);
            assert_eq!(store.spend_oidc_flow("other", &state, &browser, at(0)).await.unwrap(), None);
            let next = store.spend_oidc_flow("centre", &state, &browser, at(999)).await.unwrap();
            assert_eq!(next.as_deref(), Some("/apps"));
            assert_eq!(store.spend_oidc_flow("centre", &state, &browser, at(999)).await.unwrap(), None);

            assert!(store.begin_oidc_flow(&second, 1).await.unwrap());
            assert_eq!(store.spend_oidc_flow("centre", &other, &browser, at(END)).await.unwrap(), None);
            assert!(store.begin_oidc_flow(&flow, 1).await.unwrap());
            store.delete_over_oidc(at(END)).await.unwrap();
            assert_eq!(store.spend_oidc_flow("centre", &state, &browser, at(0)).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_logout_token_ends_the_sessions_that_it_names_and_is_taken_once() {
        each_engine(|store| async move {
            let (mut kim, mut lee) = (someone("kim"), someone("lee"));
            (kim.provider, lee.provider) = ("centre".to_owned(), "other".to_owned());
            store.create_vouched_user(&kim, "sub-kim").await.unwrap();
            store.create_vouched_user(&lee, "sub-kim").await.unwrap();
            let mut sessions = Vec::new();
            // Not every provider names its sessions.
            for (user, name) in [(&kim, Some("s1")), (&kim, Some("s2")), (&kim, None), (&lee, Some("s1"))] {
                let mut session = session_of(&user.id, SessionKind::Browser);
                session.provider_session = name.map(str::to_owned);
                assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
                sessions.push((session.id, user.id.clone()));
            }
            let logout = |token_id: &str, session: Option<&str>| OidcLogout {
                provider: "centre".to_owned(),
                token_id: token_id.to_owned(),
                session: session.map(str::to_owned),
                expires_at: at(END),
            };
            let ended = store.take_oidc_logout(&logout("1", Some("s1")), Some("sub-lee")).await.unwrap();
            assert_eq!(ended, Some(vec![]));
            let ended = store.take_oidc_logout(&logout("2", Some("s1")), Some("sub-kim")).await.unwrap();
            assert_eq!(ended, Some(vec![sessions[0].clone()]));
            assert_eq!(store.take_oidc_logout(&logout("2", None), Some("sub-kim")).await.unwrap(), None);
            let ended = store.take_oidc_logout(&logout("3", None), Some("sub-kim")).await.unwrap().unwrap();
            assert_eq!(ended.len(), 2, "{ended:?}");
            assert!(sessions[1..3].iter().all(|session| ended.contains(session)), "{ended:?}");
            assert!(store.oidc_session_ended("centre", "s1").await.unwrap());
            assert!(!store.oidc_session_ended("centre", "s2").await.unwrap());
            assert!(!store.oidc_session_ended("other", "s1").await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn a_refresh_token_that_is_due_is_held_by_one_and_only_for_who_is_here() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            let refresh = OidcRefresh { user: kim.id.clone(), id: "1".to_owned(), sealed: "abc".to_owned() };
            store.put_oidc_refresh("centre", &refresh, at(0)).await.unwrap();
            let due = |now: i64| OidcDue {
                provider: "centre",
                now: at(now),
                checked_until: at(now - 100),
                held_until: at(now + 50),
            };
            assert_eq!(store.hold_oidc_refresh(due(200)).await.unwrap(), None);
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
            assert_eq!(store.hold_oidc_refresh(due(50)).await.unwrap(), None);
            assert_eq!(store.hold_oidc_refresh(due(200)).await.unwrap().as_ref(), Some(&refresh));
            assert_eq!(store.hold_oidc_refresh(due(200)).await.unwrap(), None);
            assert!(store.release_oidc_refresh(&refresh, Some(("2", "def"))).await.unwrap());
            assert!(!store.release_oidc_refresh(&refresh, None).await.unwrap());
            store.delete_oidc_refresh(&refresh).await.unwrap();
            let held = store.hold_oidc_refresh(due(300)).await.unwrap().unwrap();
            assert_eq!((held.id.as_str(), held.sealed.as_str()), ("2", "def"));
            // Whoever held it is gone without a word.
            let held = store.hold_oidc_refresh(due(401)).await.unwrap().unwrap();
            store.delete_oidc_refresh(&held).await.unwrap();
            assert_eq!(store.hold_oidc_refresh(due(600)).await.unwrap(), None);
        })
        .await;
    }
}
