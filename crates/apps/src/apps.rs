//! The service of apps: what a person may ask for. Every call is by somebody; another person's app is not there.

mod change;
mod launch;
mod registries;
mod views;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use myksc_core::grant::Route;
use myksc_core::{App, AppId, AppPhase, Error, Identity, Resources, Timestamp, User};
use myksc_spool::SupervisorProgram;
use myksc_store::{Store, Tx};

pub use self::launch::LaunchRequest;
pub use self::views::{LogChunk, TemplateView};
use crate::adopt::Orphans;
use crate::catalogue::{Catalogue, CatalogueError, Idle, Programs};
use crate::control::{Control, Intent};
use crate::idle::{IdleRules, Idleness};
use crate::merge::route;
use crate::resources::in_use;
use crate::routes::{RouteChange, Routes};
use crate::runtime::kubernetes::{KubernetesConfig, KubernetesRuntime};
use crate::runtime::local::{LocalConfig, LocalRuntime};
use crate::runtime::{Observation, Place, Runtime, RuntimeEvent};
use crate::secret::SecretKey;
use crate::site::SiteSettings;

/// The most bytes of an app's log where the operator says nothing else.
pub const DEFAULT_LOG_LIMIT_BYTES: u64 = 16 << 20;

/// What the service needs.
#[derive(Debug)]
pub struct AppsConfig {
    /// Folder of the apps' own folders.
    pub apps_dir: PathBuf,
    /// Folder of their sockets; its path leaves 22 of the 107 bytes of a socket's address.
    pub run_dir: PathBuf,
    /// Folder of the operator's templates; those that ship when absent.
    pub catalogue_dir: Option<PathBuf>,
    /// Folders in which programs are looked for, before those of `PATH`.
    pub program_folders: Vec<PathBuf>,
    /// How to start a supervisor.
    pub supervisor: SupervisorProgram,
    /// What the apps' secrets are derived from.
    pub secret_key: SecretKey,
    /// The most bytes of an app's log that are kept, its beginning and its end.
    pub log_limit_bytes: u64,
    /// What every app on this machine gets.
    pub site: SiteSettings,
    /// When apps end by themselves.
    pub idle: IdleRules,
    /// The cluster that apps run on; this machine when absent.
    pub kubernetes: Option<KubernetesConfig>,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong with the templates.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Something else is.
    #[error(transparent)]
    Other(#[from] Error),
}

/// The service; clones share it. The control loop ends with [`Apps::shutdown`]; the apps go on.
#[derive(Clone)]
pub struct Apps {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) catalogue: Catalogue,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) routes: Routes,
    pub(crate) orphans: Orphans,
    pub(crate) idleness: Idleness,
    stop: CancellationToken,
    control: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Apps {
    /// Reads the catalogue, finds the apps that are there, takes up what was left to do, and goes on doing so.
    /// When it returns, every known app has its route.
    ///
    /// # Errors
    /// When the catalogue does not hold, or a folder or the database can't be used.
    pub async fn start(config: AppsConfig, store: Store) -> Result<Self, StartError> {
        let catalogue = Catalogue::load(config.catalogue_dir.as_deref())?;
        let programs = Arc::new(Programs::new(config.program_folders.clone()));
        let idleness = Idleness::load(config.idle, &catalogue, &store).await?;
        let (runtime, events) = start_runtime(config, Arc::clone(&programs)).await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            store,
            catalogue,
            runtime,
            routes: Routes::new(),
            orphans: Orphans::default(),
            idleness,
            stop: stop.clone(),
            control: tokio::sync::Mutex::default(),
        });
        inner.find_apps().await?;
        let mut control = Control::new(Arc::clone(&inner), events);
        control.take_up().await;
        *inner.control.lock().await = Some(tokio::spawn(control.run(stop.clone())));
        learn_versions(Arc::clone(&inner), programs, stop);
        Ok(Self { inner })
    }

    /// Ends the control loop after what it is doing, and writes down what else is known of the apps.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        if let Err(error) = self.inner.idleness.save(&self.inner.store, true).await {
            tracing::warn!(%error, "uses of apps could not be written down");
        }
        if let Some(control) = self.inner.control.lock().await.take() {
            // Fails only when the loop panicked, and then there is nothing to wait for.
            let _ = control.await;
        }
    }

    /// Ends apps that nothing uses or that have run long enough, for as long as it is polled. `uses` gives when somebody
    /// worked last in each app.
    pub async fn watch_idleness(&self, uses: impl Fn() -> Vec<(AppId, Timestamp)> + Send + Sync) {
        self.inner.watch_idleness(&uses).await;
    }

    /// The person's apps, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, user: &User) -> Result<Vec<App>, Error> {
        self.inner.adopt_for(user).await?;
        Ok(self.inner.store.apps_of(&user.id).await?)
    }

    /// One of the person's apps.
    ///
    /// # Errors
    /// When there is none of this id, or it is another person's.
    pub async fn get(&self, user: &User, id: &AppId) -> Result<App, Error> {
        let app = self.inner.store.app(id).await?;
        let own = app.filter(|app| app.owner == user.id && app.phase != AppPhase::Deleted);
        own.ok_or_else(|| Error::not_found("app", id))
    }

    /// What the person's apps hold together.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage(&self, user: &User) -> Result<Resources, Error> {
        if let Some(used) = self.inner.runtime.usage(&user.identity()) {
            return Ok(used);
        }
        Ok(in_use(&self.inner.store.apps_of(&user.id).await?))
    }

    /// What one app can get at most.
    #[must_use]
    pub fn machine(&self) -> Resources {
        self.inner.runtime.capacity()
    }

    /// Where the person's file agent is, or will be within seconds; `None` where her files are on this machine. `is_lost`:
    /// it is not where it was said to be.
    ///
    /// # Errors
    /// When there is no such person, or the runtime can't see to it now.
    pub async fn agent(&self, identity: &Identity, is_lost: bool) -> Result<Option<Place>, Error> {
        if is_lost {
            self.inner.runtime.unsettle(identity);
        }
        let contract = self.inner.store.contract(&identity.user).await?;
        self.inner.runtime.settle(identity, contract.as_ref()).await?;
        self.inner.runtime.agent(identity).await
    }

    /// The way to every app. Subscribe first, then read this, and no change is missed.
    #[must_use]
    pub fn routes(&self) -> Vec<(AppId, Route)> {
        self.inner.routes.current()
    }

    /// Every change of a route from now on. Who lags behind reads [`Apps::routes`] again.
    #[must_use]
    pub fn subscribe_routes(&self) -> broadcast::Receiver<RouteChange> {
        self.inner.routes.subscribe()
    }
}

impl Inner {
    /// Writes down what somebody asked for.
    pub(crate) async fn ask(&self, tx: &mut Tx, intent: Intent, app: &App) -> Result<(), Error> {
        let body = app.generation.to_string();
        Ok(tx.add_intent(Intent::AREA, intent.kind(), app.id.as_str(), &app.owner, &body).await?)
    }

    /// Tells the gateway of a phase that a person brought about, before the control loop gets there. A ready app's
    /// place is known to the loop only, so its route is left as it is.
    pub(crate) fn publish_early(&self, app: &App) {
        if app.phase != AppPhase::Ready {
            self.set_route(app, None);
        }
    }

    /// Tells the gateway of an app as it is on record and as its runtime sees it.
    pub(crate) fn set_route(&self, app: &App, seen: Option<&Observation>) {
        let template = self.catalogue.find(&app.template).map(Arc::as_ref);
        self.idleness.follow(app, template, seen.and_then(|seen| seen.place.as_ref()));
        let unknown = Idle::default();
        let idle = template.map_or(&unknown, |template| &template.idle);
        self.routes.set(&app.id, app.revision, route(app, idle, seen));
    }
}

async fn start_runtime(
    config: AppsConfig,
    programs: Arc<Programs>,
) -> Result<(Arc<dyn Runtime>, mpsc::Receiver<RuntimeEvent>), Error> {
    if let Some(kubernetes) = config.kubernetes {
        let (runtime, events) = KubernetesRuntime::start(kubernetes, config.secret_key).await?;
        return Ok((Arc::new(runtime), events));
    }
    let (runtime, events) = LocalRuntime::start(LocalConfig {
        apps_dir: config.apps_dir,
        run_dir: config.run_dir,
        supervisor: config.supervisor,
        secret_key: config.secret_key,
        log_limit_bytes: config.log_limit_bytes,
        site: config.site,
        programs,
    })?;
    Ok((Arc::new(runtime), events))
}

/// Asks the programs for their versions in the background; some need seconds to say it.
fn learn_versions(inner: Arc<Inner>, programs: Arc<Programs>, stop: CancellationToken) {
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        for template in inner.catalogue.templates() {
            if let Some(program) = template.recipe.as_ref().and_then(|recipe| recipe.program.as_ref())
                && let Some(path) = programs.locate(program)
            {
                programs.learn_version(&path, program).await;
            }
        }
    }));
}
