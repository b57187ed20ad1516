//! The handle that the portal pushes routes and revocations to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use myksc_core::grant::Route;
use myksc_core::{AppId, SessionId, Timestamp, UserId};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::config::Config;
use crate::grants::{Grants, Held};
use crate::portal::{DynPortal, Portal};
use crate::routes::{LastUse, Routes};

const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Routes, grants and the way to the portal; cheap to clone, shared by all workers.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) grants: Grants,
    pub(crate) portal: Arc<dyn DynPortal>,
    /// The runtime that the portal's work runs on; the workers' own threads only move bytes.
    pub(crate) home: Handle,
    /// One for each worker: rung when open exchanges must be looked through.
    bells: Mutex<Vec<Arc<Notify>>>,
    suspended: AtomicBool,
}

impl Gateway {
    /// An empty gateway. Must be called on the runtime that the portal's work shall run on.
    ///
    /// Push every known route before [`crate::server::run`], or apps look unknown until then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(config: Config, portal: impl Portal) -> Self {
        let shared = Arc::new(Shared {
            config,
            routes: Routes::new(),
            grants: Grants::new(),
            portal: Arc::new(portal),
            home: Handle::current(),
            bells: Mutex::default(),
            suspended: AtomicBool::new(false),
        });
        shared.home.spawn(sweep(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Sets the way to an app. Open sockets stay if everything but the name stays, else they are cut at once.
    pub fn set_route(&self, app: AppId, route: Route) {
        if self.shared.routes.set(app, route) {
            self.shared.ring();
        }
    }

    /// Forgets an app and every grant for it; cuts its open sockets at once.
    pub fn remove_route(&self, app: &AppId) {
        self.shared.routes.remove(app);
        self.shared.grants.forget_app(app);
        self.shared.ring();
    }

    /// When somebody worked last in each app in which anybody did since this gateway began.
    #[must_use]
    pub fn uses(&self) -> Vec<(AppId, Timestamp)> {
        self.shared.routes.uses()
    }

    /// Ends every grant of a session; cuts its open sockets at once.
    pub fn revoke_session(&self, session: &SessionId) {
        self.shared.grants.revoke_session(session);
        self.shared.ring();
    }

    /// Lets nobody into any app, and cuts every open socket: the portal's database has been away for so long that
    /// nobody knows any more who may. Grants stay known. [`Gateway::resume`] takes it back.
    pub fn suspend(&self) {
        self.shared.suspended.store(true, Ordering::SeqCst);
        self.shared.ring();
    }

    /// Lets people in again after [`Gateway::suspend`].
    pub fn resume(&self) {
        self.shared.suspended.store(false, Ordering::SeqCst);
    }

    /// Ends every grant of a user; cuts the open sockets at once.
    pub fn revoke_user(&self, user: &UserId) {
        self.shared.grants.revoke_user(user);
        self.shared.ring();
    }
}

impl Shared {
    /// A bell for one more worker.
    pub(crate) fn add_bell(&self) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        self.bells.lock().unwrap_or_else(PoisonError::into_inner).push(bell.clone());
        bell
    }

    /// Whether nobody is let in for now.
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::SeqCst)
    }

    /// Notes that somebody works in this app by this right, and tells the portal of the session's use if it has not
    /// heard of that for a while.
    pub(crate) fn touch(&self, held: &Held, app: &LastUse) {
        app.note();
        if held.take_touch(self.config.use_told_every()) {
            let portal = self.portal.clone();
            let session = held.grant.session.clone();
            self.home.spawn(async move { portal.touched(&session).await });
        }
    }

    fn ring(&self) {
        for bell in self.bells.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            bell.notify_one();
        }
    }
}

async fn sweep(shared: std::sync::Weak<Shared>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.grants.sweep();
    }
}
