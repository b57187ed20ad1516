//! The portal, with kim, who may use it, and lee, who has another UID.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::service::TowerToHyperService;
use myksc_api::{AppState, Entrance, EventStreams, NamedSystem, Notices, RecordedReads, Site};
use myksc_apps::{Apps, AppsConfig, IdleRules, SecretKey, SiteSettings};
use myksc_core::user::Group;
use myksc_core::{Role, Timestamp, Translated, User, UserId};
use myksc_files::{Deadlines, Files};
use myksc_gateway::{Gateway, Listeners, ServerConfig};
use myksc_identity::{Access, AccessConfig, Clock, Seal, TokenWish};
use myksc_jobs::{Jobs, Local, LocalConfig, Roots, SiteRules, SystemConfig};
use myksc_store::Store;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::process;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// The portal, until it is dropped. Its database, files and processes go with it.
pub struct TestPortal {
    /// What the handlers reach.
    pub state: AppState,
    address: SocketAddr,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl TestPortal {
    /// Starts it.
    ///
    /// # Panics
    /// When anything of it can't be started.
    pub async fn start() -> Self {
        Self::start_with(IdleRules::default()).await
    }

    /// Starts it with limits for apps that nobody uses.
    ///
    /// # Panics
    /// When anything of it can't be started.
    pub async fn start_with(idle: IdleRules) -> Self {
        let folder = tempfile::Builder::new().prefix("mk").tempdir().expect("a temporary folder");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = Listeners::bind(&[address], NonZeroUsize::MIN).expect("a free port");
        let address = listeners.addresses()[0];
        let stop = CancellationToken::new();
        let state = state(folder.path(), address.port(), idle, &stop).await;
        add_people(&state, folder.path()).await;
        let config = myksc_gateway::Config::new(&state.site.origin, ["127.0.0.1".to_owned()], "localhost");
        let gateway = Gateway::new(config.expect("an origin"), Entrance::new(&state.access));
        let (apps, seen) = (state.apps.clone(), gateway.clone());
        let watch = async move { apps.watch_idleness(move || seen.uses()).await };
        tokio::spawn(stop.clone().run_until_cancelled_owned(watch));
        let portal = TowerToHyperService::new(myksc_api::router(state.clone()));
        let serve =
            myksc_gateway::server::run(ServerConfig::default(), listeners, gateway, portal, stop.clone());
        let server = tokio::spawn(async move { serve.await.expect("the server ends as it should") });
        Self { state, address, stop, server: Some(server), folder }
    }

    /// Somebody who shows nothing, from a page of the portal.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client::nobody(self.address)
    }

    /// `kim` or `lee`, signed in with a browser.
    pub async fn browser(&self, name: &str) -> Client {
        self.nobody().sign_in(name, PASSWORD).await
    }

    /// `kim` or `lee` with an API token.
    ///
    /// # Panics
    /// When there is nobody of that name.
    pub async fn program(&self, name: &str) -> Client {
        let user = self.user(name).await;
        let token =
            self.state.access.tokens.create(&user.id, &TokenWish::new("test", 1)).await.expect("a token");
        self.nobody().with_token(&token.expose())
    }

    /// The account of `kim` or `lee`.
    ///
    /// # Panics
    /// When there is nobody of that name.
    pub async fn user(&self, name: &str) -> User {
        self.state.access.accounts.by_name(name).await.expect("somebody of that name")
    }

    /// Locks `kim` or `lee`, as another operator does.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn lock(&self, name: &str) {
        let user = self.user(name).await.id;
        let operator = UserId::random();
        self.state.access.operators.lock(&operator, &user, None).await.expect("a lock");
    }

    /// kim's home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        home_of(self.folder.path(), "kim")
    }

    /// The portal's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.state.site.origin
    }

    /// Ends it as SIGTERM would, and waits until it ended.
    ///
    /// # Panics
    /// When it does not end as it should.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            server.await.expect("the server ends");
        }
    }
}

impl Drop for TestPortal {
    fn drop(&mut self) {
        self.stop.cancel();
        process::kill_all_of(self.folder.path());
    }
}

async fn state(folder: &Path, port: u16, idle: IdleRules, stop: &CancellationToken) -> AppState {
    let database = format!("sqlite:{}", folder.join("portal.db").display());
    let store = Store::open(&database).await.expect("a database");
    let seal = Seal::new(&[7; 32]).expect("a key");
    let access = Access::new(&store, AccessConfig::new(seal), &Clock::system());
    let site = Site {
        name: Translated::same("Test"),
        origin: format!("http://localhost:{port}"),
        apps_domain: format!("localhost:{port}"),
        apps_systems: vec![NamedSystem { id: "local".to_owned(), title: Translated::same("This machine") }],
    };
    let files = Files::new(myksc_files::Config {
        program: process::agent(),
        agents_dir: folder.join("agents"),
        run_dir: folder.join("run"),
        further_roots: Vec::new(),
        elsewhere: None,
        deadlines: Deadlines::default(),
    });
    AppState {
        apps: apps(folder, idle, &store).await,
        site: Arc::new(site),
        event_streams: EventStreams::new(stop.clone()),
        jobs: jobs(folder, &store).await,
        notices: Notices::new(store.clone()),
        reads: RecordedReads::default(),
        files,
        access,
        store,
    }
}

async fn apps(folder: &Path, idle: IdleRules, store: &Store) -> Apps {
    let config = AppsConfig {
        apps_dir: folder.join("apps"),
        run_dir: folder.join("run"),
        catalogue_dir: None,
        program_folders: Vec::new(),
        supervisor: process::supervisor(),
        secret_key: SecretKey::new([7; 32]),
        log_limit_bytes: myksc_apps::DEFAULT_LOG_LIMIT_BYTES,
        site: SiteSettings::default(),
        idle,
        kubernetes: None,
    };
    Apps::start(config, store.clone()).await.expect("the apps")
}

async fn jobs(folder: &Path, store: &Store) -> Jobs {
    let local = LocalConfig::new(folder.join("jobs"), process::supervisor());
    let local = SystemConfig {
        id: "local".to_owned(),
        title: Translated::same("This machine"),
        scheduler: Arc::new(Local::start(local).await.expect("a local queue")),
        rules: SiteRules::NONE,
    };
    let roots = Arc::new(|who: &myksc_core::Identity| Roots::new([("home".to_owned(), who.home.clone())]));
    Jobs::start(store.clone(), vec![local], roots)
}

/// kim has the UID of this process, as a local account must; lee gets past that rule.
async fn add_people(state: &AppState, folder: &Path) {
    let own = rustix::process::geteuid().as_raw();
    let password = SecretString::from(PASSWORD);
    let hash = state.access.passwords.hash(password).await.expect("a hash");
    for (name, uid) in [("kim", own), ("lee", own + 1)] {
        let home = home_of(folder, name);
        std::fs::create_dir_all(&home).expect("a home folder");
        let gid = rustix::process::getegid().as_raw();
        let user = User {
            id: UserId::random(),
            name: name.to_owned(),
            display_name: name.to_owned(),
            uid,
            gid,
            groups: vec![Group { gid, name: name.to_owned() }],
            home,
            shell: "/bin/sh".into(),
            provider: User::LOCAL.to_owned(),
            role: Role::User,
            locked: false,
            created_at: Timestamp::now(),
        };
        state.store.create_user(&user, Some(&hash)).await.expect("an account");
    }
}

fn home_of(folder: &Path, name: &str) -> PathBuf {
    folder.join("home").join(name)
}
