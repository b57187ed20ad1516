//! A state folder with its apps, and a server to launch.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use myksc_apps::{Apps, AppsConfig, IdleRules, LaunchRequest, SecretKey, SiteSettings};
use myksc_core::app::Failure;
use myksc_core::grant::{Endpoint, RouteState};
use myksc_core::user::Group;
use myksc_core::{App, AppId, AppPhase, Error, Resources, Role, Timestamp, User, UserId};
use myksc_spool::SupervisorProgram;
use myksc_store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const MIB: u64 = 1 << 20;

/// A portal that launches one app and lives until it is killed.
#[tokio::main]
pub(crate) async fn launch_and_wait(folder: &Path) {
    let place = Place { folder: folder.to_owned(), idle: IdleRules::default() };
    let apps = place.start().await;
    let kim = place.store().await.user_by_name("kim").await.unwrap().unwrap().user;
    apps.launch(&kim, place.request("lab")).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
}

/// A state folder and what stands in it.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// When its apps end by themselves.
    pub(crate) idle: IdleRules,
}

/// A place that goes with its test, its apps too.
pub(crate) struct Bench {
    pub(crate) place: Place,
    pub(crate) apps: Apps,
    pub(crate) kim: User,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn store(&self) -> Store {
        Store::open(&format!("sqlite:{}", self.folder.join("portal.db").display())).await.unwrap()
    }

    pub(crate) async fn start(&self) -> Apps {
        let arguments = ["--exact", "child_process", "--nocapture", "--", "supervise"];
        let config = AppsConfig {
            apps_dir: self.folder.join("apps"),
            run_dir: self.folder.join("run"),
            catalogue_dir: Some(self.folder.join("catalogue")),
            program_folders: vec![self.folder.join("bin")],
            supervisor: SupervisorProgram {
                program: std::env::current_exe().unwrap(),
                arguments: arguments.map(Into::into).into(),
            },
            secret_key: SecretKey::new([7; 32]),
            log_limit_bytes: 1 << 20,
            site: SiteSettings {
                time_zone: Some("Asia/Seoul".into()),
                authorities: Some("authorities".into()),
                ..SiteSettings::default()
            },
            idle: self.idle,
            kubernetes: None,
        };
        Apps::start(config, self.store().await).await.unwrap()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// An app that answers with its environment's secret, after it has noted that it ran.
    pub(crate) fn request(&self, name: &str) -> LaunchRequest {
        self.request_of(name, "server", "echo started >>~/starts; exec python3 ~/server.py \"$1\"")
    }

    pub(crate) fn request_of(&self, name: &str, template: &str, script: &str) -> LaunchRequest {
        LaunchRequest {
            template: template.into(),
            name: name.into(),
            resources: Some(Resources { cpu_millis: 1000, memory_bytes: 256 * MIB, gpus: 0 }),
            values: BTreeMap::from([("script".to_owned(), script.to_owned())]),
        }
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("mk").tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), idle: IdleRules::default() };
        for name in ["catalogue", "home", "bin"] {
            fs::create_dir(place.folder.join(name)).unwrap();
        }
        fs::write(place.folder.join("catalogue/server.toml"), template("unix", "5")).unwrap();
        fs::write(place.folder.join("catalogue/port.toml"), template("tcp", "30")).unwrap();
        fs::write(place.folder.join("catalogue/absent.toml"), ABSENT).unwrap();
        fs::write(place.home().join("server.py"), SERVER).unwrap();
        let kim = person("kim", rustix::process::getuid().as_raw(), &place.home());
        place.store().await.create_user(&kim, None).await.unwrap();
        let apps = place.start().await;
        Self { place, apps, kim, _folder: folder }
    }

    pub(crate) async fn launch(&self, request: LaunchRequest) -> App {
        self.apps.launch(&self.kim, request).await.unwrap()
    }

    pub(crate) async fn run(&self, name: &str) -> App {
        let app = self.launch(self.place.request(name)).await;
        self.until(&app.id, AppPhase::Ready).await
    }

    /// Waits until the app is in this phase.
    pub(crate) async fn until(&self, id: &AppId, phase: AppPhase) -> App {
        until(&self.place.store().await, id, phase).await
    }

    /// The portal is started anew, as after an orderly end.
    pub(crate) async fn restart(&mut self) {
        self.apps.shutdown().await;
        self.apps = self.place.start().await;
    }

    pub(crate) fn route(&self, id: &AppId) -> Option<RouteState> {
        self.apps.routes().into_iter().find(|(app, _)| app == id).map(|(_, route)| route.state)
    }

    pub(crate) fn starts(&self) -> usize {
        fs::read_to_string(self.place.home().join("starts")).unwrap_or_default().lines().count()
    }
}

impl Drop for Bench {
    /// No process outlives its test: every supervisor is told to stop, and nothing else can be done here.
    fn drop(&mut self) {
        for entry in fs::read_dir(self.place.folder.join("apps")).into_iter().flatten().flatten() {
            let folder = myksc_spool::Folder::at(entry.path());
            if let Ok(spec) = folder.read_spec() {
                folder.request_stop(spec.generation).unwrap();
                while folder.is_supervised().unwrap() {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
}

pub(crate) async fn until(store: &Store, id: &AppId, phase: AppPhase) -> App {
    let mut changes = store.subscribe();
    let looking = async {
        loop {
            let app = store.app(id).await.unwrap().unwrap();
            if app.phase == phase {
                return app;
            }
            assert!(app.phase != AppPhase::Failed || phase == AppPhase::Deleted, "{:?}", app.failure);
            // Another store of the same process may have written; its changes are not heard here.
            let _ = timeout(Duration::from_millis(20), changes.changed()).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited too long for {phase:?}"))
}

pub(crate) fn person(name: &str, uid: u32, home: &Path) -> User {
    User {
        id: UserId::random(),
        name: name.into(),
        display_name: name.into(),
        uid,
        gid: uid,
        groups: vec![Group { gid: uid, name: name.into() }],
        home: home.to_owned(),
        shell: "/bin/bash".into(),
        provider: User::LOCAL.to_owned(),
        role: Role::User,
        locked: false,
        created_at: Timestamp::now(),
    }
}

pub(crate) fn template(listen: &str, timeout_secs: &str) -> String {
    let place = if listen == "unix" { "{socket}" } else { "{port}" };
    format!(
        r#"
order = 1
icon = "x"
title = {{ en = "T", ko = "티" }}
summary = {{ en = "S", ko = "에스" }}
defaults = {{ cpu_millis = 100, memory_bytes = 100000000, gpus = 0 }}
[launch]
command = ["/bin/bash", "-c", "{{values.script}}", "bash", "{place}"]
listen = "{listen}"
authorization = "token {{secret}}"
grace_secs = 2
environment = {{ SECRET = "{{secret}}", TZ = "UTC" }}
files = {{ "conf/a" = "{{user}}" }}
probe = {{ path = "/ready", statuses = [200], timeout_secs = {timeout_secs} }}
[[fields]]
id = "script"
kind = "multiline"
required = true
label = {{ en = "Script", ko = "스크립트" }}
help = {{ en = "", ko = "" }}
"#
    )
}

pub(crate) const ABSENT: &str = r#"
order = 9
icon = "x"
title = { en = "A", ko = "에이" }
summary = { en = "S", ko = "에스" }
defaults = { cpu_millis = 100, memory_bytes = 100000000, gpus = 0 }
[program]
name = "no-such-program-anywhere"
how = { en = "Install it", ko = "설치하세요" }
[launch]
command = ["{program}"]
listen = "unix"
grace_secs = 2
probe = { path = "/", timeout_secs = 5 }
"#;

/// Answers 200 to whoever shows the secret, 401 to anybody else.
pub(crate) const SERVER: &str = r#"
import http.server, os, socket, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers.get("Authorization") == "token " + os.environ["SECRET"]
        self.send_response(200 if right else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def address_string(self):
        return "client"
where = sys.argv[1]
unix = where.startswith("/")
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    address_family = socket.AF_UNIX if unix else socket.AF_INET
    allow_reuse_address = not unix
Server(where if unix else ("127.0.0.1", int(where)), Handler).serve_forever()
"#;

/// The status that an app's place answers with.
pub(crate) async fn ask(endpoint: &Endpoint, authorization: Option<&str>) -> String {
    let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
    let mut answer = String::new();
    match endpoint {
        Endpoint::Unix(path) => {
            let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
        }
        Endpoint::Tcp(address) => {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
        }
    }
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

pub(crate) fn problems(error: &Error) -> Vec<(String, String)> {
    match error {
        Error::Invalid(problems) => {
            problems.iter().map(|problem| (problem.field.clone(), problem.code.clone())).collect()
        }
        other => panic!("not a problem of a field: {other:?}"),
    }
}

pub(crate) fn codes(error: &Error) -> Vec<String> {
    problems(error).into_iter().map(|(_, code)| code).collect()
}

pub(crate) async fn failure_of(bench: &Bench, id: &AppId) -> Failure {
    let store = bench.place.store().await;
    let looking = async {
        loop {
            let app = store.app(id).await.unwrap().unwrap();
            if let Some(failure) = app.failure {
                assert_eq!(app.phase, AppPhase::Failed);
                return failure;
            }
            assert_ne!(app.phase, AppPhase::Ready);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("it fails")
}

pub(crate) async fn failure_after_ready(bench: &Bench, id: &AppId) -> Failure {
    let looking = async {
        loop {
            if let Some(failure) = bench.apps.get(&bench.kim, id).await.unwrap().failure {
                return failure;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("it fails")
}
