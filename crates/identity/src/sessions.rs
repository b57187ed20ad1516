//! Sessions: a cookie's secret that only the browser holds, its hash and the rest in the database.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::broadcast;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, Result, SessionId, Timestamp, User, UserId};
use myksc_store::{Session, SessionKind, Store, Token};

use crate::clock::Clock;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Seconds without use after which a session is over.
    pub idle_secs: i64,
    /// Seconds after which it is over however much it is used.
    pub absolute_secs: i64,
}

/// The other end of a connection, for the list of sessions.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// What it calls itself.
    pub user_agent: String,
}

/// A session that is not over, and whose.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The person, as she is on record now.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What a page of the portal sends along to change something.
    pub csrf_token: CsrfToken,
}

/// What a page of the portal sends along to change something; its `Debug` shows nothing.
#[derive(Clone)]
pub struct CsrfToken(String);

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// For the cookie; it is nowhere else.
    pub secret: Secret,
    /// The session.
    pub verified: Verified,
}

/// A session is over. What it opened must close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
}

/// The sessions of the portal; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    limits: SessionLimits,
    clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    ended: broadcast::Sender<SessionEnded>,
    /// Sessions this process let somebody in by: when one is gone from the database without a word (another
    /// process ended it), it is announced here.
    seen: Mutex<HashMap<SessionId, UserId>>,
}

/// Uses are written down no oftener.
const TOUCH_SECS: i64 = 60;
/// Announcements that a slow listener may be behind; one that is further behind must look at everything anew.
const BACKLOG: usize = 1024;
/// Longest name of a browser that is kept, in characters.
const MAX_AGENT_CHARS: usize = 300;
const CSRF_LABEL: &[u8] = b"myksc csrf v1";

impl Default for SessionLimits {
    /// Twelve hours without use, a week in all.
    fn default() -> Self {
        Self { idle_secs: 12 * 3600, absolute_secs: 7 * 24 * 3600 }
    }
}

impl CsrfToken {
    /// Follows from the cookie, so that nothing more is stored; nobody can learn the cookie from it.
    fn of(cookie: &str) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(cookie.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(CSRF_LABEL);
        Self(hex::encode(mac.finalize().into_bytes()))
    }

    /// The text for the session's pages.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is what was presented; compared in constant time.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken")
    }
}

impl Sessions {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, limits: SessionLimits, clock: Clock) -> Self {
        let (ended, _) = broadcast::channel(BACKLOG);
        let shared = Arc::new(Shared { ended, seen: Mutex::default() });
        Self { store, limits, clock, shared }
    }

    /// Tells of every session that ends from now on. A receiver that lagged must take every session for ended
    /// that it does not find on record.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<SessionEnded> {
        self.shared.ended.subscribe()
    }

    /// The session of a cookie, if it is not over and its person is not locked. Counts as use.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify(&self, cookie: &str) -> Result<Option<Verified>> {
        let found = self.store.session_by_secret(&SecretHash::of(cookie)).await?;
        let Some(session) = found.filter(|session| !self.is_over(session)) else { return Ok(None) };
        let Some(user) = self.store.user(&session.user).await?.filter(|user| !user.locked) else {
            return Ok(None);
        };
        self.saw(&session);
        self.touch(&session).await;
        Ok(Some(Verified { user, csrf_token: CsrfToken::of(cookie), session }))
    }

    /// Opens a session for a browser whose person was just authenticated.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self, user: User, client: &Client) -> Result<Opened> {
        let secret = Secret::random();
        let session = self.new_session(&user.id, SessionKind::Browser, client, None);
        self.store.create_session(&session, Some(secret.hash())).await?;
        self.saw(&session);
        let verified = Verified { user, csrf_token: CsrfToken::of(secret.expose()), session };
        Ok(Opened { secret, verified })
    }

    /// The session of what an API token opens; it ends with the token and shows up among the person's sessions.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of_token(&self, token: &Token, client: &Client) -> Result<Session> {
        let found = self.store.session_of_token(&token.id).await?;
        if let Some(session) = found.filter(|session| !self.is_over(session)) {
            self.saw(&session);
            self.touch(&session).await;
            return Ok(session);
        }
        let kind = SessionKind::Token(token.id.clone());
        let session = self.new_session(&token.user, kind, client, Some(token.expires_at));
        self.store.create_session(&session, None).await?;
        self.saw(&session);
        Ok(session)
    }

    /// The session of a grant or ticket, if it is not over and its person is not locked.
    ///
    /// # Errors
    /// What the database says.
    pub async fn alive(&self, id: &SessionId) -> Result<Option<Session>> {
        let found = self.store.session(id).await?;
        let Some(session) = found.filter(|session| !self.is_over(session)) else { return Ok(None) };
        let user = self.store.user(&session.user).await?;
        if user.is_none_or(|user| user.locked) {
            return Ok(None);
        }
        self.saw(&session);
        Ok(Some(session))
    }

    /// Notes that somebody works in an app that this session opened.
    ///
    /// # Errors
    /// What the database says.
    pub async fn touched(&self, id: &SessionId) -> Result<()> {
        let now = self.clock.now();
        Ok(self.store.touch_session(id, now, now.plus_secs(-TOUCH_SECS)).await?)
    }

    /// A person's sessions that are not over, the one used last first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self, user: &UserId) -> Result<Vec<Session>> {
        let mut sessions = self.store.sessions_of(user).await?;
        sessions.retain(|session| !self.is_over(session));
        Ok(sessions)
    }

    /// Ends one session of a person.
    ///
    /// # Errors
    /// [`Error::NotFound`] when she has no such session.
    pub async fn end(&self, user: &UserId, id: &SessionId) -> Result<()> {
        if !self.store.delete_session(user, id).await? {
            return Err(Error::not_found("session", id));
        }
        self.announce(id.clone(), user.clone());
        Ok(())
    }

    /// Ends all of a person's sessions but `keep`: "sign out everywhere" keeps none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_all(&self, user: &UserId, keep: Option<&SessionId>) -> Result<()> {
        for session in self.store.delete_sessions(user, keep).await? {
            self.announce(session, user.clone());
        }
        Ok(())
    }

    /// Ends the session of a cookie that is being replaced, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_replaced(&self, cookie: &str) -> Result<()> {
        if let Some(session) = self.store.session_by_secret(&SecretHash::of(cookie)).await?
            && self.store.delete_session(&session.user, &session.id).await?
        {
            self.announce(session.id, session.user);
        }
        Ok(())
    }

    /// Clears away what is over (sessions, tokens, tickets, grants) and announces the sessions that ended by it or
    /// by another process.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let mut ended = self.store.delete_over_sessions(now, now.plus_secs(-self.limits.idle_secs)).await?;
        ended.extend(self.store.delete_over_tokens(now).await?);
        self.store.delete_over_tickets(now).await?;
        self.store.delete_over_grants(now).await?;
        for (session, user) in ended {
            self.announce(session, user);
        }
        self.announce_gone().await
    }

    /// Announces the sessions this process let somebody in by that are no longer on record. One that ended here is
    /// announced twice: a grant may have been on its way to the gateway when it was the first time.
    async fn announce_gone(&self) -> Result<()> {
        // Taken before the database is asked, so that a session opened in between is not taken for gone.
        let seen: Vec<(SessionId, UserId)> = self.seen(|seen| seen.clone().into_iter().collect());
        let on_record: HashSet<SessionId> = self.store.session_ids().await?.into_iter().collect();
        for (session, user) in seen.into_iter().filter(|(session, _)| !on_record.contains(session)) {
            self.seen(|seen| seen.remove(&session));
            self.announce(session, user);
        }
        Ok(())
    }

    /// Says that a session is over.
    pub(crate) fn announce(&self, session: SessionId, user: UserId) {
        // Nobody listens: then nothing is open.
        let _ = self.shared.ended.send(SessionEnded { session, user });
    }

    fn saw(&self, session: &Session) {
        self.seen(|seen| seen.insert(session.id.clone(), session.user.clone()));
    }

    fn seen<T>(&self, change: impl FnOnce(&mut HashMap<SessionId, UserId>) -> T) -> T {
        change(&mut self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self, session: &Session) -> bool {
        let now = self.clock.now();
        now >= session.expires_at || now.secs_since(session.last_used_at) >= self.limits.idle_secs
    }

    async fn touch(&self, session: &Session) {
        if self.clock.now().secs_since(session.last_used_at) < TOUCH_SECS {
            return;
        }
        if let Err(error) = self.touched(&session.id).await {
            // Reading goes on with a full disk, too.
            tracing::warn!(%error, "the use of a session could not be noted");
        }
    }

    fn new_session(
        &self,
        user: &UserId,
        kind: SessionKind,
        client: &Client,
        not_after: Option<Timestamp>,
    ) -> Session {
        let now = self.clock.now();
        let latest = now.plus_secs(self.limits.absolute_secs);
        let agent = client.user_agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect();
        Session {
            id: SessionId::random(),
            user: user.clone(),
            kind,
            created_at: now,
            last_used_at: now,
            expires_at: not_after.map_or(latest, |end| end.min(latest)),
            address: client.address.to_canonical().to_string(),
            user_agent: agent,
        }
    }
}

#[cfg(test)]
mod tests;
