use myksc_core::{JobPhase, Outcome};
use myksc_jobs::LocalConfig;
use myksc_spool::SupervisorProgram;

use crate::bench::{Bench, config, eventually, kill, script};

const UNTIL_GO: &str = "echo $$ > pid; until [ -e go ]; do sleep 0.02; done";

#[tokio::test]
async fn a_job_whose_supervisor_is_killed_ends_as_unknown_and_nothing_of_it_is_left() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let job = portal.submit(&bench, &script(UNTIL_GO)).await.unwrap();
    portal.phase(&bench, &job.id, JobPhase::Running).await;
    eventually("it runs", || async { bench.read("pid").ends_with('\n') }).await;
    let status = bench.folder_of(&job.id).read_status().unwrap().unwrap();
    kill(status.supervisor_pid);
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Unknown));
    assert_eq!(ended.reason.unwrap().code, "supervisor_lost");
    let process = format!("/proc/{}/stat", bench.read("pid").trim());
    let is_gone = || async { std::fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z ")) };
    eventually("the process is gone", is_gone).await;
}

#[tokio::test]
async fn a_job_whose_folder_is_removed_is_over_and_the_others_go_on() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let blocker = script(&format!("#MYKSC --cpus-per-task=2\n{UNTIL_GO}"));
    let blocker = portal.submit(&bench, &blocker).await.unwrap();
    portal.phase(&bench, &blocker.id, JobPhase::Running).await;
    let lost = portal.submit(&bench, &script("echo lost >> log")).await.unwrap();
    portal.phase(&bench, &lost.id, JobPhase::Queued).await;
    let next = portal.submit(&bench, &script("echo next >> log")).await.unwrap();
    portal.phase(&bench, &next.id, JobPhase::Queued).await;
    std::fs::remove_dir_all(bench.folder_of(&lost.id).path()).unwrap();
    let ended = portal.ended(&bench, &lost.id).await;
    assert_eq!((ended.outcome, ended.reason.unwrap().code.as_str()), (Some(Outcome::Unknown), "record_lost"));
    std::fs::write(bench.home().join("go"), "").unwrap();
    assert_eq!(portal.ended(&bench, &next.id).await.outcome, Some(Outcome::Succeeded));
    assert_eq!(bench.read("log"), "next\n");
}

#[tokio::test]
async fn a_submission_that_can_not_be_written_down_waits_with_its_reason_and_runs_later() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    // Even root can make no folder below a file.
    let aside = bench.path().join("jobs.aside");
    std::fs::rename(bench.jobs_dir(), &aside).unwrap();
    std::fs::write(bench.jobs_dir(), "").unwrap();
    let job = portal.submit(&bench, &script("echo ran >> log")).await.unwrap();
    let waits = portal.wait_for(&bench, &job.id, |job| job.reason.is_some()).await;
    assert_eq!((waits.phase, waits.reason.unwrap().code.as_str()), (JobPhase::Submitting, "scheduler_away"));
    std::fs::remove_file(bench.jobs_dir()).unwrap();
    std::fs::rename(&aside, bench.jobs_dir()).unwrap();
    assert_eq!(portal.ended(&bench, &job.id).await.outcome, Some(Outcome::Succeeded));
    assert_eq!(bench.read("log"), "ran\n");
}

#[tokio::test]
async fn rubbish_among_the_jobs_hinders_no_other_job() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let kept = portal.submit(&bench, &script("exit 2")).await.unwrap();
    portal.ended(&bench, &kept.id).await;
    drop(portal);
    for (folder, file, content) in [
        ("jaaaaaaaaaaaaaaa", "owner.json", "{ \"half\""),
        ("jbbbbbbbbbbbbbbb", "spec.json", "rubbish"),
        ("not-a-job", "owner.json", "{}"),
        ("jccccccccccccccc", "script", "cut off before its record"),
    ] {
        let folder = bench.jobs_dir().join(folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(file), content).unwrap();
    }
    std::fs::write(bench.jobs_dir().join("file"), "").unwrap();
    let stolen = bench.jobs_dir().join("jddddddddddddddd");
    std::fs::create_dir(&stolen).unwrap();
    std::fs::copy(bench.folder_of(&kept.id).path().join("owner.json"), stolen.join("owner.json")).unwrap();
    let portal = bench.portal().await;
    let job = portal.submit(&bench, &script("exit 3")).await.unwrap();
    assert_eq!(portal.ended(&bench, &job.id).await.exit_code, Some(3));
    assert_eq!(portal.job(&bench, &kept.id).await.exit_code, Some(2));
    assert_eq!(portal.count(&bench, myksc_store::JobState::All).await, 2);
}

#[tokio::test]
async fn a_job_whose_supervisor_did_not_start_runs_once_it_does() {
    let bench = Bench::new();
    let nowhere = SupervisorProgram { program: "/no/such/program".into(), arguments: Vec::new() };
    let portal = bench.portal_with(LocalConfig { supervisor: nowhere, ..config(bench.path()) }).await;
    let job = portal.submit(&bench, &script("echo ran >> log")).await.unwrap();
    let starts = |job: &myksc_core::Job| job.reason.as_ref().is_some_and(|reason| reason.code == "starting");
    portal.wait_for(&bench, &job.id, starts).await;
    drop(portal);
    let portal = bench.portal().await;
    assert_eq!(portal.ended(&bench, &job.id).await.outcome, Some(Outcome::Succeeded));
    assert_eq!(bench.read("log"), "ran\n");
}

#[tokio::test]
async fn a_queue_that_shrank_keeps_large_jobs_waiting_and_lets_small_ones_pass() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let blocker = portal.submit(&bench, &script(UNTIL_GO)).await.unwrap();
    portal.phase(&bench, &blocker.id, JobPhase::Running).await;
    let large = portal.submit(&bench, &script("#MYKSC --cpus-per-task=2\ntrue")).await.unwrap();
    portal.phase(&bench, &large.id, JobPhase::Queued).await;
    drop(portal);
    let mut smaller = config(bench.path());
    smaller.queues[0].slots = 1;
    let portal = bench.portal_with(smaller).await;
    let small = portal.submit(&bench, &script("echo small >> log")).await.unwrap();
    std::fs::write(bench.home().join("go"), "").unwrap();
    assert_eq!(portal.ended(&bench, &small.id).await.outcome, Some(Outcome::Succeeded));
    let waits = portal.job(&bench, &large.id).await;
    assert_eq!((waits.phase, waits.reason.unwrap().code.as_str()), (JobPhase::Queued, "slots_over_limit"));
}
