//! The whole router over an empty database, asked in process, and people who use it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use myksc_apps::{Apps, AppsConfig, SecretKey};
use myksc_core::{App, AppId, AppName, AppPhase, Resources, Timestamp, Translated, User};
use myksc_files::{AgentProgram, Files};
use myksc_identity::{Access, AccountPolicy, Clock, PosixAccount, SessionLimits};
use myksc_jobs::{Jobs, Roots};
use myksc_spool::SupervisorProgram;
use myksc_store::Store;
use myksc_store::testing::sqlite_store;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::event_streams::EventStreams;
use crate::state::{AppState, Site};

/// What every person of the tests has.
pub(crate) const PASSWORD: &str = "right password";
/// The portal's origin.
pub(crate) const PORTAL: &str = "http://localhost:8080";

/// A portal without a network.
pub(crate) struct TestPortal {
    pub(crate) state: AppState,
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
        let (store, folder) = sqlite_store().await;
        let access = Access::new(&store, SessionLimits::default(), &Clock::system());
        let site = Site {
            name: Translated::same("Test"),
            origin: PORTAL.to_owned(),
            apps_domain: "localhost:8080".to_owned(),
        };
        let files = Files::new(myksc_files::Config {
            program: AgentProgram { program: "/bin/false".into(), arguments: Vec::new() },
            agents_dir: folder.path().join("agents"),
            run_dir: folder.path().join("run"),
            further_roots: Vec::new(),
        });
        let event_streams = EventStreams::new(CancellationToken::new());
        let jobs = Jobs::start(store.clone(), Vec::new(), Arc::new(|_| Roots::new([])));
        let apps = apps(folder.path(), &store).await;
        let state = AppState { site: Arc::new(site), store, access, event_streams, files, apps, jobs };
        Self { router: crate::router(state.clone()), state, _folder: folder }
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

    /// Sends a request as a page of the portal or as a program would.
    pub(crate) async fn ask(&self, caller: &As, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = match caller {
            As::Anybody => request.header(ORIGIN, PORTAL),
            As::Browser { cookie, csrf_token } => {
                request.header(ORIGIN, PORTAL).header(COOKIE, cookie).header("x-csrf-token", csrf_token)
            }
            As::Token(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        };
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
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
    };
    Apps::start(config, store.clone()).await.unwrap()
}
