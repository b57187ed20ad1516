use std::os::unix::fs::PermissionsExt as _;

use myksc_core::Timestamp;
use myksc_core::spool::{Exit, ExitCause, Limits, Process};

use super::*;
use crate::State;

fn spec(generation: u32) -> Spec {
    Spec {
        generation,
        command: vec!["/bin/true".into()],
        environment: [("PATH".to_owned(), "/bin".to_owned())].into(),
        work_dir: "/".into(),
        stdin: None,
        stdout: None,
        stderr: None,
        log_limit_bytes: None,
        limits: Limits::default(),
        grace_secs: 5,
    }
}

fn status(generation: u32) -> Status {
    Status { generation, supervisor_pid: 1, placed_at: Timestamp::now(), process: None, exit: None }
}

fn process() -> Process {
    Process {
        pid: 1,
        start_ticks: 1,
        cgroups: Vec::new(),
        started_at: Timestamp::now(),
        limits_by: "rlimit".into(),
    }
}

fn folder() -> (tempfile::TempDir, Folder) {
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::create(parent.path().join("apps/a1")).unwrap();
    (parent, folder)
}

#[test]
fn a_folder_and_its_files_are_open_to_their_owner_alone() {
    let (_parent, folder) = folder();
    folder.write_spec(&spec(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(mode(&folder.path().join("spec.json")), 0o600);
}

#[test]
fn what_is_written_comes_back() {
    let (_parent, folder) = folder();
    assert!(folder.read_spec().is_err_and(|error| error.is_absent()));
    assert_eq!(folder.read_status().unwrap(), None);
    folder.write_spec(&spec(1)).unwrap();
    folder.write_spec(&spec(2)).unwrap();
    folder.write_status(&status(2)).unwrap();
    assert_eq!(folder.read_spec().unwrap(), spec(2));
    assert_eq!(folder.read_status().unwrap().unwrap().generation, 2);
}

#[test]
fn rubbish_in_a_report_is_an_error_with_its_path() {
    let (_parent, folder) = folder();
    for rubbish in ["", "{", "null", "{\"generation\":-1}"] {
        fs::write(folder.path().join("status.json"), rubbish).unwrap();
        let error = folder.read_status().unwrap_err();
        assert!(error.to_string().contains("status.json"), "{error}");
    }
}

#[test]
fn a_link_in_a_files_place_is_not_followed() {
    let (parent, folder) = folder();
    let target = parent.path().join("target");
    fs::write(&target, "1").unwrap();
    std::os::unix::fs::symlink(&target, folder.path().join("stop")).unwrap();
    assert!(!folder.is_stop_requested(1));
}

#[test]
fn only_one_holds_the_lock_and_looking_takes_it_from_nobody() {
    let (_parent, folder) = folder();
    assert!(!folder.is_supervised().unwrap());
    let lock = folder.try_lock().unwrap();
    assert!(lock.is_some());
    assert!(folder.is_supervised().unwrap());
    assert!(folder.try_lock().unwrap().is_none());
    drop(lock);
    assert!(!folder.is_supervised().unwrap());
    assert!(folder.try_lock().unwrap().is_some());
}

#[test]
fn a_wish_to_stop_is_for_one_generation_and_wakes_the_supervisor() {
    let (_parent, folder) = folder();
    folder.request_stop(3).unwrap();
    let mut wake = folder.open_wake().unwrap();
    assert!(folder.is_stop_requested(3));
    assert!(!folder.is_stop_requested(4));
    let mut byte = [0; 1];
    assert_eq!(wake.read(&mut byte).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    folder.request_stop(4).unwrap();
    assert_eq!(wake.read(&mut byte).unwrap(), 1);
    assert!(folder.is_stop_requested(4));
}

#[test]
fn lock_and_report_together_tell_the_state() {
    let (_parent, folder) = folder();
    assert!(folder.observe().is_err_and(|error| error.is_absent()));
    folder.write_spec(&spec(2)).unwrap();
    assert_eq!(folder.observe().unwrap(), State::NotStarted);

    folder.write_status(&status(1)).unwrap();
    assert_eq!(folder.observe().unwrap(), State::NotStarted, "a report of earlier orders says nothing");

    let placed = status(2);
    folder.write_status(&placed).unwrap();
    assert_eq!(folder.observe().unwrap(), State::NotStarted, "placed and dead: nothing ran");
    let lock = folder.try_lock().unwrap();
    assert_eq!(folder.observe().unwrap(), State::Running(placed.clone()));

    let started = Status { process: Some(process()), ..placed };
    folder.write_status(&started).unwrap();
    assert_eq!(folder.observe().unwrap(), State::Running(started.clone()));
    drop(lock);
    assert_eq!(folder.observe().unwrap(), State::Lost(started.clone()));

    let exit =
        Exit { at: Timestamp::now(), cause: ExitCause::Exited, code: Some(0), signal: None, detail: None };
    let ended = Status { exit: Some(exit.clone()), ..started };
    folder.write_status(&ended).unwrap();
    assert_eq!(folder.observe().unwrap(), State::Ended { status: ended, exit });
}

#[tokio::test]
async fn a_watcher_tells_of_reports_and_of_a_dead_supervisor() {
    let (_parent, folder) = folder();
    folder.write_spec(&spec(1)).unwrap();
    let (set, mut changes) = crate::watcher().unwrap();
    set.add(&folder).unwrap();
    set.add(&folder).unwrap();
    let expected = crate::Change::Folder(folder.clone());

    folder.write_status(&status(1)).unwrap();
    assert_eq!(changes.next().await.unwrap(), expected);

    let lock = folder.try_lock().unwrap();
    assert!(folder.is_supervised().unwrap());
    drop(lock);
    assert_eq!(changes.next().await.unwrap(), expected, "the lock was let go");

    folder.remove().unwrap();
    assert_eq!(changes.next().await.unwrap(), expected, "the folder is gone");
}
