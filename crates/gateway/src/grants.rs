//! The browsers' rights to reach apps: in memory while they last, asked of the portal on a miss.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use myksc_core::grant::Grant;
use myksc_core::secret::SecretHash;
use myksc_core::{AppId, SessionId, Timestamp, UserId};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};

use crate::portal::DynPortal;
use crate::read_map::ReadMap;

/// A cookie that the portal does not know is not asked about again for this long.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
const MAX_UNKNOWN: usize = 4096;
/// Questions to the portal under way at once.
const MAX_LOOKUPS: usize = 64;
/// A revocation is remembered longer than any answer of the portal can be under way.
const REMEMBER_REVOKED: Duration = Duration::from_secs(60);

/// Every grant that the gateway knows.
pub(crate) struct Grants {
    held: ReadMap<SecretHash, Held>,
    lookups: Semaphore,
    cold: Mutex<Cold>,
}

/// A grant in use; open exchanges hold it and look whether it is over.
pub(crate) struct Held {
    pub(crate) grant: Grant,
    session: Arc<SessionUse>,
    gone: AtomicBool,
}

/// When the portal last heard of work in a session's apps; shared by all grants of the session.
struct SessionUse {
    told_at_millis: AtomicI64,
}

/// What a cookie turned out to be.
#[derive(Clone)]
pub(crate) enum Found {
    Grant(Arc<Held>),
    Nothing,
    /// The portal could not be asked.
    PortalFailed,
}

/// State off the fast path.
#[derive(Default)]
struct Cold {
    sessions: HashMap<SessionId, Arc<SessionUse>>,
    unknown: HashMap<SecretHash, Instant>,
    lookups: HashMap<SecretHash, Arc<OnceCell<Found>>>,
    revoked: VecDeque<(u64, Instant, Revoked)>,
    epoch: u64,
}

enum Revoked {
    Session(SessionId),
    User(UserId),
}

/// One caller's share in a question to the portal; leaves no trace when the caller goes away.
struct Lookup<'a> {
    grants: &'a Grants,
    hash: SecretHash,
    answer: Arc<OnceCell<Found>>,
}

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        self.grants.cold().lookups.remove(&self.hash);
    }
}

impl Held {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.gone.load(Ordering::Acquire) || self.grant.expires_at <= now
    }

    /// Whether the portal should hear now that the session is in use; true at most once in `every`.
    pub(crate) fn take_touch(&self, every: Duration) -> bool {
        let now = Timestamp::now().as_millis();
        let told_at = self.session.told_at_millis.load(Ordering::Relaxed);
        let every_millis = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        now.saturating_sub(told_at) >= every_millis
            && self
                .session
                .told_at_millis
                .compare_exchange(told_at, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Grants {
    pub(crate) fn new() -> Self {
        Self { held: ReadMap::new(), lookups: Semaphore::new(MAX_LOOKUPS), cold: Mutex::new(Cold::default()) }
    }

    /// The grant in memory, if it is live and opens this app.
    pub(crate) fn get(&self, hash: &SecretHash, app: &AppId) -> Option<Arc<Held>> {
        self.held.get(hash).filter(|held| held.grant.app == *app && !held.is_over(Timestamp::now()))
    }

    /// The grant in memory or, on a miss, in the portal's records; callers with the same cookie share one question.
    pub(crate) async fn find(
        &self,
        hash: SecretHash,
        app: &AppId,
        portal: &Arc<dyn DynPortal>,
        home: &Handle,
    ) -> Found {
        if let Some(held) = self.held.get(&hash) {
            let opens = held.grant.app == *app && !held.is_over(Timestamp::now());
            return if opens { Found::Grant(held) } else { Found::Nothing };
        }
        let Some(lookup) = self.lookup(hash) else {
            return Found::Nothing;
        };
        let found = lookup.answer.get_or_init(|| self.ask(hash, portal.clone(), home)).await.clone();
        match found {
            Found::Grant(held) if held.grant.app != *app || held.is_over(Timestamp::now()) => Found::Nothing,
            found => found,
        }
    }

    /// The moment before a question to the portal; its answer is taken only if no revocation hit it since.
    pub(crate) fn epoch(&self) -> u64 {
        self.cold().epoch
    }

    /// Takes a grant that the portal gave in answer to a question asked at `epoch`; `None` if it was revoked since.
    pub(crate) fn admit(&self, hash: SecretHash, grant: Grant, epoch: u64) -> Option<Arc<Held>> {
        let mut cold = self.cold();
        let hit = |(at, _, revoked): &(u64, Instant, Revoked)| {
            *at > epoch
                && match revoked {
                    Revoked::Session(session) => *session == grant.session,
                    Revoked::User(user) => *user == grant.user,
                }
        };
        if cold.revoked.iter().any(hit) {
            return None;
        }
        let session = cold
            .sessions
            .entry(grant.session.clone())
            .or_insert_with(|| Arc::new(SessionUse { told_at_millis: AtomicI64::new(i64::MIN) }))
            .clone();
        cold.unknown.remove(&hash);
        let held = Arc::new(Held { grant, session, gone: AtomicBool::new(false) });
        self.held.insert(hash, held.clone());
        Some(held)
    }

    /// Ends every grant of a session.
    pub(crate) fn revoke_session(&self, session: &SessionId) {
        self.revoke(Revoked::Session(session.clone()), |grant| grant.session == *session);
    }

    /// Ends every grant of a user.
    pub(crate) fn revoke_user(&self, user: &UserId) {
        self.revoke(Revoked::User(user.clone()), |grant| grant.user == *user);
    }

    /// Ends every grant for an app that is no more.
    pub(crate) fn forget_app(&self, app: &AppId) {
        let mut cold = self.cold();
        self.end(&mut cold, |held| held.grant.app == *app);
    }

    /// Forgets what is over; to be called now and then.
    pub(crate) fn sweep(&self) {
        let now = Timestamp::now();
        let mut cold = self.cold();
        self.end(&mut cold, |held| held.is_over(now));
        cold.unknown.retain(|_, since| since.elapsed() < UNKNOWN_FOR);
        cold.revoked.retain(|(_, at, _)| at.elapsed() < REMEMBER_REVOKED);
    }

    fn revoke(&self, revoked: Revoked, matches: impl Fn(&Grant) -> bool) {
        let mut cold = self.cold();
        cold.epoch += 1;
        let epoch = cold.epoch;
        cold.revoked.push_back((epoch, Instant::now(), revoked));
        self.end(&mut cold, |held| matches(&held.grant));
    }

    fn end(&self, cold: &mut Cold, matches: impl Fn(&Held) -> bool) {
        let mut over = Vec::new();
        self.held.for_each(|hash, held| {
            if matches(held) {
                over.push(*hash);
            }
        });
        for hash in &over {
            if let Some(held) = self.held.remove(hash) {
                held.gone.store(true, Ordering::Release);
            }
        }
        if !over.is_empty() {
            cold.sessions.retain(|_, session| Arc::strong_count(session) > 1);
        }
    }

    /// The question about this cookie, perhaps already under way; `None` if it was answered with no just now.
    fn lookup(&self, hash: SecretHash) -> Option<Lookup<'_>> {
        let mut cold = self.cold();
        if cold.unknown.get(&hash).is_some_and(|since| since.elapsed() < UNKNOWN_FOR) {
            return None;
        }
        let answer = cold.lookups.entry(hash).or_default().clone();
        Some(Lookup { grants: self, hash, answer })
    }

    async fn ask(&self, hash: SecretHash, portal: Arc<dyn DynPortal>, home: &Handle) -> Found {
        let Ok(_permit) = self.lookups.try_acquire() else {
            return Found::PortalFailed;
        };
        let epoch = self.epoch();
        let answer = home.spawn(async move { portal.find_grant(hash).await }).await;
        match answer {
            Ok(Ok(Some(grant))) => self.admit(hash, grant, epoch).map_or(Found::Nothing, Found::Grant),
            Ok(Ok(None)) => {
                let mut cold = self.cold();
                if cold.unknown.len() < MAX_UNKNOWN {
                    cold.unknown.insert(hash, Instant::now());
                }
                Found::Nothing
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the portal could not look up a grant");
                Found::PortalFailed
            }
            Err(error) => {
                tracing::error!(%error, "looking up a grant failed");
                Found::PortalFailed
            }
        }
    }

    fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
