//! Apps as processes of this machine, each under a supervisor in a folder of its own.
//!
//! `<state>/apps/<app-id>/` holds orders, report, log and `owner.json` with all of the app's definition, so a
//! portal without its database finds every app again.

mod cpu;
mod orders;
mod place;
mod record;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::{App, AppId, AppPhase, Contract, Error, FieldProblem, Identity, Resources, Translated};
use myksc_spool::{Change, Changes, Chunk, Folder, SpoolError, State, SupervisorProgram, WatchSet};

use super::probe::Probes;
use super::{Answer, Availability, Found, Launch, Observation, Place, Runtime, RuntimeEvent};
use crate::catalogue::{Missing, Programs, Template};
use crate::image::ImageRules;
use crate::registry::RegistryLogin;
use crate::secret::SecretKey;
use crate::site::SiteSettings;

pub(super) use place::is_own_listener;
use record::Record;

/// How often a supervisor is started for one generation before that counts as a failure.
const MAX_STARTS: u32 = 5;
/// Changes that may wait to be looked at.
const EVENT_CAPACITY: usize = 256;

/// What the local runtime needs.
#[derive(Debug)]
pub(crate) struct LocalConfig {
    /// Folder of the apps' own folders.
    pub(crate) apps_dir: PathBuf,
    /// Folder of their sockets.
    pub(crate) run_dir: PathBuf,
    /// How to start a supervisor.
    pub(crate) supervisor: SupervisorProgram,
    /// What the apps' secrets are derived from.
    pub(crate) secret_key: SecretKey,
    /// The most bytes of an app's log that are kept.
    pub(crate) log_limit_bytes: u64,
    /// What every app gets.
    pub(crate) site: SiteSettings,
    /// Where programs are looked for.
    pub(crate) programs: Arc<Programs>,
}

/// The runtime of one machine.
#[derive(Debug)]
pub(crate) struct LocalRuntime {
    inner: Arc<Inner>,
    pump: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    apps_dir: PathBuf,
    run_dir: PathBuf,
    supervisor: SupervisorProgram,
    secret_key: SecretKey,
    log_limit_bytes: u64,
    site: SiteSettings,
    programs: Arc<Programs>,
    watch: WatchSet,
    probes: Probes,
    /// Supervisors that this portal started, by app.
    starts: Mutex<HashMap<AppId, Starts>>,
    events: mpsc::Sender<RuntimeEvent>,
}

/// Supervisors of one generation of an app.
#[derive(Debug, Clone, Copy)]
struct Starts {
    generation: u32,
    count: u32,
    is_running: bool,
}

impl LocalRuntime {
    /// Begins to watch; the receiver tells what to look at.
    ///
    /// # Errors
    /// When a folder can't be made or the kernel gives no watch.
    pub(crate) fn start(config: LocalConfig) -> Result<(Self, mpsc::Receiver<RuntimeEvent>), Error> {
        let apps_dir = config.apps_dir;
        Folder::create(&apps_dir).map_err(Error::internal)?;
        let run_dir = config.run_dir;
        place::check_run_dir(&run_dir).map_err(Error::internal)?;
        let (watch, changes) = myksc_spool::watcher().map_err(Error::internal)?;
        let (events, receiver) = mpsc::channel(EVENT_CAPACITY);
        let pump = tokio::spawn(pump(changes, events.clone()));
        let inner = Arc::new(Inner {
            apps_dir,
            run_dir,
            supervisor: config.supervisor,
            secret_key: config.secret_key,
            log_limit_bytes: config.log_limit_bytes,
            site: config.site,
            programs: config.programs,
            watch,
            probes: Probes::new(events.clone()),
            starts: Mutex::default(),
            events,
        });
        Ok((Self { inner, pump }, receiver))
    }

    /// Runs blocking work on the folders.
    fn blocking<'a, T: Send + 'static>(
        &'a self,
        work: impl FnOnce(&Arc<Inner>) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'a, T> {
        let inner = Arc::clone(&self.inner);
        async move { tokio::task::spawn_blocking(move || work(&inner)).await.map_err(Error::internal)? }
            .boxed()
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.pump.abort();
        self.inner.probes.clear();
    }
}

impl Runtime for LocalRuntime {
    fn name(&self) -> &'static str {
        "local"
    }

    fn capacity(&self) -> Resources {
        place::machine()
    }

    fn availability(&self, template: &Template) -> Availability {
        let mut missing = template.missing.clone();
        let program = template.recipe.as_ref().and_then(|recipe| recipe.program.as_ref());
        let path = program.and_then(|program| self.inner.programs.locate(program));
        if let (Some(program), None) = (program, &path) {
            missing.push(Missing { what: program.name.clone(), how: program.how.clone() });
        }
        if template.image_field().is_some() {
            missing.push(Missing { what: "Kubernetes".to_owned(), how: no_cluster() });
        }
        let version = path.and_then(|path| self.inner.programs.known_version(&path));
        Availability { version, missing }
    }

    fn images(&self) -> Option<&ImageRules> {
        None
    }

    fn check(&self, _: &Template, _: &BTreeMap<String, String>) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn settle<'a>(&'a self, _: &'a Identity, _: Option<&'a Contract>) -> Answer<'a, ()> {
        async { Ok(()) }.boxed()
    }

    fn unsettle(&self, _: &Identity) {}

    fn usage(&self, _: &Identity) -> Option<Resources> {
        None
    }

    fn launch<'a>(
        &'a self,
        identity: &'a Identity,
        app: &'a App,
        template: &'a Template,
    ) -> Answer<'a, Launch> {
        let prepared =
            refuse_others(identity).and_then(|()| orders::prepare(&self.inner, identity, app, template));
        let app = app.clone();
        match prepared {
            Ok(prepared) => self.blocking(move |inner| inner.launch(&app, &prepared)),
            Err(error) => async { Err(error) }.boxed(),
        }
    }

    fn stop<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        let (identity, app) = (identity.clone(), app.clone());
        self.blocking(move |inner| {
            refuse_others(&identity)?;
            inner.stop(&app)
        })
    }

    fn describe<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        let (identity, app) = (identity.clone(), app.clone());
        self.blocking(move |inner| {
            refuse_others(&identity)?;
            let folder = inner.folder(&app.id);
            match folder.read_owner::<Record>() {
                Ok(record) => folder.write_owner(&Record { app, identity, ..record }).map_err(unusable),
                Err(error) if error.is_absent() => Ok(()),
                Err(error) => Err(unusable(error)),
            }
        })
    }

    fn remove<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()> {
        let (identity, app) = (identity.clone(), app.clone());
        self.blocking(move |inner| {
            refuse_others(&identity)?;
            inner.remove(&app)
        })
    }

    fn observe<'a>(&'a self, app: &'a App) -> Answer<'a, Observation> {
        let app = app.clone();
        self.blocking(move |inner| inner.observe(&app))
    }

    fn cpu_time<'a>(&'a self, app: &'a AppId) -> Answer<'a, Option<Duration>> {
        let app = app.clone();
        self.blocking(move |inner| {
            let status = inner.folder(&app).read_status().map_err(unusable)?;
            Ok(status.as_ref().and_then(cpu::total))
        })
    }

    fn log<'a>(&'a self, identity: &'a Identity, app: &'a App, offset: i64, limit: u64) -> Answer<'a, Chunk> {
        let (identity, app) = (identity.clone(), app.clone());
        self.blocking(move |inner| {
            refuse_others(&identity)?;
            let is_over = matches!(app.phase, AppPhase::Stopped | AppPhase::Failed | AppPhase::Deleted);
            inner.folder(&app.id).read_log(offset, limit, is_over).map_err(unusable)
        })
    }

    fn put_registry<'a>(&'a self, _: &'a Identity, _: &'a RegistryLogin) -> Answer<'a, ()> {
        async { Err(Error::conflict("no_images_here", "container images run on a cluster alone")) }.boxed()
    }

    fn remove_registry<'a>(&'a self, _: &'a Identity, _: &'a str) -> Answer<'a, ()> {
        async { Ok(()) }.boxed()
    }

    fn agent<'a>(&'a self, _: &'a Identity) -> Answer<'a, Option<Place>> {
        async { Ok(None) }.boxed()
    }

    fn found(&self) -> Answer<'_, Vec<Found>> {
        self.blocking(|inner| inner.found())
    }
}

impl Inner {
    fn folder(&self, app: &AppId) -> Folder {
        Folder::at(self.apps_dir.join(app.as_str()))
    }

    /// Writes the orders of the app's present generation, unless they are there, and starts its supervisor,
    /// unless it was.
    fn launch(self: &Arc<Self>, app: &App, prepared: &orders::Prepared) -> Result<Launch, Error> {
        let folder = Folder::create(self.apps_dir.join(app.id.as_str())).map_err(unusable)?;
        self.watch.add(&folder).map_err(unusable)?;
        let former = generation_of(&folder)?;
        if former != Some(app.generation) {
            if let Some(former) = former
                && !self.make_way(&folder, app, former)?
            {
                return Ok(Launch::Later);
            }
            self.probes.forget(&app.id);
            prepared.write(&folder).map_err(unusable)?;
        }
        crash::point(CrashPoint::LaunchFolderWritten);
        if matches!(folder.observe().map_err(unusable)?, State::NotStarted) {
            self.start_supervisor(&folder, app)?;
        }
        crash::point(CrashPoint::LaunchSupervisorStarted);
        Ok(Launch::Begun)
    }

    /// Sees to the end of an earlier generation; true when it has ended.
    fn make_way(self: &Arc<Self>, folder: &Folder, app: &App, former: u32) -> Result<bool, Error> {
        let state = folder.observe().map_err(unusable)?;
        let is_over = match state {
            State::Ended { .. } => true,
            State::NotStarted => !self.has_supervisor(&app.id),
            State::Running(_) | State::Lost(_) => false,
        };
        // A supervisor holds the folder a moment longer than its report says.
        if is_over && !folder.is_supervised().map_err(unusable)? {
            return Ok(true);
        }
        folder.request_stop(former).map_err(unusable)?;
        if matches!(state, State::Lost(_)) {
            self.start_supervisor(folder, app)?;
        }
        Ok(false)
    }

    fn stop(self: &Arc<Self>, app: &App) -> Result<(), Error> {
        let folder = self.folder(&app.id);
        if generation_of(&folder)? != Some(app.generation) {
            return Ok(());
        }
        folder.request_stop(app.generation).map_err(unusable)?;
        // A supervisor that finds the wish before its start reports the end; so does the one after a dead one.
        match folder.observe().map_err(unusable)? {
            State::NotStarted | State::Lost(_) => self.start_supervisor(&folder, app),
            State::Running(_) | State::Ended { .. } => Ok(()),
        }
    }

    fn remove(&self, app: &App) -> Result<(), Error> {
        let folder = self.folder(&app.id);
        if folder.is_supervised().map_err(unusable)? {
            return Err(Error::Unavailable { code: "app_running", detail: "the app still runs".to_owned() });
        }
        self.probes.forget(&app.id);
        self.watch.remove(&folder);
        lock(&self.starts).remove(&app.id);
        place::remove_socket(&self.run_dir, &app.id);
        folder.remove().map_err(unusable)
    }

    fn observe(self: &Arc<Self>, app: &App) -> Result<Observation, Error> {
        let folder = self.folder(&app.id);
        let record = match folder.read_owner::<Record>() {
            Ok(record) => record,
            Err(error) if error.is_absent() => return Ok(Observation::absent()),
            Err(error) => return Err(unusable(error)),
        };
        if record.app.generation != app.generation || generation_of(&folder)? != Some(app.generation) {
            return Ok(Observation::absent());
        }
        self.watch.add(&folder).map_err(unusable)?;
        let state = folder.observe().map_err(unusable)?;
        if matches!(state, State::NotStarted | State::Lost(_)) && !self.has_supervisor(&app.id) {
            if self.has_tried_enough(app) {
                return Ok(report::supervisor_failed(&folder));
            }
            self.start_supervisor(&folder, app)?;
        }
        let authorization = record.authorization(&self.secret_key);
        Ok(report::observation(&folder, app, &record, &state, &self.probes, authorization))
    }

    fn found(&self) -> Result<Vec<Found>, Error> {
        let entries = fs::read_dir(&self.apps_dir).map_err(Error::internal)?;
        let mut found = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<AppId>().ok()) else {
                continue;
            };
            match self.folder(&id).read_owner::<Record>() {
                Ok(record) if record.app.id == id => {
                    found.push(Found { app: record.app, identity: record.identity });
                }
                Ok(_) => tracing::warn!(app = %id, "a folder holds the definition of another app"),
                // Written before anything else; without it nothing was started.
                Err(error) if error.is_absent() => {}
                Err(error) => tracing::warn!(app = %id, %error, "a folder's app can't be read"),
            }
        }
        Ok(found)
    }

    fn start_supervisor(self: &Arc<Self>, folder: &Folder, app: &App) -> Result<(), Error> {
        let ended = folder.start_supervisor(&self.supervisor).map_err(unusable)?;
        self.note_start(app);
        let inner = Arc::clone(self);
        let id = app.id.clone();
        tokio::spawn(async move {
            // Fails only when it was aborted with the whole program.
            let _ = ended.await;
            inner.note_end(&id);
            let _ = inner.events.send(RuntimeEvent::App(id)).await;
        });
        Ok(())
    }

    fn note_start(&self, app: &App) {
        let mut starts = lock(&self.starts);
        let entry =
            starts.entry(app.id.clone()).or_insert(Starts { generation: 0, count: 0, is_running: false });
        let before = if entry.generation == app.generation { entry.count } else { 0 };
        *entry = Starts { generation: app.generation, count: before + 1, is_running: true };
    }

    fn note_end(&self, app: &AppId) {
        if let Some(starts) = lock(&self.starts).get_mut(app) {
            starts.is_running = false;
        }
    }

    fn has_supervisor(&self, app: &AppId) -> bool {
        lock(&self.starts).get(app).is_some_and(|starts| starts.is_running)
    }

    fn has_tried_enough(&self, app: &App) -> bool {
        let starts = lock(&self.starts).get(&app.id).copied();
        starts.is_some_and(|starts| starts.generation == app.generation && starts.count >= MAX_STARTS)
    }
}

/// The generation of a folder's orders; `None` when there are none.
fn generation_of(folder: &Folder) -> Result<Option<u32>, Error> {
    match folder.read_spec() {
        Ok(spec) => Ok(Some(spec.generation)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(unusable(error)),
    }
}

fn no_cluster() -> Translated {
    Translated {
        en: "Container images run on a cluster alone; here programs of this machine do.".to_owned(),
        ko: "컨테이너 이미지는 클러스터에서만 실행됩니다. 여기서는 이 장비의 프로그램을 실행합니다."
            .to_owned(),
    }
}

/// All local apps run with the portal's own rights, so it launches for nobody else.
fn refuse_others(identity: &Identity) -> Result<(), Error> {
    let own = rustix::process::getuid().as_raw();
    if identity.uid == own {
        return Ok(());
    }
    let detail = format!("apps of this machine run as uid {own}, the account is of uid {}", identity.uid);
    Err(Error::Forbidden { code: "runtime_other_user", detail })
}

async fn pump(mut changes: Changes, events: mpsc::Sender<RuntimeEvent>) {
    loop {
        let event = match changes.next().await {
            Ok(Change::All) => RuntimeEvent::All,
            Ok(Change::Folder(folder)) => match folder.name().parse() {
                Ok(id) => RuntimeEvent::App(id),
                Err(_) => continue,
            },
            Err(error) => {
                tracing::error!(%error, "changes of app folders are seen no more");
                return;
            }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

fn unusable(error: SpoolError) -> Error {
    if error.is_out_of_space() {
        tracing::error!(%error, "an app's folder can't be written");
        return Error::Unavailable { code: "disk_full", detail: "the portal's disk is full".to_owned() };
    }
    Error::internal(error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
