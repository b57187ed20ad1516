//! The ways to the apps, as the portal pushed them.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use myksc_core::grant::{Endpoint, Frames, Route, RouteState};
use myksc_core::guard::GuardKey;
use myksc_core::{AppId, Timestamp};

use crate::read_map::ReadMap;

/// Every known app.
pub(crate) struct Routes {
    entries: ReadMap<AppId, Entry>,
    next_way: AtomicU64,
    changing: Mutex<()>,
}

/// One app as the proxy needs it.
pub(crate) struct Entry {
    /// The person's name for it.
    pub(crate) name: String,
    /// What its pages ask for by themselves, by the beginnings of paths with their queries.
    polls: Vec<String>,
    /// Which messages of its WebSockets show that somebody works.
    pub(crate) frames: Frames,
    /// When somebody worked in it last.
    pub(crate) used: Arc<LastUse>,
    /// Whether it can be reached.
    pub(crate) state: State,
}

/// Whether an app can be reached.
pub(crate) enum State {
    NotReady,
    Ended,
    Ready(Arc<Way>),
}

/// An endpoint for as long as it is the app's; open exchanges hold it and look whether it is gone.
pub(crate) struct Way {
    /// Distinguishes this way from earlier ones of the same app, in pools of connections.
    pub(crate) number: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) guard: Option<GuardKey>,
    gone: AtomicBool,
    open: AtomicUsize,
}

/// When somebody worked in an app last, as far as this gateway saw; the same over all its routes.
pub(crate) struct LastUse(AtomicI64);

/// Sockets and requests that one app may have open at once, so that it leaves room for the others.
const MAX_OPEN_PER_WAY: usize = 16 * 1024;

impl Way {
    /// Counts one more exchange, unless the app has too many; [`Way::leave`] must follow.
    pub(crate) fn enter(&self) -> bool {
        let entered = self.open.fetch_add(1, Ordering::Relaxed) < MAX_OPEN_PER_WAY;
        if !entered {
            self.leave();
        }
        entered
    }

    /// Counts one exchange less.
    pub(crate) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

impl LastUse {
    /// Somebody works in it at this moment.
    pub(crate) fn note(&self) {
        self.0.store(Timestamp::now().as_millis(), Ordering::Relaxed);
    }

    /// The last time; `None` if nobody did yet.
    fn at(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis != i64::MIN).then(|| Timestamp::from_millis(millis))
    }
}

impl Default for LastUse {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Entry {
    /// Whether a page of the app asks for this by itself, so that nobody works because of it.
    pub(crate) fn is_poll(&self, uri: &Uri) -> bool {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        self.polls.iter().any(|poll| path.starts_with(poll.as_str()))
    }

    fn way(&self) -> Option<&Arc<Way>> {
        match &self.state {
            State::Ready(way) => Some(way),
            State::NotReady | State::Ended => None,
        }
    }
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { entries: ReadMap::new(), next_way: AtomicU64::new(0), changing: Mutex::new(()) }
    }

    pub(crate) fn get(&self, app: &AppId) -> Option<Arc<Entry>> {
        self.entries.get(app)
    }

    /// Puts the route in place of the former one; says whether open sockets of the former one must go.
    pub(crate) fn set(&self, app: AppId, route: Route) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let former = self.entries.get(&app);
        let former_way = former.as_ref().and_then(|entry| entry.way());
        let state = match route.state {
            RouteState::NotReady => State::NotReady,
            RouteState::Ended => State::Ended,
            RouteState::Ready { endpoint, authorization, guard } => {
                let authorization = authorization.and_then(|text| authorization_header(&app, &text));
                let is_same = |way: &Way| {
                    way.endpoint == endpoint && way.authorization == authorization && way.guard == guard
                };
                match former_way {
                    Some(way) if is_same(way) => State::Ready(way.clone()),
                    _ => State::Ready(Arc::new(Way {
                        number: self.next_way.fetch_add(1, Ordering::Relaxed),
                        endpoint,
                        authorization,
                        guard,
                        gone: AtomicBool::new(false),
                        open: AtomicUsize::new(0),
                    })),
                }
            }
        };
        let used = former.as_ref().map(|entry| entry.used.clone()).unwrap_or_default();
        let entry =
            Arc::new(Entry { name: route.name, polls: route.polls, frames: route.frames, used, state });
        let kept = entry.way().map(|way| way.number);
        self.entries.insert(app, entry);
        former_way.is_some_and(|way| kept != Some(way.number) && close(way))
    }

    /// When somebody worked last in each app in which anybody did.
    pub(crate) fn uses(&self) -> Vec<(AppId, Timestamp)> {
        let mut uses = Vec::new();
        self.entries.for_each(|app, entry| uses.extend(entry.used.at().map(|at| (app.clone(), at))));
        uses
    }

    /// Forgets the app; says whether open sockets of it must go.
    pub(crate) fn remove(&self, app: &AppId) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.entries.remove(app).is_some_and(|entry| entry.way().is_some_and(close))
    }
}

fn close(way: &Arc<Way>) -> bool {
    !way.gone.swap(true, Ordering::AcqRel)
}

fn authorization_header(app: &AppId, text: &str) -> Option<HeaderValue> {
    let Ok(mut value) = HeaderValue::from_str(text) else {
        tracing::error!(%app, "the app's authorization is no header value; requests go without it");
        return None;
    };
    value.set_sensitive(true);
    Some(value)
}
