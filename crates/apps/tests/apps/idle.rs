//! Apps that nothing uses: what they say themselves, what a portal's absence counts for.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use myksc_apps::{Apps, IdleRules};
use myksc_core::{App, AppId, AppPhase, AutoStop, AutoStopCause, Timestamp};
use myksc_store::AppUse;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::rig::{Bench, PATIENCE, template};

/// A Jupyter server's two lists, as far as the watch asks: kernels from the file `kernels`, whose absence is a fault, and
/// no terminals at all.
const JUPYTER: &str = r#"
import http.server, os, socket, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, b""
        if self.headers.get("Authorization") != "token " + os.environ["SECRET"]:
            status = 401
        elif self.path == "/api/kernels?no_track_activity=1":
            try:
                body = open(os.path.expanduser("~/kernels"), "rb").read()
            except FileNotFoundError:
                status = 500
        elif self.path.startswith("/api/"):
            status = 404
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "client"
class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    address_family = socket.AF_UNIX
Server(sys.argv[1], Handler).serve_forever()
"#;

fn rules(after_secs: u64, warn_secs: u64) -> IdleRules {
    let after = Some(Duration::from_secs(after_secs));
    IdleRules { after, max_life: None, warn: Duration::from_secs(warn_secs) }
}

async fn bench(rules: IdleRules) -> Bench {
    let mut bench = Bench::new().await;
    let idle = "\n[idle]\nprobe = \"jupyter\"\ncpu_percent = 0\n[[fields]]";
    let jupyter = template("unix", "30").replacen("\n[[fields]]", idle, 1);
    fs::write(bench.place.folder.join("catalogue/jupyter.toml"), jupyter).unwrap();
    fs::write(bench.place.home().join("jupyter.py"), JUPYTER).unwrap();
    bench.place.idle = rules;
    bench.restart().await;
    bench
}

/// The uses that a gateway would tell, and how often it was asked for them.
#[derive(Clone, Default)]
struct Gateway {
    uses: Arc<Mutex<Vec<(AppId, Timestamp)>>>,
    asked: Arc<AtomicUsize>,
}

impl Gateway {
    fn watch(&self, apps: &Apps) -> AbortOnDropHandle<()> {
        let (gateway, apps) = (self.clone(), apps.clone());
        let uses = move || {
            gateway.asked.fetch_add(1, Ordering::SeqCst);
            gateway.uses.lock().unwrap().clone()
        };
        AbortOnDropHandle::new(tokio::spawn(async move { apps.watch_idleness(uses).await }))
    }

    /// Waits until everything was looked at some more times.
    async fn looks(&self, times: usize) {
        let since = self.asked.load(Ordering::SeqCst);
        let looking = async {
            // Twice for each look: before and after apps are asked.
            while self.asked.load(Ordering::SeqCst) < since + 2 * times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, looking).await.expect("it looks");
    }
}

async fn run_jupyter(bench: &Bench) -> App {
    let script = "exec python3 ~/jupyter.py \"$1\"";
    let app = bench.launch(bench.place.request_of("lab", "jupyter", script)).await;
    bench.until(&app.id, AppPhase::Ready).await
}

/// Waits until the app's announced end is as wanted.
async fn announced(bench: &Bench, app: &App, is_wanted: impl Fn(Option<AutoStop>) -> bool) -> App {
    let looking = async {
        loop {
            let app = bench.apps.get(&bench.kim, &app.id).await.unwrap();
            if is_wanted(app.auto_stop) {
                return app;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("an end is announced or taken back")
}

fn kernels(bench: &Bench, state: &str, last_activity: Timestamp) {
    let text =
        format!(r#"[{{"id": "k", "execution_state": "{state}", "last_activity": "{last_activity}"}}]"#);
    // In one step: it may be read at any moment.
    let (draft, file) = (bench.place.home().join("draft"), bench.place.home().join("kernels"));
    fs::write(&draft, text).unwrap();
    fs::rename(draft, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_ends_by_its_own_word_alone_and_a_running_cell_and_a_person_take_that_back() {
    let bench = bench(rules(4, 2)).await;
    let gateway = Gateway::default();
    let _watch = gateway.watch(&bench.apps);
    let app = run_jupyter(&bench).await;
    let began = Timestamp::now();
    // It does not answer the question: nobody knows, for longer than it may be unused.
    gateway.looks(12).await;
    assert_eq!(bench.apps.get(&bench.kim, &app.id).await.unwrap().auto_stop, None);

    kernels(&bench, "idle", began);
    let told = announced(&bench, &app, |stop| stop.is_some()).await;
    let stop = told.auto_stop.unwrap();
    assert_eq!((stop.cause, told.phase), (AutoStopCause::Idle, AppPhase::Ready));
    kernels(&bench, "busy", began);
    announced(&bench, &app, |stop| stop.is_none()).await;

    kernels(&bench, "idle", began);
    announced(&bench, &app, |stop| stop.is_some()).await;
    gateway.uses.lock().unwrap().push((app.id.clone(), Timestamp::now()));
    announced(&bench, &app, |stop| stop.is_none()).await;

    let stopped = bench.until(&app.id, AppPhase::Stopped).await;
    let since = stopped.auto_stop.unwrap().since;
    assert_eq!(since, gateway.uses.lock().unwrap()[0].1);
    let again = bench.apps.start_again(&bench.kim, &app.id).await.unwrap();
    assert_eq!((again.auto_stop, again.generation), (None, 2));
    // The bench ends what runs, not what is about to.
    bench.until(&app.id, AppPhase::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_without_a_portal_counts_for_nobody() {
    let mut bench = bench(rules(1000, 400)).await;
    let app = run_jupyter(&bench).await;
    // Its kernels wait for longer than it runs, so that what the database knows decides.
    kernels(&bench, "idle", app.launched_at.plus_secs(-7200));
    let now = Timestamp::now();
    let (store, used_at) = (bench.place.store().await, app.launched_at);
    let note = async |idle_secs: i64, away_secs: i64| {
        let known = AppUse { app: app.id.clone(), used_at, idle_from: now.plus_secs(-idle_secs - away_secs) };
        store.note_app_uses(&[known], now.plus_secs(-away_secs)).await.unwrap();
    };
    let gateway = Gateway::default();
    bench.apps.shutdown().await;
    note(300, 5000).await;
    bench.apps = bench.place.start().await;
    let watch = gateway.watch(&bench.apps);
    gateway.looks(1).await;
    assert_eq!(bench.apps.get(&bench.kim, &app.id).await.unwrap().auto_stop, None);
    drop(watch);

    bench.apps.shutdown().await;
    let kept = store.app_uses().await.unwrap().remove(0);
    assert!((295..=400).contains(&Timestamp::now().secs_since(kept.idle_from)), "{kept:?}");
    note(900, 5000).await;
    bench.apps = bench.place.start().await;
    let _watch = gateway.watch(&bench.apps);
    let told = announced(&bench, &app, |stop| stop.is_some()).await.auto_stop.unwrap();
    assert_eq!((told.cause, told.since), (AutoStopCause::Idle, used_at));
    assert!(told.at >= now.plus_secs(400), "she has the whole warning");
}
