//! The gateway's view of the apps: where each one is, and every change of that.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use myksc_core::AppId;
use myksc_core::grant::Route;

/// Changes that a slow reader may lag behind before it has to read all routes again.
const CAPACITY: usize = 1024;

/// A change of the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteChange {
    /// The app is new or its route is another.
    Set(AppId, Route),
    /// The app is gone for good.
    Remove(AppId),
}

/// All routes, and whoever wants to hear of changes.
#[derive(Debug)]
pub(crate) struct Routes {
    current: Mutex<HashMap<AppId, Known>>,
    changes: broadcast::Sender<RouteChange>,
}

/// What is known of an app as of a revision; no route when it is gone for good.
#[derive(Debug)]
struct Known {
    revision: i64,
    route: Option<Route>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::default(), changes: broadcast::channel(CAPACITY).0 }
    }

    pub(crate) fn current(&self) -> Vec<(AppId, Route)> {
        let current = self.lock();
        current.iter().filter_map(|(app, known)| Some((app.clone(), known.route.clone()?))).collect()
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<RouteChange> {
        self.changes.subscribe()
    }

    /// Sets the route of an app as of a revision of its record; `None` when it is gone for good. What is older than
    /// what is known is left out, what is as it was is not told again.
    pub(crate) fn set(&self, app: &AppId, revision: i64, route: Option<Route>) {
        let mut current = self.lock();
        let former = current.get(app);
        if former.is_some_and(|known| known.revision > revision) {
            return;
        }
        let is_new = former.and_then(|known| known.route.as_ref()) != route.as_ref();
        current.insert(app.clone(), Known { revision, route: route.clone() });
        if is_new {
            let change = match route {
                Some(route) => RouteChange::Set(app.clone(), route),
                None => RouteChange::Remove(app.clone()),
            };
            // Told under the lock, so that changes are heard in the order in which they happened. Nobody may listen.
            let _ = self.changes.send(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, Known>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::UserId;
    use myksc_core::grant::{Frames, RouteState};

    use super::*;

    #[test]
    fn an_older_look_never_takes_the_place_of_a_newer_one() {
        let routes = Routes::new();
        let mut changes = routes.subscribe();
        let app = AppId::random();
        let owner = UserId::random();
        let route = |state| {
            Some(Route {
                owner: owner.clone(),
                name: "lab".into(),
                polls: Vec::new(),
                frames: Frames::Any,
                state,
            })
        };
        routes.set(&app, 2, route(RouteState::Ended));
        routes.set(&app, 1, route(RouteState::NotReady));
        routes.set(&app, 2, route(RouteState::Ended));
        assert_eq!(routes.current(), [(app.clone(), route(RouteState::Ended).unwrap())]);
        routes.set(&app, 3, None);
        routes.set(&app, 2, route(RouteState::NotReady));
        assert_eq!(routes.current(), []);
        let heard: Vec<_> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
        let set = RouteChange::Set(app.clone(), route(RouteState::Ended).unwrap());
        assert_eq!(heard, [set, RouteChange::Remove(app)]);
    }
}
