//! Tells the gateway where each app is.

use std::collections::HashSet;

use myksc_apps::{Apps, RouteChange};
use myksc_core::AppId;
use myksc_gateway::Gateway;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// The apps whose routes the gateway has, and the changes to come.
pub(super) struct Routes {
    apps: Apps,
    gateway: Gateway,
    changes: Receiver<RouteChange>,
    known: HashSet<AppId>,
}

impl Routes {
    /// Pushes every route that there is, so that no app looks unknown when the server starts.
    pub(super) fn new(apps: Apps, gateway: Gateway) -> Self {
        // Before the routes are read, so that no change falls in between.
        let changes = apps.subscribe_routes();
        let mut routes = Self { apps, gateway, changes, known: HashSet::new() };
        routes.push_all();
        routes
    }

    /// Pushes every change for as long as it is polled.
    pub(super) async fn follow(mut self) {
        loop {
            match self.changes.recv().await {
                Ok(RouteChange::Set(app, route)) => {
                    self.known.insert(app.clone());
                    self.gateway.set_route(app, route);
                }
                Ok(RouteChange::Remove(app)) => self.remove(&app),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "too many routes changed at once; all are read again");
                    self.push_all();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn push_all(&mut self) {
        let routes = self.apps.routes();
        let present: HashSet<AppId> = routes.iter().map(|(app, _)| app.clone()).collect();
        let gone: Vec<AppId> = self.known.difference(&present).cloned().collect();
        gone.iter().for_each(|app| self.remove(app));
        for (app, route) in routes {
            self.gateway.set_route(app, route);
        }
        self.known = present;
    }

    fn remove(&mut self, app: &AppId) {
        self.known.remove(app);
        self.gateway.remove_route(app);
    }
}
