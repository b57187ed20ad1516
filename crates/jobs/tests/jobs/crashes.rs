use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use myksc_core::crash::{self, CrashPoint};
use myksc_core::{JobId, JobPhase, Outcome};
use myksc_store::JobState;

use crate::bench::{Bench, config, eventually, identity, open_portal, script};

const FOLDER: &str = "MYKSC_TEST_PORTAL";

/// Not a test by itself: a portal that submits one job and then goes on until it is killed.
#[test]
fn portal_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let portal = open_portal(folder, config(folder)).await;
        let text = std::fs::read_to_string(folder.join("submit")).unwrap();
        let job = portal.jobs.submit(&identity(folder), "local", &text, "home").await.unwrap();
        std::fs::write(folder.join("submitted"), job.id.as_str()).unwrap();
        std::future::pending::<()>().await;
    });
}

/// The portal's process; dies with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(bench: &Bench, text: &str, point: Option<CrashPoint>) -> Process {
    std::fs::write(bench.path().join("submit"), text).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "crashes::portal_process"])
        .env(FOLDER, bench.path())
        .env_remove(crash::VARIABLE);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(point) = point {
        command.env(crash::VARIABLE, point.name());
    }
    Process(command.spawn().unwrap())
}

async fn until_killed(mut process: Process, point: CrashPoint) {
    let status = tokio::task::spawn_blocking(move || process.0.wait().unwrap()).await.unwrap();
    assert_eq!(status.signal(), Some(9), "{}: {status}", point.name());
}

/// Kills a portal at a point of a submission, starts it again, and gives how often the job ran.
async fn runs_after_a_death_at(point: CrashPoint) -> usize {
    let bench = Bench::new();
    until_killed(start(&bench, &script("echo ran >> runs; sleep 0.1"), Some(point)), point).await;
    let portal = bench.portal().await;
    let listed = portal.jobs.list(&bench.who, JobState::All, 10, None).await.unwrap().items;
    let [job] = listed.as_slice() else { panic!("{}: {listed:?}", point.name()) };
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Succeeded), "{}: {ended:?}", point.name());
    eventually("no intent is left", || async { portal.store.intents("jobs").await.unwrap().is_empty() })
        .await;
    bench.read("runs").lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_point_of_a_submission_neither_loses_nor_doubles_the_job() {
    let mut tried = Vec::new();
    for point in CrashPoint::of("submit") {
        assert_eq!(runs_after_a_death_at(point).await, 1, "{}", point.name());
        tried.push(point.name());
    }
    // To the terminal itself, for the list is to be seen of a test that passes, too.
    writeln!(std::io::stderr(), "portal of a job killed at {}", tried.join(", ")).unwrap();
    assert_eq!(
        tried,
        ["submit.recorded", "submit.folder_written", "submit.supervisor_started", "submit.applied"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_of_the_supervisor_at_any_point_of_a_launch_runs_the_job_at_most_once() {
    let mut tried = Vec::new();
    for point in CrashPoint::of_supervisor() {
        let bench = Bench::new();
        let process = start(&bench, &script("echo ran >> runs"), Some(point));
        let supervisor_died = || async {
            let Ok(id) = std::fs::read_to_string(bench.path().join("submitted")) else { return false };
            let folder = bench.folder_of(&id.parse().unwrap());
            let has_report = matches!(folder.read_status(), Ok(Some(_)));
            has_report && !folder.is_supervised().unwrap()
        };
        eventually("the supervisor died", supervisor_died).await;
        drop(process);
        let portal = bench.portal().await;
        let listed = portal.jobs.list(&bench.who, JobState::All, 10, None).await.unwrap().items;
        let ended = portal.ended(&bench, &listed[0].id).await;
        // Only what certainly never ran is run again.
        let has_ended = point == CrashPoint::LaunchExitSeen;
        let outcome = if has_ended { Outcome::Unknown } else { Outcome::Succeeded };
        assert_eq!(ended.outcome, Some(outcome), "{}: {ended:?}", point.name());
        assert_eq!(bench.read("runs"), "ran\n", "{}", point.name());
        tried.push(point.name());
    }
    writeln!(std::io::stderr(), "supervisor of a job killed at {}", tried.join(", ")).unwrap();
    assert_eq!(tried, ["launch.placed", "launch.process_started", "launch.exit_seen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_on_while_the_portal_is_dead_and_are_seen_by_the_next_one() {
    let bench = Bench::new();
    let text = script("echo ran >> runs; until [ -e go ]; do sleep 0.02; done; exit 7");
    let mut process = start(&bench, &text, None);
    eventually("the job runs", || async { bench.read("runs") == "ran\n" }).await;
    let id: JobId = std::fs::read_to_string(bench.path().join("submitted")).unwrap().parse().unwrap();
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    // One portal finds it running, and dies; the next finds that it ended meanwhile.
    let portal = bench.portal().await;
    portal.phase(&bench, &id, JobPhase::Running).await;
    drop(portal);
    std::fs::write(bench.home().join("go"), "").unwrap();
    let has_ended =
        || async { matches!(bench.folder_of(&id).observe(), Ok(myksc_spool::State::Ended { .. })) };
    eventually("the job ended", has_ended).await;
    let portal = bench.portal().await;
    let ended = portal.ended(&bench, &id).await;
    assert_eq!((ended.outcome, ended.exit_code), (Some(Outcome::Failed), Some(7)));
    assert_eq!(bench.read("runs"), "ran\n");
}

#[tokio::test]
async fn waiting_and_held_jobs_are_so_still_after_a_restart() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let blocker = script("#MYKSC --cpus-per-task=2\nuntil [ -e go ]; do sleep 0.02; done");
    let blocker = portal.submit(&bench, &blocker).await.unwrap();
    portal.phase(&bench, &blocker.id, JobPhase::Running).await;
    let waiting = portal.submit(&bench, &script("echo waiting >> log")).await.unwrap();
    let held = portal.submit(&bench, &script("echo held >> log")).await.unwrap();
    portal.phase(&bench, &held.id, JobPhase::Queued).await;
    portal.jobs.hold(&bench.who, &held.id).await.unwrap();
    portal.phase(&bench, &held.id, JobPhase::Held).await;
    drop(portal);
    let portal = bench.portal().await;
    assert_eq!(portal.job(&bench, &waiting.id).await.phase, JobPhase::Queued);
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &waiting.id).await;
    assert_eq!(portal.job(&bench, &held.id).await.phase, JobPhase::Held);
    portal.jobs.release(&bench.who, &held.id).await.unwrap();
    portal.ended(&bench, &held.id).await;
    assert_eq!(bench.read("log"), "waiting\nheld\n");
}

#[tokio::test]
async fn a_portal_that_lost_its_database_finds_every_job_again() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let failed = portal.submit(&bench, &script("exit 5")).await.unwrap();
    let before = portal.ended(&bench, &failed.id).await;
    let long = script("#MYKSC --cpus-per-task=2\nuntil [ -e go ]; do sleep 0.02; done");
    let running = portal.submit(&bench, &long).await.unwrap();
    portal.phase(&bench, &running.id, JobPhase::Running).await;
    let held = portal.submit(&bench, &script("true")).await.unwrap();
    portal.phase(&bench, &held.id, JobPhase::Queued).await;
    portal.jobs.hold(&bench.who, &held.id).await.unwrap();
    portal.phase(&bench, &held.id, JobPhase::Held).await;
    drop(portal);
    for name in ["portal.db", "portal.db-wal", "portal.db-shm"] {
        let _ = std::fs::remove_file(bench.path().join(name));
    }

    let portal = bench.portal().await;
    eventually("all are back", || async { portal.count(&bench, JobState::All).await == 3 }).await;
    let after = portal.job(&bench, &failed.id).await;
    assert_eq!(after, myksc_core::Job { revision: after.revision, ..before });
    assert_eq!(portal.jobs.script(&bench.who, &running.id).await.unwrap(), long);
    portal.phase(&bench, &running.id, JobPhase::Running).await;
    portal.phase(&bench, &held.id, JobPhase::Held).await;
    std::fs::write(bench.home().join("go"), "").unwrap();
    assert_eq!(portal.ended(&bench, &running.id).await.outcome, Some(Outcome::Succeeded));
    portal.jobs.cancel(&bench.who, &held.id).await.unwrap();
    assert_eq!(portal.ended(&bench, &held.id).await.outcome, Some(Outcome::Cancelled));
}
