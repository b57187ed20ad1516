//! Sessions: a cookie's secret that only the browser holds, its hash and the rest in the database.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::broadcast;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, Result, SessionId, Timestamp, User, UserId};
use myksc_store::{Session, SessionKind, Store, Token};

use crate::clock::Clock;
use crate::provider::Authenticated;
use crate::remembered::{Opens, Remembered};

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Seconds without use after which a session is over. It lasts up to a minute longer (see
    /// [`SessionLimits::grace_secs`]), never less.
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
    /// When it ends if it is not used again.
    pub idle_ends_at: Timestamp,
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
    remembered: Remembered,
    shared: Arc<Shared>,
}

struct Shared {
    ended: broadcast::Sender<SessionEnded>,
    /// Sessions this process let somebody in by: when one is gone from the database without a word (another
    /// process ended it), it is announced here.
    seen: Mutex<HashMap<SessionId, UserId>>,
}

/// Uses are written down no oftener, however long a session may be idle.
const MAX_NOTE_SECS: i64 = 30;
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

impl SessionLimits {
    /// Seconds that pass until the next use is told and written down: little beside the limit, so that few uses are
    /// written and none is lost that matters.
    #[must_use]
    pub fn note_secs(&self) -> i64 {
        (self.idle_secs / 20).clamp(1, MAX_NOTE_SECS)
    }

    /// Seconds by which the last use can be later than the last one on record: a use is held back by the gateway
    /// for as long as by the database.
    #[must_use]
    pub fn grace_secs(&self) -> i64 {
        2 * self.note_secs()
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
        Self { store, limits, remembered: Remembered::new(clock.clone()), clock, shared }
    }

    /// The same, with what was verified remembered for so long when the database is away.
    #[must_use]
    pub fn remembering_for(self, secs: i64) -> Self {
        self.remembered.remember_for(secs);
        self
    }

    /// Whether the database did not answer just now, so that whom [`Sessions::verify`] lets in may not change anything.
    #[must_use]
    pub fn is_database_away(&self) -> bool {
        self.remembered.is_away()
    }

    /// What was verified lately, sessions and tokens alike.
    pub(crate) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Tells of every session that ends from now on. A receiver that lagged must take every session for ended
    /// that it does not find on record.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<SessionEnded> {
        self.shared.ended.subscribe()
    }

    /// The session of a cookie, if it is not over and its person is not locked. This alone is no use of it; see
    /// [`Sessions::used`]. While the database is away this is what was verified lately.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify(&self, cookie: &str) -> Result<Option<Verified>> {
        let look_up = async {
            let found = self.store.session_by_secret(&SecretHash::of(cookie)).await?;
            let Some(session) = found.filter(|session| !self.is_over(session)) else { return Ok(None) };
            let user = self.store.user(&session.user).await?.filter(|user| !user.locked);
            Ok(user.map(|user| Opens::Session(user, session)))
        };
        let found = self.remembered.or_look_up(cookie, look_up).await?;
        let Some(Opens::Session(user, session)) = found else { return Ok(None) };
        if self.is_over(&session) {
            return Ok(None);
        }
        self.saw(&session);
        Ok(Some(self.verified(user, session, cookie)))
    }

    /// Notes that the person did something in a session that was just verified.
    pub async fn used(&self, session: &mut Session) {
        let now = self.clock.now();
        if now <= session.last_used_at.plus_secs(self.limits.note_secs()) {
            return;
        }
        match self.touched(&session.id).await {
            Ok(()) => session.last_used_at = now,
            // Reading goes on with a full disk, too.
            Err(error) => tracing::warn!(%error, "the use of a session could not be noted"),
        }
    }

    /// Starts the idle time of a session anew, because its person says that she is there.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is over; what the database says.
    pub async fn extend(&self, id: &SessionId) -> Result<Session> {
        let found = self.store.session(id).await?;
        let mut session = found.filter(|session| !self.is_over(session)).ok_or(Error::Unauthenticated)?;
        let now = self.clock.now();
        self.store.touch_session(id, now, now).await?;
        session.last_used_at = session.last_used_at.max(now);
        Ok(session)
    }

    /// How long a use may be held back before it is told to [`Sessions::touched`].
    #[must_use]
    pub fn use_held_back(&self) -> Duration {
        Duration::from_secs(self.limits.note_secs().unsigned_abs())
    }

    /// When a session ends if it is not used again.
    #[must_use]
    pub fn idle_ends_at(&self, session: &Session) -> Timestamp {
        let idle_secs = self.limits.idle_secs + self.limits.grace_secs();
        session.last_used_at.plus_secs(idle_secs).min(session.expires_at)
    }

    /// Opens a session for a browser whose person was just authenticated; none when her password was changed or her
    /// account locked meanwhile.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self, person: Authenticated, client: &Client) -> Result<Option<Opened>> {
        let Authenticated { user, credential_revision, provider_session } = person;
        let secret = Secret::random();
        let session = self.new_session(&user.id, SessionKind::Browser, client, None);
        let session = Session { provider_session, ..session };
        if !self.store.create_session(&session, secret.hash(), credential_revision).await? {
            return Ok(None);
        }
        self.saw(&session);
        let verified = self.verified(user, session, secret.expose());
        Ok(Some(Opened { secret, verified }))
    }

    /// The session of what an API token opens; it ends with the token and shows up among the person's sessions.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the token was deleted or its person locked meanwhile.
    pub async fn of_token(&self, token: &Token, client: &Client) -> Result<Session> {
        let found = self.store.session_of_token(&token.id).await?;
        if let Some(mut session) = found.filter(|session| !self.is_over(session)) {
            self.saw(&session);
            self.used(&mut session).await;
            return Ok(session);
        }
        let kind = SessionKind::Token(token.id.clone());
        let session = self.new_session(&token.user, kind, client, Some(token.expires_at));
        if !self.store.create_token_session(&session, &token.id).await? {
            return Err(Error::Unauthenticated);
        }
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
        Ok(self.store.touch_session(id, now, now.plus_secs(-self.limits.note_secs())).await?)
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
        self.remembered.forget_user(user);
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
        let idle_secs = self.limits.idle_secs + self.limits.grace_secs();
        let mut ended = self.store.delete_over_sessions(now, now.plus_secs(-idle_secs)).await?;
        ended.extend(self.store.delete_over_tokens(now).await?);
        self.store.delete_over_tickets(now).await?;
        self.store.delete_over_grants(now).await?;
        self.store.delete_over_sign_ins(now).await?;
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
        self.remembered.forget_session(&session);
        // Nobody listens: then nothing is open.
        let _ = self.shared.ended.send(SessionEnded { session, user });
    }

    fn saw(&self, session: &Session) {
        self.seen(|seen| seen.insert(session.id.clone(), session.user.clone()));
    }

    fn seen<T>(&self, change: impl FnOnce(&mut HashMap<SessionId, UserId>) -> T) -> T {
        change(&mut self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn verified(&self, user: User, session: Session, cookie: &str) -> Verified {
        let idle_ends_at = self.idle_ends_at(&session);
        Verified { user, csrf_token: CsrfToken::of(cookie), idle_ends_at, session }
    }

    fn is_over(&self, session: &Session) -> bool {
        self.clock.now() >= self.idle_ends_at(session)
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
            provider_session: None,
        }
    }
}

#[cfg(test)]
mod tests;
