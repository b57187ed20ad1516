//! The whole router over an empty database, asked in process, and people who use it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use myksc_apps::{Apps, AppsConfig, IdleRules, SecretKey, SiteSettings};
use myksc_core::{
    App, AppId, AppName, AppPhase, Job, JobId, Resources, Role, Scope, Timestamp, Translated, User,
};
use myksc_files::{AgentProgram, Deadlines, Files};
use myksc_identity::{
    Access, AccessConfig, AccountPolicy, Authenticated, Client, Clock, FactorRule, FactorRules,
    FactorSettings, OidcConfig, PosixAccount, Seal, TokenWish,
};
use myksc_jobs::{Jobs, Roots};
use myksc_spool::SupervisorProgram;
use myksc_store::Store;
use myksc_testdb::sqlite_store;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

mod authenticator;

use crate::caller::COOKIE_NAME;
use crate::event_streams::EventStreams;
use crate::handlers::files::RecordedReads;
use crate::notices::Notices;
use crate::state::{AppState, NamedSystem, Site};

pub(crate) use authenticator::{App as AuthenticatorApp, Key};

/// What every person of the tests has.
pub(crate) const PASSWORD: &str = "right password";
/// The portal's origin.
pub(crate) const PORTAL: &str = "http://localhost:8080";

/// A portal without a network.
pub(crate) struct TestPortal {
    pub(crate) state: AppState,
    passed_secs: Arc<AtomicI64>,
    router: Router,
    _folder: TempDir,
}

/// How a request shows who makes it.
#[derive(Debug, Clone)]
pub(crate) enum As {
    /// A page of the portal in a browser that nobody signed in with.
    Anybody,
    /// A page of the portal in a signed-in browser.
    Browser { cookie: String, csrf_token: String },
    /// A page of the portal in a browser that owes the second step of a sign-in.
    Pending { cookie: String },
    /// A program with an API token.
    Token(String),
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl TestPortal {
    /// With nobody in it.
    pub(crate) async fn new() -> Self {
        Self::with_factors(FactorRule::Optional).await
    }

    /// The same with these OpenID providers.
    pub(crate) async fn with_oidc(providers: Vec<OidcConfig>) -> Self {
        let portal = Self::with_factors(FactorRule::Optional).await;
        let access = portal.state.access.clone().with_oidc(PORTAL, providers).unwrap();
        let state = AppState { access, ..portal.state };
        Self { router: crate::router(state.clone()), state, ..portal }
    }

    /// The same with another rule of second factors.
    pub(crate) async fn with_factors(rule: FactorRule) -> Self {
        let (store, folder) = sqlite_store().await;
        let rules = FactorRules::local(rule);
        let factors = FactorSettings { issuer: "Test".to_owned(), origin: Some(PORTAL.to_owned()), rules };
        let config = AccessConfig { factors, ..AccessConfig::new(Seal::new(&[7; 32]).unwrap()) };
        let passed_secs = Arc::new(AtomicI64::new(0));
        let passed = Arc::clone(&passed_secs);
        let clock = Clock::from_fn(move || Timestamp::now().plus_secs(passed.load(Ordering::SeqCst)));
        let access = Access::new(&store, config, &clock);
        let site = Site {
            name: Translated::same("Test"),
            origin: PORTAL.to_owned(),
            apps_domain: "localhost:8080".to_owned(),
            apps_systems: vec![NamedSystem {
                id: "local".to_owned(),
                title: Translated::same("This machine"),
            }],
        };
        let files = Files::new(myksc_files::Config {
            program: AgentProgram { program: "/bin/false".into(), arguments: Vec::new() },
            agents_dir: folder.path().join("agents"),
            run_dir: folder.path().join("run"),
            further_roots: Vec::new(),
            elsewhere: None,
            deadlines: Deadlines::default(),
        });
        let event_streams = EventStreams::new(CancellationToken::new());
        let jobs = Jobs::start(store.clone(), Vec::new(), Arc::new(|_| Roots::new([])));
        let apps = apps(folder.path(), &store).await;
        let notices = Notices::new(store.clone());
        let (site, reads) = (Arc::new(site), RecordedReads::default());
        let state = AppState { site, store, access, event_streams, files, reads, apps, jobs, notices };
        Self { router: crate::router(state.clone()), state, passed_secs, _folder: folder }
    }

    /// Moves the clock of sign-ins, sessions and codes on.
    pub(crate) fn pass_secs(&self, secs: i64) {
        self.passed_secs.fetch_add(secs, Ordering::SeqCst);
    }

    /// The present moment by that clock.
    pub(crate) fn now_secs(&self) -> u64 {
        let passed = self.passed_secs.load(Ordering::SeqCst);
        u64::try_from(Timestamp::now().plus_secs(passed).as_millis() / 1000).unwrap()
    }

    /// Adds somebody.
    pub(crate) async fn person(&self, name: &str) -> User {
        let account = PosixAccount {
            name: name.to_owned(),
            display_name: name.to_owned(),
            uid: 1000,
            gid: 1000,
            groups: Vec::new(),
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
        };
        let policy = AccountPolicy { own_uid: 1000, allow_root: false, local: true, min_uid: 1000 };
        self.state.access.accounts.add(account, SecretString::from(PASSWORD), &policy).await.unwrap()
    }

    /// Signs somebody in with a new browser.
    pub(crate) async fn browser(&self, name: &str) -> As {
        let answer = self.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.browser()
    }

    /// Tries name and password.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "name": name, "password": password });
        self.ask(&As::Anybody, Method::POST, "/api/v1/session", Some(body)).await
    }

    /// Adds somebody with a role, and signs her in.
    pub(crate) async fn somebody(&self, name: &str, role: Role) -> As {
        let user = self.person(name).await;
        self.state.store.set_role(&user.id, role).await.unwrap();
        self.session(name).await
    }

    /// A browser of somebody who needed no password for it.
    pub(crate) async fn session(&self, name: &str) -> As {
        let found = self.state.store.user_by_name(name).await.unwrap().unwrap();
        let person = Authenticated {
            user: found.user,
            credential_revision: found.credential_revision,
            provider_session: None,
        };
        let client = Client { address: Ipv4Addr::LOCALHOST.into(), user_agent: String::new() };
        let opened = self.state.access.sessions.open(person, &client).await.unwrap().unwrap();
        As::Browser {
            cookie: format!("{COOKIE_NAME}={}", opened.secret.expose()),
            csrf_token: opened.verified.csrf_token.expose().to_owned(),
        }
    }

    /// An API token of somebody with these scopes.
    pub(crate) async fn token_of(&self, name: &str, scopes: &[Scope]) -> As {
        let user = self.state.access.accounts.by_name(name).await.unwrap();
        let wish = TokenWish::new("test", 1).with_scopes(scopes);
        As::Token(self.state.access.tokens.create(&user.id, &wish).await.unwrap().expose())
    }

    /// Makes an API token by a browser.
    pub(crate) async fn token(&self, browser: &As) -> As {
        let body = serde_json::json!({ "name": "laptop", "expires_in_days": 1 });
        let answer = self.ask(browser, Method::POST, "/api/v1/tokens", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        As::Token(answer.text("/token"))
    }

    /// Puts a running app of somebody on record.
    pub(crate) async fn app(&self, owner: &User) -> AppId {
        let now = Timestamp::now();
        let mut app = App {
            id: AppId::random(),
            owner: owner.id.clone(),
            name: AppName::parse("notebook").unwrap(),
            template: "jupyterlab".to_owned(),
            runtime: "local".to_owned(),
            phase: AppPhase::Ready,
            steps: Vec::new(),
            failure: None,
            hold: None,
            auto_stop: None,
            resources: Resources { cpu_millis: 1500, memory_bytes: 1 << 30, gpus: 0 },
            limits_by: None,
            values: std::collections::BTreeMap::new(),
            generation: 1,
            created_at: now,
            launched_at: now,
            ended_at: None,
            revision: 0,
        };
        let mut tx = self.state.store.begin().await.unwrap();
        tx.insert_app(&mut app).await.unwrap();
        tx.commit().await.unwrap();
        app.id
    }

    /// Puts a running job of somebody on record.
    pub(crate) async fn job(&self, owner: &User, script: &str) -> JobId {
        let mut job: Job = serde_json::from_value(serde_json::json!({
            "id": JobId::random(), "owner": owner.id, "system": "local", "scheduler_id": "7", "queue": "local",
            "name": "relaxation", "phase": "running", "phase_raw": null, "outcome": null, "exit_code": null,
            "reason": null, "work_dir": "home/secret-plans", "stdout_path": "home/secret-plans/out",
            "stderr_path": "home/secret-plans/err", "submitted_at": Timestamp::now(),
            "started_at": Timestamp::now(), "ended_at": null, "revision": 0,
            "size": {
                "nodes": 1, "tasks_per_node": 1, "cpus_per_task": 1, "gpus_per_node": 0, "memory_bytes": null,
                "walltime_secs": 60,
            },
        }))
        .unwrap();
        let mut tx = self.state.store.begin().await.unwrap();
        tx.insert_job(&mut job, script).await.unwrap();
        tx.commit().await.unwrap();
        job.id
    }

    /// Sends a request as a page of the portal or as a program would.
    pub(crate) async fn ask(&self, caller: &As, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(Self::request(caller, method, path, body)).await
    }

    /// A request as a page of the portal or as a program would send it.
    pub(crate) fn request(caller: &As, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        request = match caller {
            As::Anybody => request.header(ORIGIN, PORTAL),
            As::Browser { cookie, csrf_token } => {
                request.header(ORIGIN, PORTAL).header(COOKIE, cookie).header("x-csrf-token", csrf_token)
            }
            As::Pending { cookie } => request.header(ORIGIN, PORTAL).header(COOKIE, cookie),
            As::Token(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        };
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        request.body(body).unwrap()
    }

    /// Sends a request as it is, and leaves the answer's body to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, json }
    }
}

impl Answer {
    /// The text at a place such as `/user/name`.
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// Status and code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{self:?}");
        (self.status.as_u16(), self.text("/code"))
    }

    /// Fields that were refused, each with its code.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let fields = self.json["fields"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        fields.iter().map(|field| (text(&field["field"]), text(&field["code"]))).collect()
    }

    /// Where the browser is sent.
    pub(crate) fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    /// The browser that a right password made where a second step is due.
    pub(crate) fn pending(&self) -> As {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{self:?}");
        let cookie = self.headers[SET_COOKIE].to_str().unwrap();
        As::Pending { cookie: cookie.split(';').next().unwrap_or_default().to_owned() }
    }

    /// The browser that a sign-in made.
    pub(crate) fn browser(&self) -> As {
        let cookie = self.headers[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        As::Browser { cookie, csrf_token: self.text("/csrf_token") }
    }
}

/// The shipped templates; nothing can be launched.
async fn apps(folder: &Path, store: &Store) -> Apps {
    let config = AppsConfig {
        apps_dir: folder.join("apps"),
        run_dir: folder.join("run"),
        catalogue_dir: None,
        program_folders: Vec::new(),
        supervisor: SupervisorProgram { program: "/bin/false".into(), arguments: Vec::new() },
        secret_key: SecretKey::new([7; 32]),
        log_limit_bytes: myksc_apps::DEFAULT_LOG_LIMIT_BYTES,
        site: SiteSettings::default(),
        idle: IdleRules::default(),
        kubernetes: None,
    };
    Apps::start(config, store.clone()).await.unwrap()
}
