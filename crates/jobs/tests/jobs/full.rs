//! A portal on a disk that is full for real: a small file system in mounts of the test's own.

use std::io::Write as _;
use std::process::Command;

use myksc_core::{Error, Outcome};

use crate::bench::{Bench, script};

const TEST: &str = "full::a_full_disk_refuses_a_submission_clearly_and_keeps_the_jobs_that_are_there";

#[test]
fn a_full_disk_refuses_a_submission_clearly_and_keeps_the_jobs_that_are_there() {
    const MARK: &str = "MYKSC_TEST_OWN_MOUNTS";
    if std::env::var_os(MARK).is_none() {
        let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        let mut command = Command::new("unshare");
        command.arg(flags).arg(std::env::current_exe().unwrap()).args(["--exact", TEST, "--nocapture"]);
        assert!(command.env(MARK, "1").status().unwrap().success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(on_a_small_disk());
}

async fn on_a_small_disk() {
    let bench = Bench::new();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(bench.path()).status();
    assert!(mounted.unwrap().success());
    std::fs::create_dir(bench.home()).unwrap();
    let portal = bench.portal().await;
    let first = portal.submit(&bench, &script("until [ -e go ]; do sleep 0.02; done; exit 3")).await.unwrap();
    portal.phase(&bench, &first.id, myksc_core::JobPhase::Running).await;

    let ballast = bench.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 512]).is_ok() {}
    drop(file);
    let long = script(&format!("echo ran >> log # {}", "x".repeat(500_000)));
    let refused = portal.submit(&bench, &long).await;
    assert!(matches!(refused, Err(Error::Unavailable { code: "disk_full", .. })), "{refused:?}");
    assert_eq!(portal.job(&bench, &first.id).await.id, first.id, "it is still to be seen");

    std::fs::remove_file(ballast).unwrap();
    std::fs::write(bench.home().join("go"), "").unwrap();
    assert_eq!(portal.ended(&bench, &first.id).await.exit_code, Some(3));
    let again = portal.submit(&bench, &long).await.unwrap();
    assert_eq!(portal.ended(&bench, &again.id).await.outcome, Some(Outcome::Succeeded));
    assert_eq!(bench.read("log"), "ran\n");
}
