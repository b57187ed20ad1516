//! The service of apps: what a person may ask for. Every call is by somebody; another person's app is not there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::grant::Route;
use myksc_core::{
    App, AppId, AppName, AppPhase, Error, FieldProblem, Resources, Timestamp, Translated, User,
};
use myksc_spool::SupervisorProgram;
use myksc_store::{Store, StoreError, Tx};

use crate::adopt::Orphans;
use crate::catalogue::{Catalogue, CatalogueError, Field, Missing, Programs, Template, check_values};
use crate::control::{Control, Intent};
use crate::merge::{accepted, route};
use crate::resources::{Frame, check_fit, check_period, in_use};
use crate::routes::{RouteChange, Routes};
use crate::runtime::Runtime;
use crate::runtime::local::{LocalConfig, LocalRuntime};
use crate::secret::SecretKey;

/// The largest piece of a log that one call gives.
const MAX_LOG_BYTES: u64 = 1 << 20;
/// How often a change is tried again because somebody else's came between.
const MAX_TRIES: usize = 20;

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

/// A launch as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchRequest {
    /// The template's id.
    pub template: String,
    /// The person's name for the app: 3 to 40 characters of `a-z`, `0-9` and `-`.
    pub name: String,
    /// What it may use; the template's defaults when absent.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Values of the template's fields.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub values: BTreeMap<String, String>,
}

/// A template as the page of templates shows it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TemplateView {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: Translated,
    /// What it is good for.
    pub summary: Translated,
    /// Name of its picture.
    pub icon: String,
    /// Whether it can be launched here.
    pub available: bool,
    /// The program's version, once it is known.
    pub version: Option<String>,
    /// What it needs and this machine has not.
    pub missing: Vec<Missing>,
    /// What a launch asks for if the person says nothing else.
    pub defaults: Resources,
    /// What the person is asked.
    pub fields: Vec<Field>,
}

/// A piece of an app's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogChunk {
    /// Where `text` begins, in bytes.
    pub offset: u64,
    /// Where to read on.
    pub next_offset: u64,
    /// Size of the log at this moment.
    pub size_bytes: u64,
    /// The text.
    pub text: String,
    /// Whether the log grows no more.
    pub ended: bool,
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
        let programs = Arc::new(Programs::new(config.program_folders));
        let (runtime, events) = LocalRuntime::start(LocalConfig {
            apps_dir: config.apps_dir,
            run_dir: config.run_dir,
            supervisor: config.supervisor,
            secret_key: config.secret_key,
            programs: Arc::clone(&programs),
        })?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            store,
            catalogue,
            runtime: Arc::new(runtime),
            routes: Routes::new(),
            orphans: Orphans::default(),
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

    /// Ends the control loop after what it is doing.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        if let Some(control) = self.inner.control.lock().await.take() {
            // Fails only when the loop panicked, and then there is nothing to wait for.
            let _ = control.await;
        }
    }

    /// All templates in the order of the page.
    #[must_use]
    pub fn templates(&self) -> Vec<TemplateView> {
        self.inner.catalogue.templates().iter().map(|template| self.view(template)).collect()
    }

    /// Asks for a new app. It is on record when this returns.
    ///
    /// # Errors
    /// Every field that does not hold; a contract that is not in force; a template that can't run here.
    pub async fn launch(&self, user: &User, request: LaunchRequest) -> Result<App, Error> {
        self.launch_as(user, AppId::random(), request).await
    }

    /// Asks for a new app under an id that the caller chose. Asked again, it gives the app that is there.
    ///
    /// # Errors
    /// As [`Apps::launch`].
    pub async fn launch_as(&self, user: &User, id: AppId, request: LaunchRequest) -> Result<App, Error> {
        if let Some(app) = self.inner.store.app(&id).await?.filter(|app| app.owner == user.id) {
            return Ok(app);
        }
        let template = self.inner.catalogue.find(&request.template).ok_or_else(|| {
            Error::invalid(FieldProblem::new("template", "choice_unknown", "there is no such template"))
        })?;
        self.check_available(template)?;
        let mut problems = Vec::new();
        let name = AppName::parse(&request.name).map_err(|problem| problems.push(problem)).ok();
        let values =
            check_values(&template.fields, &request.values).map_err(|found| problems.extend(found)).ok();
        let resources = request.resources.unwrap_or(template.defaults);
        let mut tx = self.begin_in_turn().await?;
        problems.extend(self.check_resources(&mut tx, user, resources).await?);
        let (Some(name), Some(values), true) = (name, values, problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        let now = Timestamp::now();
        let mut app = App {
            id,
            owner: user.id.clone(),
            name,
            template: template.id.clone(),
            runtime: self.inner.runtime.name().to_owned(),
            phase: AppPhase::Starting,
            steps: vec![accepted(now)],
            failure: None,
            resources,
            limits_by: None,
            values,
            generation: 1,
            created_at: now,
            launched_at: now,
            ended_at: None,
            revision: 0,
        };
        tx.insert_app(&mut app).await.map_err(name_taken)?;
        self.inner.ask(&mut tx, Intent::Launch, &app).await?;
        tx.commit().await?;
        crash::point(CrashPoint::LaunchRecorded);
        self.inner.publish_early(&app);
        Ok(app)
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

    /// Gives an app another name.
    ///
    /// # Errors
    /// As [`Apps::get`]; a name that does not hold or is taken.
    pub async fn rename(&self, user: &User, id: &AppId, name: &str) -> Result<App, Error> {
        let name = AppName::parse(name).map_err(Error::invalid)?;
        self.change(user, id, |app| {
            app.name = name.clone();
            Ok(Some(Intent::Describe))
        })
        .await
    }

    /// Asks an app to end; its definition is kept. An app that has ended is left as it is.
    ///
    /// # Errors
    /// As [`Apps::get`].
    pub async fn stop(&self, user: &User, id: &AppId) -> Result<App, Error> {
        self.change(user, id, |app| {
            if !matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                return Ok(None);
            }
            app.phase = AppPhase::Stopping;
            Ok(Some(Intent::Stop))
        })
        .await
    }

    /// Launches an ended app once more. One that runs is left as it is.
    ///
    /// # Errors
    /// As [`Apps::get`] and [`Apps::launch`]; `app_stopping` while it ends.
    pub async fn start_again(&self, user: &User, id: &AppId) -> Result<App, Error> {
        for _ in 0..MAX_TRIES {
            let mut app = self.get(user, id).await?;
            match app.phase {
                AppPhase::Starting | AppPhase::Ready => return Ok(app),
                AppPhase::Stopping => return Err(Error::conflict("app_stopping", "the app is still ending")),
                AppPhase::Stopped | AppPhase::Failed | AppPhase::Deleted => {}
            }
            let template = self.inner.catalogue.find(&app.template).ok_or_else(|| {
                Error::conflict("template_gone", "the app's template is not in the catalogue any more")
            })?;
            self.check_available(template)?;
            let mut tx = self.begin_in_turn().await?;
            let problems = self.check_resources(&mut tx, user, app.resources).await?;
            if !problems.is_empty() {
                return Err(Error::Invalid(problems));
            }
            begin_generation(&mut app);
            if tx.update_app(&mut app).await? {
                self.inner.ask(&mut tx, Intent::Launch, &app).await?;
                tx.commit().await?;
                crash::point(CrashPoint::LaunchRecorded);
                self.inner.publish_early(&app);
                return Ok(app);
            }
        }
        Err(busy())
    }

    /// Asks for an app to be ended and forgotten.
    ///
    /// # Errors
    /// As [`Apps::get`].
    pub async fn delete(&self, user: &User, id: &AppId) -> Result<App, Error> {
        self.change(user, id, |app| {
            if matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                app.phase = AppPhase::Stopping;
            }
            Ok(Some(Intent::Delete))
        })
        .await
    }

    /// A piece of an app's output. A negative offset counts from the end.
    ///
    /// # Errors
    /// As [`Apps::get`]; when the log can't be read.
    pub async fn log(&self, user: &User, id: &AppId, offset: i64, limit: u64) -> Result<LogChunk, Error> {
        let app = self.get(user, id).await?;
        let ended = matches!(app.phase, AppPhase::Stopped | AppPhase::Failed);
        let limit = limit.min(MAX_LOG_BYTES);
        let chunk = self.inner.runtime.log(&user.identity(), &app, offset, limit).await?;
        Ok(LogChunk {
            offset: chunk.offset,
            next_offset: chunk.next_offset,
            size_bytes: chunk.size_bytes,
            text: chunk.text,
            ended,
        })
    }

    /// What the person's apps hold together.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage(&self, user: &User) -> Result<Resources, Error> {
        Ok(in_use(&self.inner.store.apps_of(&user.id).await?))
    }

    /// What one app can get at most.
    #[must_use]
    pub fn machine(&self) -> Resources {
        self.inner.runtime.capacity()
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

    fn view(&self, template: &Template) -> TemplateView {
        let availability = self.inner.runtime.availability(template);
        TemplateView {
            id: template.id.clone(),
            title: template.title.clone(),
            summary: template.summary.clone(),
            icon: template.icon.clone(),
            available: availability.missing.is_empty(),
            version: availability.version,
            missing: availability.missing,
            defaults: template.defaults,
            fields: template.fields.clone(),
        }
    }

    fn check_available(&self, template: &Template) -> Result<(), Error> {
        let missing = self.inner.runtime.availability(template).missing;
        if missing.is_empty() {
            return Ok(());
        }
        let what = missing.iter().map(|missing| missing.what.as_str()).collect::<Vec<_>>().join(", ");
        let problem =
            FieldProblem::new("template", "template_unavailable", format!("{what} is missing here"));
        Err(Error::invalid(problem.with("what", what)))
    }

    /// A transaction that has the revision's row, so that no other launch is checked before this one is on
    /// record or given up.
    async fn begin_in_turn(&self) -> Result<Tx, Error> {
        let mut tx = self.inner.store.begin().await?;
        tx.next_revision().await?;
        Ok(tx)
    }

    async fn check_resources(
        &self,
        tx: &mut Tx,
        user: &User,
        asked: Resources,
    ) -> Result<Vec<FieldProblem>, Error> {
        let contract = self.inner.store.contract(&user.id).await?;
        check_period(contract.as_ref(), Timestamp::now())?;
        let used = in_use(&tx.apps_of(&user.id).await?);
        let frame = Frame { machine: self.inner.runtime.capacity(), contract: contract.as_ref(), used };
        Ok(check_fit(asked, &frame))
    }

    /// Changes one of the person's apps together with the intent that follows from it.
    async fn change(
        &self,
        user: &User,
        id: &AppId,
        edit: impl Fn(&mut App) -> Result<Option<Intent>, Error>,
    ) -> Result<App, Error> {
        for _ in 0..MAX_TRIES {
            let mut app = self.get(user, id).await?;
            let Some(intent) = edit(&mut app)? else { return Ok(app) };
            let mut tx = self.inner.store.begin().await?;
            if tx.update_app(&mut app).await.map_err(name_taken)? {
                self.inner.ask(&mut tx, intent, &app).await?;
                tx.commit().await?;
                self.inner.publish_early(&app);
                return Ok(app);
            }
        }
        Err(busy())
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
    fn publish_early(&self, app: &App) {
        if app.phase != AppPhase::Ready {
            self.routes.set(&app.id, app.revision, route(app, None));
        }
    }
}

fn begin_generation(app: &mut App) {
    let now = Timestamp::now();
    app.generation += 1;
    app.phase = AppPhase::Starting;
    app.steps = vec![accepted(now)];
    app.failure = None;
    app.limits_by = None;
    app.launched_at = now;
    app.ended_at = None;
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

fn name_taken(error: StoreError) -> Error {
    if error.is_duplicate() {
        return Error::invalid(FieldProblem::new("name", "app_name_taken", "you have an app of this name"));
    }
    error.into()
}

fn busy() -> Error {
    Error::Unavailable { code: "app_busy", detail: "the app changes too fast, try again".to_owned() }
}
