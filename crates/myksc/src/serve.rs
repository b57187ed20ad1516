//! `serve`: the portal on this machine, all roles in one process.

use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hyper_util::service::TowerToHyperService;
use myksc_api::{AppState, Entrance, EventStreams, Notices, RecordedReads, Site};
use myksc_gateway::Gateway;
use myksc_identity::{Access, AccountPolicy, AuditFeed, FirstUser, Syslog};
use myksc_store::{Store, StoreError};
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, broken};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::log;
use crate::state_folder::StateFolder;

mod changes;
mod listen;
mod people;
mod revocations;
mod routes;
mod services;

/// What goes on beside the server until it ends.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Configuration file.
    #[arg(long, env = "MYKSC_CONFIG")]
    config: Option<PathBuf>,
    /// Run although root started it. Apps and jobs then run as root.
    #[arg(long)]
    allow_root: bool,
}

impl Serve {
    /// Serves until the process is told to end.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let is_root = rustix::process::geteuid().is_root();
        if is_root && !self.allow_root {
            let message = "refusing to run as root; start it as an ordinary user, or pass --allow-root";
            return Err(Failure::new(Exit::Root, message));
        }
        let config = Config::load(self.config.as_deref())?;
        log::start(&config.log)?;
        let folder = StateFolder::take(config.state_folder()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.or_exit(Exit::Failed, "the portal can't start its threads")?;
        let served = runtime.block_on(self.serve(&config, &folder));
        runtime.shutdown_timeout(Duration::from_secs(1));
        served
    }

    /// The account of whoever runs the portal, where nobody else could sign in otherwise.
    async fn first_user(&self, config: &Config, access: &Access) -> Result<Option<FirstUser>, Failure> {
        if !config.is_of_one_person() {
            return Ok(None);
        }
        let policy = AccountPolicy::of_this_process(self.allow_root, true);
        access.accounts.ensure_first_user(&policy).await.or_exit(Exit::Failed, "the first account")
    }

    async fn serve(&self, config: &Config, folder: &StateFolder) -> Result<(), Failure> {
        let certificates = listen::certificates(config)?;
        let listeners = listen::bind(config, certificates.as_ref())?;
        let port = listeners.addresses()[0].port();
        let store = open_store(config).await?;
        let site = Arc::new(site(config, port));
        let access = services::access(config, folder, &store, &site)?;
        let first = self.first_user(config, &access).await?;
        let gateway = gateway_config(config, &site)?.with_use_told_every(access.sessions.use_held_back());
        let gateway = Gateway::new(gateway, Entrance::new(&access));
        let stop = stop_on_signals()?;
        let apps = services::apps(config, folder, &store).await?;
        let state = AppState {
            apps: apps.clone(),
            event_streams: EventStreams::new(stop.clone()),
            files: services::files(config, folder, &apps)?,
            jobs: services::jobs(config, folder, &store).await?,
            notices: Notices::new(store.clone()),
            reads: RecordedReads::default(),
            site: Arc::clone(&site),
            store: store.clone(),
            access: access.clone(),
        };
        let tasks = TaskTracker::new();
        let spawn = |task: Task| tasks.spawn(stop.clone().run_until_cancelled_owned(task));
        spawn(Box::pin(routes::Routes::new(apps.clone(), gateway.clone()).follow()));
        let grace = Duration::from_secs(config.state.database_grace_secs.into());
        let (idle_apps, seen) = (apps.clone(), gateway.clone());
        spawn(Box::pin(async move { idle_apps.watch_idleness(move || seen.uses()).await }));
        spawn(Box::pin(changes::notice(store.clone(), gateway.clone(), grace)));
        spawn(Box::pin(revocations::push(access.clone(), gateway.clone())));
        spawn(Box::pin(people::stop_apps(access.people.clone(), apps.clone(), store.clone())));
        let (people, every) = (access.people.clone(), Duration::from_secs(config.identity.refresh_secs));
        spawn(Box::pin(async move { people.keep_fresh(every).await }));
        let oidc = access.oidc.clone();
        spawn(Box::pin(async move { oidc.keep().await }));
        spawn(Box::pin(async move { access.keep_swept().await }));
        if let Some(receiver) = config.audit.receiver()? {
            spawn(Box::pin(AuditFeed::new(store.clone(), Syslog::new(receiver)).keep_sending()));
        }

        if let Some(certificates) = certificates {
            listen::warn_of_uncovered_names(&certificates, &site.origin, &config.server.apps_domain);
            spawn(Box::pin(certificates.keep_fresh()));
        }

        announce(&site, first.as_ref())?;
        let portal = TowerToHyperService::new(myksc_api::router(state));
        let settings = listen::settings(config);
        let served = myksc_gateway::server::run(settings, listeners, gateway, portal, stop.clone()).await;
        // A server that failed by itself must take the rest along.
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        apps.shutdown().await;
        store.close().await;
        served.or_exit(Exit::Failed, "the server")
    }
}

/// Opens the database that the configuration names.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    let address = config.database()?;
    Store::open(&address).await.map_err(|error| match error {
        StoreError::Address => broken("state.database: not a database address (sqlite:PATH or postgres://…)"),
        error => Failure::caused(Exit::Database, "the database", &error),
    })
}

fn site(config: &Config, port: u16) -> Site {
    let origin = config.origin(port);
    // Browsers reach apps at the port at which they reach the portal.
    let shown_port = origin.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    let apps_domain = match shown_port {
        Some(port) => format!("{}:{port}", config.server.apps_domain),
        None => config.server.apps_domain.clone(),
    };
    let apps_systems = services::systems_of_apps(config);
    Site { name: config.site.name.clone(), origin, apps_domain, apps_systems }
}

fn gateway_config(config: &Config, site: &Site) -> Result<myksc_gateway::Config, Failure> {
    let loopback = ["127.0.0.1", "[::1]"].map(str::to_owned);
    myksc_gateway::Config::new(&site.origin, loopback, &config.server.apps_domain)
        .map_err(|error| broken(format!("server.origin or server.apps_domain: {error}")))
}

/// Cancelled by the first SIGTERM or SIGINT; a second one ends the process at once.
fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).or_exit(Exit::Failed, "signals can't be received")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("stopping; apps and jobs go on");
            stop.cancel();
            signals.recv().await;
            std::process::exit(i32::from(Exit::Failed as u8));
        });
    }
    Ok(stop)
}

fn announce(site: &Site, first: Option<&FirstUser>) -> Result<(), Failure> {
    let mut lines = format!("Portal: {}\n", site.origin);
    if let Some(first) = first {
        let (name, password) = (&first.user.name, first.password.expose_secret());
        lines += &format!("Sign in: {name} / {password}\n");
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).or_exit(Exit::Failed, "standard output")
}
