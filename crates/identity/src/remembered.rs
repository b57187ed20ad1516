//! What was verified lately, so that people who are signed in go on for a while when the database is away.
//!
//! Only what the database said itself is remembered, and nothing that ended in this process since. While the database
//! is away nobody can be asked whether something ended elsewhere: that is why it is for some minutes only, and why
//! requests that change something are not let through by it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use myksc_core::secret::SecretHash;
use myksc_core::{Error, Result, SessionId, Timestamp, TokenId, User, UserId};
use myksc_store::{Session, Token};

use crate::clock::Clock;

/// What a credential opened when it was last looked up.
#[derive(Debug, Clone)]
pub(crate) enum Opens {
    Session(User, Session),
    Token(User, Token),
}

/// Credentials by the hash of what is presented; clones share them.
#[derive(Clone)]
pub(crate) struct Remembered {
    clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    known: Mutex<HashMap<SecretHash, (Timestamp, Opens)>>,
    for_secs: AtomicI64,
    /// When the database last answered, in milliseconds.
    answered_at: AtomicI64,
    /// Milliseconds until which the database is taken to be away without asking it; the least number when it answers.
    away_until: AtomicI64,
    /// Counts what was forgotten: an answer that was under way meanwhile may be of before.
    forgotten: AtomicU64,
}

/// How long what was verified is remembered unless the site says otherwise.
const USUAL_SECS: i64 = 300;
/// More credentials than are in use at once.
const MAX_KNOWN: usize = 50_000;
/// A database that takes longer for a credential is away.
const DEADLINE: Duration = Duration::from_secs(3);
/// After a failure others do not wait for the same for so long.
const PAUSE_MILLIS: i64 = 2000;

impl Opens {
    fn user(&self) -> &UserId {
        match self {
            Self::Session(user, _) | Self::Token(user, _) => &user.id,
        }
    }

    fn is_session(&self, id: &SessionId) -> bool {
        matches!(self, Self::Session(_, session) if session.id == *id)
    }

    fn is_token(&self, id: &TokenId) -> bool {
        matches!(self, Self::Token(_, token) if token.id == *id)
    }
}

impl Remembered {
    pub(crate) fn new(clock: Clock) -> Self {
        let shared = Shared {
            known: Mutex::default(),
            answered_at: AtomicI64::new(i64::MIN),
            for_secs: AtomicI64::new(USUAL_SECS),
            away_until: AtomicI64::new(i64::MIN),
            forgotten: AtomicU64::new(0),
        };
        Self { clock, shared: Arc::new(shared) }
    }

    pub(crate) fn remember_for(&self, secs: i64) {
        self.shared.for_secs.store(secs, Ordering::Relaxed);
    }

    /// Whether the database did not answer a moment ago.
    pub(crate) fn is_away(&self) -> bool {
        self.clock.now().as_millis() < self.shared.away_until.load(Ordering::Relaxed)
    }

    /// When the database last said what a credential opens: no credential was verified later.
    pub(crate) fn answered_at(&self) -> Timestamp {
        Timestamp::from_millis(self.shared.answered_at.load(Ordering::Relaxed))
    }

    /// What a credential opens: as the database says, or as it said lately if it is away.
    pub(crate) async fn or_look_up(
        &self,
        presented: &str,
        look_up: impl Future<Output = Result<Option<Opens>>>,
    ) -> Result<Option<Opens>> {
        let hash = SecretHash::of(presented);
        if self.others_wait()
            && let Some(opens) = self.recall(&hash)
        {
            return Ok(Some(opens));
        }
        let forgotten = self.shared.forgotten.load(Ordering::SeqCst);
        match tokio::time::timeout(DEADLINE, look_up).await.unwrap_or_else(|_| Err(away())) {
            Ok(found) => {
                self.shared.away_until.store(i64::MIN, Ordering::Relaxed);
                self.shared.answered_at.store(self.clock.now().as_millis(), Ordering::Relaxed);
                self.remember(hash, found.as_ref(), forgotten);
                Ok(found)
            }
            Err(error) if is_away(&error) => {
                let until = self.clock.now().as_millis() + PAUSE_MILLIS;
                self.shared.away_until.store(until, Ordering::Relaxed);
                self.recall(&hash).map(Some).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets a session that is over.
    pub(crate) fn forget_session(&self, id: &SessionId) {
        self.forget(|opens| opens.is_session(id));
    }

    /// Forgets a token that was deleted.
    pub(crate) fn forget_token(&self, id: &TokenId) {
        self.forget(|opens| opens.is_token(id));
    }

    /// Forgets whatever a person has, because she was locked.
    pub(crate) fn forget_user(&self, user: &UserId) {
        self.forget(|opens| opens.user() == user);
    }

    fn forget(&self, is_over: impl Fn(&Opens) -> bool) {
        let mut known = self.known();
        self.shared.forgotten.fetch_add(1, Ordering::SeqCst);
        known.retain(|_, (_, opens)| !is_over(opens));
    }

    /// Whether the database is away and somebody else finds out whether it still is.
    fn others_wait(&self) -> bool {
        let now = self.clock.now().as_millis();
        let until = self.shared.away_until.load(Ordering::Relaxed);
        if until == i64::MIN || now < until {
            return until != i64::MIN;
        }
        let deadline_millis = i64::try_from(DEADLINE.as_millis()).unwrap_or(PAUSE_MILLIS);
        let away_until = &self.shared.away_until;
        let asks =
            away_until.compare_exchange(until, now + deadline_millis, Ordering::Relaxed, Ordering::Relaxed);
        asks.is_err()
    }

    fn remember(&self, hash: SecretHash, found: Option<&Opens>, forgotten: u64) {
        let now = self.clock.now();
        let mut known = self.known();
        let is_current = self.shared.forgotten.load(Ordering::SeqCst) == forgotten;
        let Some(opens) = found.filter(|_| is_current) else {
            known.remove(&hash);
            return;
        };
        if known.len() >= MAX_KNOWN && !known.contains_key(&hash) {
            known.retain(|_, (at, _)| self.is_fresh(*at, now));
            if known.len() >= MAX_KNOWN {
                return;
            }
        }
        known.insert(hash, (now, opens.clone()));
    }

    fn recall(&self, hash: &SecretHash) -> Option<Opens> {
        let now = self.clock.now();
        let known = self.known();
        known.get(hash).filter(|(at, _)| self.is_fresh(*at, now)).map(|(_, opens)| opens.clone())
    }

    /// Whether what was verified at a moment still counts while the database is away.
    pub(crate) fn is_fresh(&self, at: Timestamp, now: Timestamp) -> bool {
        now < at.plus_secs(self.shared.for_secs.load(Ordering::Relaxed))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<SecretHash, (Timestamp, Opens)>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn away() -> Error {
    Error::Unavailable { code: "database_away", detail: "the database does not answer".to_owned() }
}

fn is_away(error: &Error) -> bool {
    matches!(error, Error::Unavailable { code: "database_away", .. })
}

#[cfg(test)]
mod tests;
