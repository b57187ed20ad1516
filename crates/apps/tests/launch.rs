//! Launches of real programs: under a real supervisor, over a real database, with deaths in between.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use myksc_apps::{Apps, AppsConfig, LaunchRequest, RouteChange, SecretKey};
use myksc_core::app::Failure;
use myksc_core::crash::{self, CrashPoint};
use myksc_core::grant::{Endpoint, RouteState};
use myksc_core::user::Group;
use myksc_core::{App, AppId, AppPhase, Contract, Error, Resources, Step, Timestamp, User, UserId};
use myksc_spool::SupervisorProgram;
use myksc_store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// Not a test by itself: the processes that the others start.
#[test]
fn child_process() {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != "--").skip(1);
    match arguments.next().as_deref().and_then(|what| what.to_str()) {
        Some("supervise") => {
            let code = myksc_agent::supervisor::run(Path::new(&arguments.next().unwrap_or_default()));
            std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
        }
        Some("portal") => launch_and_wait(Path::new(&arguments.next().unwrap())),
        _ => {}
    }
}

/// A portal that launches one app and lives until it is killed.
#[tokio::main]
async fn launch_and_wait(folder: &Path) {
    let place = Place { folder: folder.to_owned() };
    let apps = place.start().await;
    let kim = place.store().await.user_by_name("kim").await.unwrap().unwrap().user;
    apps.launch(&kim, place.request("lab")).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
}

/// A state folder and what stands in it.
struct Place {
    folder: PathBuf,
}

/// A place that goes with its test, its apps too.
struct Bench {
    place: Place,
    apps: Apps,
    kim: User,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn store(&self) -> Store {
        Store::open(&format!("sqlite:{}", self.folder.join("portal.db").display())).await.unwrap()
    }

    async fn start(&self) -> Apps {
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
        };
        Apps::start(config, self.store().await).await.unwrap()
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// An app that answers with its environment's secret, after it has noted that it ran.
    fn request(&self, name: &str) -> LaunchRequest {
        self.request_of(name, "server", "echo started >>~/starts; exec python3 ~/server.py \"$1\"")
    }

    fn request_of(&self, name: &str, template: &str, script: &str) -> LaunchRequest {
        LaunchRequest {
            template: template.into(),
            name: name.into(),
            resources: Some(Resources { cpu_millis: 1000, memory_bytes: 256 * MIB, gpus: 0 }),
            values: BTreeMap::from([("script".to_owned(), script.to_owned())]),
        }
    }
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("mk").tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned() };
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

    async fn launch(&self, request: LaunchRequest) -> App {
        self.apps.launch(&self.kim, request).await.unwrap()
    }

    async fn run(&self, name: &str) -> App {
        let app = self.launch(self.place.request(name)).await;
        self.until(&app.id, AppPhase::Ready).await
    }

    /// Waits until the app is in this phase.
    async fn until(&self, id: &AppId, phase: AppPhase) -> App {
        until(&self.apps, &self.place.store().await, id, phase).await
    }

    /// The portal is started anew, as after an orderly end.
    async fn restart(&mut self) {
        self.apps.shutdown().await;
        self.apps = self.place.start().await;
    }

    fn route(&self, id: &AppId) -> Option<RouteState> {
        self.apps.routes().into_iter().find(|(app, _)| app == id).map(|(_, route)| route.state)
    }

    fn starts(&self) -> usize {
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

async fn until(apps: &Apps, store: &Store, id: &AppId, phase: AppPhase) -> App {
    let mut changes = store.subscribe();
    let looking = async {
        loop {
            let app = store.app(id).await.unwrap().unwrap();
            if app.phase == phase {
                return app;
            }
            assert!(app.phase != AppPhase::Failed, "{:?}", app.failure);
            // Another store of the same process may have written; its changes are not heard here.
            let _ = timeout(Duration::from_millis(20), changes.changed()).await;
        }
    };
    let app = timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited too long for {phase:?}"));
    let _ = apps;
    app
}

fn person(name: &str, uid: u32, home: &Path) -> User {
    User {
        id: UserId::random(),
        name: name.into(),
        display_name: name.into(),
        uid,
        gid: uid,
        groups: vec![Group { gid: uid, name: name.into() }],
        home: home.to_owned(),
        shell: "/bin/bash".into(),
        locked: false,
        created_at: Timestamp::now(),
    }
}

fn template(listen: &str, timeout_secs: &str) -> String {
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
environment = {{ SECRET = "{{secret}}" }}
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

const ABSENT: &str = r#"
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
const SERVER: &str = r#"
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
async fn ask(endpoint: &Endpoint, authorization: Option<&str>) -> String {
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

fn problems(error: &Error) -> Vec<(String, String)> {
    match error {
        Error::Invalid(problems) => {
            problems.iter().map(|problem| (problem.field.clone(), problem.code.clone())).collect()
        }
        other => panic!("not a problem of a field: {other:?}"),
    }
}

fn codes(error: &Error) -> Vec<String> {
    problems(error).into_iter().map(|(_, code)| code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_goes_through_the_five_steps_and_can_be_reached_with_its_secret() {
    let bench = Bench::new().await;
    for template in ["server", "port"] {
        let script = "exec python3 ~/server.py \"$1\"";
        let mut changes = bench.apps.subscribe_routes();
        let app = bench.launch(bench.place.request_of(template, template, script)).await;
        assert_eq!(bench.route(&app.id), Some(RouteState::NotReady));
        let app = bench.until(&app.id, AppPhase::Ready).await;
        let steps: Vec<_> = app.steps.iter().map(|record| record.step).collect();
        assert_eq!(steps, [Step::Accepted, Step::Placed, Step::ImageReady, Step::Started, Step::Answering]);
        assert!(app.steps.is_sorted_by_key(|record| record.at), "{:?}", app.steps);
        assert!(
            app.steps[1].source.starts_with("supervisor ") && app.steps[3].source.starts_with("process ")
        );
        assert_eq!(app.steps[4].source, "GET /ready 200");
        assert!(app.limits_by.is_some());

        let told = async {
            loop {
                if let RouteChange::Set(_, route) = changes.recv().await.unwrap()
                    && let RouteState::Ready { endpoint, authorization } = route.state
                {
                    return (endpoint, authorization.unwrap());
                }
            }
        };
        let (endpoint, authorization) = timeout(PATIENCE, told).await.unwrap();
        assert_eq!(ask(&endpoint, Some(&authorization)).await, "200");
        assert_eq!(ask(&endpoint, None).await, "401");
    }
    let spec = fs::read_dir(bench.place.folder.join("apps")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(spec.join("conf/a")).unwrap(), "kim");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_stopped_started_renamed_and_deleted() {
    let bench = Bench::new().await;
    let app = bench.run("lab").await;
    let id = &app.id;
    assert_eq!(bench.apps.usage(&bench.kim).await.unwrap(), app.resources);

    assert_eq!(bench.apps.stop(&bench.kim, id).await.unwrap().phase, AppPhase::Stopping);
    assert!(!matches!(bench.route(id), Some(RouteState::Ready { .. })), "cut at once");
    let stopped = bench.until(id, AppPhase::Stopped).await;
    assert_eq!((stopped.failure, stopped.ended_at.is_some()), (None, true));
    assert_eq!(bench.apps.usage(&bench.kim).await.unwrap(), Resources::default());
    assert_eq!(bench.apps.stop(&bench.kim, id).await.unwrap().phase, AppPhase::Stopped, "again does nothing");

    let again = bench.apps.start_again(&bench.kim, id).await.unwrap();
    assert_eq!((again.generation, again.phase, again.steps.len()), (2, AppPhase::Starting, 1));
    bench.until(id, AppPhase::Ready).await;
    assert_eq!(bench.apps.start_again(&bench.kim, id).await.unwrap().generation, 2, "again does nothing");
    assert_eq!(bench.starts(), 2);

    assert_eq!(bench.apps.rename(&bench.kim, id, "new-name").await.unwrap().name.as_str(), "new-name");
    let log = bench.apps.log(&bench.kim, id, 0, 1000).await.unwrap();
    assert!(log.text.contains("GET /ready") && !log.ended, "{log:?}");

    bench.apps.delete(&bench.kim, id).await.unwrap();
    bench.until(id, AppPhase::Deleted).await;
    assert!(!bench.place.folder.join("apps").join(id.as_str()).exists());
    assert_eq!(bench.route(id), None);
    assert!(matches!(bench.apps.get(&bench.kim, id).await, Err(Error::NotFound { .. })));
    bench.run("new-name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_app_is_not_there() {
    let bench = Bench::new().await;
    let app = bench.run("lab").await;
    let lee = person("lee", bench.kim.uid, &bench.place.home());
    let (apps, id) = (&bench.apps, &app.id);
    let missing = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound { .. })));
    missing(apps.get(&lee, id).await.map(drop));
    missing(apps.rename(&lee, id, "mine").await.map(drop));
    missing(apps.stop(&lee, id).await.map(drop));
    missing(apps.start_again(&lee, id).await.map(drop));
    missing(apps.delete(&lee, id).await.map(drop));
    missing(apps.log(&lee, id, 0, 10).await.map(drop));
    assert_eq!(apps.list(&lee).await.unwrap(), []);
    assert_eq!(apps.get(&bench.kim, id).await.unwrap().phase, AppPhase::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_another_uid_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    let lee = person("lee", bench.kim.uid + 1, &bench.place.home());
    bench.place.store().await.create_user(&lee, None).await.unwrap();
    let app = bench.apps.launch(&lee, bench.place.request("lab")).await.unwrap();
    let failure = failure_of(&bench, &app.id).await;
    assert_eq!(failure.code, "runtime_other_user");
    assert_eq!(bench.starts(), 0);
}

async fn failure_of(bench: &Bench, id: &AppId) -> Failure {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_how_it_came_and_shows_the_last_lines() {
    let bench = Bench::new().await;
    let cases = [
        ("echo one; echo two >&2; exit 3", "exited"),
        ("kill -KILL $$", "killed"),
        ("echo quiet; sleep 60", "not_answering"),
        ("exec python3 -c 'x = []\nwhile True: x.append(bytearray(b\"x\" * 4000000))'", "out_of_memory"),
    ];
    for (index, (script, code)) in cases.into_iter().enumerate() {
        let app = bench.launch(bench.place.request_of(&format!("app-{index}"), "server", script)).await;
        let failure = failure_of(&bench, &app.id).await;
        let by_rlimit =
            bench.apps.get(&bench.kim, &app.id).await.unwrap().limits_by.as_deref() == Some("rlimit");
        let expected = if by_rlimit && code == "out_of_memory" { "exited" } else { code };
        assert_eq!(failure.code, expected, "{failure:?}");
        match code {
            "exited" => assert_eq!(failure.log_tail, ["one", "two"]),
            "not_answering" => assert_eq!(failure.log_tail, ["quiet"]),
            _ => {}
        }
    }
    let quiet = bench.apps.list(&bench.kim).await.unwrap().swap_remove(2);
    let folder = myksc_spool::Folder::at(bench.place.folder.join("apps").join(quiet.id.as_str()));
    let ended = async {
        while folder.is_supervised().unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("what was given up is ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_does_not_hold_is_told_and_nothing_is_launched() {
    let bench = Bench::new().await;
    let launch = async |change: &dyn Fn(&mut LaunchRequest)| {
        let mut request = bench.place.request("lab");
        change(&mut request);
        bench.apps.launch(&bench.kim, request).await.unwrap_err()
    };
    assert_eq!(
        problems(&launch(&|r| r.template = "../etc".into()).await),
        [("template".into(), "choice_unknown".into())]
    );
    assert_eq!(codes(&launch(&|r| r.template = "absent".into()).await), ["template_unavailable"]);
    for name in ["", "ab", "Lab", "lab\0", "../x", "안녕하세요", &"x".repeat(41)] {
        assert_eq!(codes(&launch(&|r| r.name = name.into()).await), ["app_name_invalid"], "{name:?}");
    }
    let all = launch(&|r| {
        r.name = "X".into();
        r.values = BTreeMap::from([("uid".into(), "0".into())]);
        r.resources = Some(Resources { cpu_millis: u32::MAX, memory_bytes: 0, gpus: 1 });
    });
    let fields: Vec<_> = problems(&all.await).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "name",
        "values.uid",
        "values.script",
        "resources.cpu_millis",
        "resources.memory_bytes",
        "resources.gpus",
    ];
    assert_eq!(fields, expected);
    assert_eq!(bench.apps.list(&bench.kim).await.unwrap(), []);

    bench.launch(bench.place.request("lab")).await;
    assert_eq!(codes(&launch(&|_| {}).await), ["app_name_taken"]);
    let other = bench.launch(bench.place.request("other")).await;
    let renamed = bench.apps.rename(&bench.kim, &other.id, "lab").await.unwrap_err();
    assert_eq!(problems(&renamed), [("name".into(), "app_name_taken".into())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_typed_reaches_no_shell_but_her_own() {
    let bench = Bench::new().await;
    let script = "printf '%s' \"$0|{secret}|$(echo {home})\" >~/typed; exec python3 ~/server.py \"$1\"";
    let app = bench.launch(bench.place.request_of("lab", "server", script)).await;
    bench.until(&app.id, AppPhase::Ready).await;
    assert_eq!(fs::read_to_string(bench.place.home().join("typed")).unwrap(), "bash|{secret}|{home}");
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_at_once_do_not_pass_the_contract_together() {
    let bench = Bench::new().await;
    let limits = Resources { cpu_millis: 2000, memory_bytes: 512 * MIB, gpus: 0 };
    let contract =
        |ends_at| Contract { starts_at: Timestamp::from_millis(0), ends_at, limits, budget_sru_hours: None };
    let store = bench.place.store().await;
    store.set_contract(&bench.kim.id, &contract(Timestamp::now().plus_secs(3600))).await.unwrap();
    let launches = (0..4).map(|index| {
        let (apps, kim) = (bench.apps.clone(), bench.kim.clone());
        let request = bench.place.request(&format!("app-{index}"));
        tokio::spawn(async move { apps.launch(&kim, request).await })
    });
    let mut refused = 0;
    for launch in launches.collect::<Vec<_>>() {
        if let Err(error) = launch.await.unwrap() {
            assert_eq!(codes(&error), ["contract_cpu_exceeded", "contract_memory_exceeded"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
    store.set_contract(&bench.kim.id, &contract(Timestamp::now().plus_secs(-1))).await.unwrap();
    let over = bench.apps.launch(&bench.kim, bench.place.request("late")).await.unwrap_err();
    assert!(matches!(over, Error::Conflict { code: "contract_not_in_force", .. }), "{over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_portal_finds_running_and_coming_apps_and_goes_on() {
    let mut bench = Bench::new().await;
    let ready = bench.run("ready").await;
    let script =
        "echo started >>~/starts; while [ ! -e ~/go ]; do sleep 0.02; done; exec python3 ~/server.py \"$1\"";
    let coming = bench.launch(bench.place.request_of("coming", "port", script)).await;
    bench.restart().await;
    assert!(matches!(bench.route(&ready.id), Some(RouteState::Ready { .. })), "there at once");
    assert_eq!(bench.apps.get(&bench.kim, &ready.id).await.unwrap().steps, ready.steps);
    fs::write(bench.place.home().join("go"), "").unwrap();
    bench.until(&coming.id, AppPhase::Ready).await;
    assert_eq!(bench.starts(), 2);

    bench.apps.shutdown().await;
    let folder = myksc_spool::Folder::at(bench.place.folder.join("apps").join(ready.id.as_str()));
    let process = folder.read_status().unwrap().unwrap().process.unwrap();
    let pid = rustix::process::Pid::from_raw(process.pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    bench.apps = bench.place.start().await;
    assert_eq!(failure_after_ready(&bench, &ready.id).await.code, "killed", "died while nobody looked");
}

async fn failure_after_ready(bench: &Bench, id: &AppId) -> Failure {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_loses_no_app() {
    let mut bench = Bench::new().await;
    let running = bench.run("running").await;
    let stopped = bench.run("stopped").await;
    bench.apps.stop(&bench.kim, &stopped.id).await.unwrap();
    bench.until(&stopped.id, AppPhase::Stopped).await;
    bench.apps.shutdown().await;
    for name in ["portal.db", "portal.db-wal", "portal.db-shm"] {
        let _ = fs::remove_file(bench.place.folder.join(name));
    }
    bench.apps = bench.place.start().await;
    // The person's account is made anew, with another id.
    bench.kim.id = UserId::random();
    bench.place.store().await.create_user(&bench.kim, None).await.unwrap();
    let found: Vec<_> = bench.apps.list(&bench.kim).await.unwrap().into_iter().map(|app| app.id).collect();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&running.id) && found.contains(&stopped.id));
    let app = bench.until(&running.id, AppPhase::Ready).await;
    assert_eq!((app.name, app.values, app.resources), (running.name, running.values, running.resources));
    bench.until(&stopped.id, AppPhase::Stopped).await;
    assert_eq!(bench.starts(), 2, "nothing ran again");
    bench.restart().await;
    assert_eq!(bench.apps.list(&bench.kim).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_from_an_older_copy_finds_what_was_launched_since() {
    let mut bench = Bench::new().await;
    let app = bench.run("lab").await;
    bench.apps.stop(&bench.kim, &app.id).await.unwrap();
    let old = bench.until(&app.id, AppPhase::Stopped).await;
    bench.apps.start_again(&bench.kim, &app.id).await.unwrap();
    bench.until(&app.id, AppPhase::Ready).await;
    bench.apps.shutdown().await;
    let store = bench.place.store().await;
    let revision = store.app(&app.id).await.unwrap().unwrap().revision;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.update_app(&mut App { revision, ..old }).await.unwrap());
    tx.commit().await.unwrap();
    bench.apps = bench.place.start().await;
    let found = bench.until(&app.id, AppPhase::Ready).await;
    assert_eq!((found.generation, bench.starts()), (2, 2));
    assert!(matches!(bench.route(&app.id), Some(RouteState::Ready { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_point_of_a_launch_loses_and_doubles_nothing() {
    let points: Vec<_> = CrashPoint::ALL.iter().filter(|point| point.name().starts_with("launch.")).collect();
    assert_eq!(points.len(), 7);
    for point in points {
        let mut bench = Bench::new().await;
        bench.apps.shutdown().await;
        die_at(&bench, *point).await;
        bench.apps = bench.place.start().await;
        let app = bench.apps.list(&bench.kim).await.unwrap().pop().expect("the app is on record");
        if *point == CrashPoint::LaunchExitSeen {
            // It had ended; how, only the dead supervisor knew.
            assert_eq!(failure_after_ready(&bench, &app.id).await.code, "supervisor_lost");
        } else {
            bench.until(&app.id, AppPhase::Ready).await;
        }
        assert_eq!(bench.starts(), 1, "it ran exactly once, {}", point.name());
        println!("{}: nothing lost, nothing twice", point.name());
    }
}

/// A portal launches an app; it or the supervisor dies at the point, and then the portal in any case.
async fn die_at(bench: &Bench, point: CrashPoint) {
    let mut portal = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture", "--", "portal"])
        .arg(&bench.place.folder)
        .env(crash::VARIABLE, point.name())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_of_supervisor = matches!(
        point,
        CrashPoint::LaunchPlaced | CrashPoint::LaunchProcessStarted | CrashPoint::LaunchExitSeen
    );
    if is_of_supervisor {
        first_supervisor_dies(bench, point).await;
        portal.kill().unwrap();
    }
    let status = tokio::task::spawn_blocking(move || portal.wait()).await.unwrap().unwrap();
    assert_eq!(status.signal(), Some(9), "{}", point.name());
}

/// Waits until the supervisor that was to die is dead. The portal may have started another one by then.
async fn first_supervisor_dies(bench: &Bench, point: CrashPoint) {
    let apps_dir = bench.place.folder.join("apps");
    let dead = async {
        let mut first = None;
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let Some(entry) = fs::read_dir(&apps_dir).into_iter().flatten().flatten().next() else {
                continue;
            };
            let Ok(Some(status)) = myksc_spool::Folder::at(entry.path()).read_status() else { continue };
            let first = *first.get_or_insert(status.supervisor_pid);
            if let Some(process) = status.process.filter(|_| point == CrashPoint::LaunchExitSeen) {
                wait_for_start(bench).await;
                let pid = rustix::process::Pid::from_raw(process.pid.cast_signed()).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            if !is_alive(first) {
                return;
            }
        }
    };
    timeout(PATIENCE, dead).await.unwrap_or_else(|_| panic!("no supervisor died at {}", point.name()));
}

async fn wait_for_start(bench: &Bench) {
    while bench.starts() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
