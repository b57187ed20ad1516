//! Restarts, deaths and losses: what runs goes on, nothing runs twice.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::grant::RouteState;
use myksc_core::{App, AppPhase, UserId};
use tokio::time::timeout;

use crate::rig::{Bench, PATIENCE, failure_after_ready};

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
    let mut tried = Vec::new();
    for point in CrashPoint::of("launch") {
        let mut bench = Bench::new().await;
        bench.apps.shutdown().await;
        die_at(&bench, point).await;
        bench.apps = bench.place.start().await;
        let app = bench.apps.list(&bench.kim).await.unwrap().pop().expect("the app is on record");
        if point == CrashPoint::LaunchExitSeen {
            // It had ended; how, only the dead supervisor knew.
            assert_eq!(failure_after_ready(&bench, &app.id).await.code, "supervisor_lost");
        } else {
            bench.until(&app.id, AppPhase::Ready).await;
        }
        assert_eq!(bench.starts(), 1, "it ran exactly once, {}", point.name());
        tried.push(point.name());
    }
    assert_eq!(tried.len(), 7);
    // To the terminal itself, for the list is to be seen of a test that passes, too.
    writeln!(std::io::stderr(), "portal or supervisor of an app killed at {}", tried.join(", ")).unwrap();
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
    if point.process() == crash::Process::Supervisor {
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
