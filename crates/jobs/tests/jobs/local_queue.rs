use myksc_core::{JobPhase, Outcome};

use crate::bench::{Bench, eventually, script};

#[tokio::test]
async fn a_job_runs_with_a_clean_environment_in_its_folder_and_its_output_is_kept() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let text = script("#MYKSC --error='%x 오류.err'\nenv; pwd; echo oh >&2");
    let job = portal.submit(&bench, &text).await.unwrap();
    assert_eq!((job.phase, job.outcome), (JobPhase::Submitting, None));
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!((ended.outcome, ended.exit_code), (Some(Outcome::Succeeded), Some(0)));
    assert!(ended.submitted_at <= ended.started_at.unwrap() && ended.started_at <= ended.ended_at);
    assert_eq!(ended.stdout_path, format!("home/test-{}.out", job.id));
    let output = bench.read(&format!("test-{}.out", job.id));
    let names: Vec<_> =
        output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in ["HOME", "USER", "PATH", "SHELL", "LANG", "MYKSC_JOB_ID", "MYKSC_NODES"] {
        assert!(names.contains(&name), "{name} is not in {output}");
    }
    let ours = |name: &&&str| name.contains("CARGO") || name.starts_with("RUST") || name.contains("TOKEN");
    assert_eq!(names.iter().find(ours), None);
    assert!(output.ends_with(&format!("{}\n", bench.home().display())), "{output}");
    assert_eq!(bench.read("test 오류.err"), "oh\n");
}

#[tokio::test]
async fn every_way_to_end_is_told_apart() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let cases = [
        ("exit 0", Outcome::Succeeded, Some(0), None),
        ("exit 3", Outcome::Failed, Some(3), Some("exit_code")),
        ("kill -SEGV $$", Outcome::Failed, None, Some("killed_by_signal")),
        ("#MYKSC --walltime=00:00:01\nsleep 600", Outcome::TimedOut, None, Some("walltime_over")),
    ];
    let mut ids = Vec::new();
    for (lines, ..) in cases {
        ids.push(portal.submit(&bench, &script(lines)).await.unwrap().id);
    }
    for (id, (lines, outcome, exit_code, reason)) in ids.iter().zip(cases) {
        let job = portal.ended(&bench, id).await;
        assert_eq!((job.outcome, job.exit_code), (Some(outcome), exit_code), "{lines}: {job:?}");
        assert_eq!(job.reason.as_ref().map(|reason| reason.code.as_str()), reason, "{lines}");
    }
}

#[tokio::test]
async fn a_script_whose_interpreter_is_missing_ends_with_the_reason() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let job = portal.submit(&bench, "#!/no/such/interpreter\ntrue\n").await.unwrap();
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Failed));
    let reason = ended.reason.unwrap();
    assert_eq!(reason.code, "not_started");
    assert!(reason.detail.contains("/no/such/interpreter"), "{}", reason.detail);
}

#[tokio::test]
async fn output_grows_while_the_job_runs() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let text = script("echo one; until [ -e go ]; do sleep 0.02; done; echo two");
    let job = portal.submit(&bench, &text).await.unwrap();
    let name = format!("test-{}.out", job.id);
    eventually("the first line", || async { bench.read(&name) == "one\n" }).await;
    let running = portal.phase(&bench, &job.id, JobPhase::Running).await;
    assert!(running.started_at.is_some() && running.ended_at.is_none());
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &job.id).await;
    assert_eq!(bench.read(&name), "one\ntwo\n");
}

#[tokio::test]
async fn a_job_that_ignores_sigterm_is_cancelled_all_the_same() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let text = script("trap '' TERM; echo ready; while true; do sleep 0.05; done");
    let job = portal.submit(&bench, &text).await.unwrap();
    eventually("it runs", || async { bench.read(&format!("test-{}.out", job.id)) == "ready\n" }).await;
    let asked = portal.jobs.cancel(&bench.who, &job.id).await.unwrap();
    assert_eq!(asked.reason.unwrap().code, "being_cancelled");
    let ended = portal.ended(&bench, &job.id).await;
    assert_eq!(ended.outcome, Some(Outcome::Cancelled));
}

#[tokio::test]
async fn three_jobs_on_two_slots_never_run_together() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let waits = "echo start >> log; until [ -e go ]; do sleep 0.02; done; echo end >> log";
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(portal.submit(&bench, &script(waits)).await.unwrap().id);
    }
    portal.phase(&bench, &ids[0], JobPhase::Running).await;
    portal.phase(&bench, &ids[1], JobPhase::Running).await;
    let has_reason =
        |job: &myksc_core::Job| job.reason.as_ref().is_some_and(|reason| reason.params.contains_key("free"));
    let third = portal.wait_for(&bench, &ids[2], has_reason).await;
    let reason = third.reason.unwrap();
    assert_eq!((third.phase, reason.code.as_str()), (JobPhase::Queued, "waiting_for_slots"));
    assert_eq!((&reason.params["needed"], &reason.params["free"]), (&1.into(), &0.into()));
    let queues = portal.jobs.queues("local").await.unwrap();
    let load = &queues[0].load;
    assert_eq!((load.slots_total, load.slots_used, load.jobs_running, load.jobs_queued), (2, 2, 2, 1));
    std::fs::write(bench.home().join("go"), "").unwrap();
    for id in &ids {
        assert_eq!(portal.ended(&bench, id).await.outcome, Some(Outcome::Succeeded));
    }
    let log = bench.read("log");
    let third_start = log.match_indices("start").nth(2).unwrap().0;
    assert!(log[..third_start].contains("end"), "the third began before one ended:\n{log}");
}

#[tokio::test]
async fn a_large_job_is_not_overtaken_by_small_ones_behind_it() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let first = portal
        .submit(&bench, &script("until [ -e go ]; do sleep 0.02; done; echo first >> log"))
        .await
        .unwrap();
    portal.phase(&bench, &first.id, JobPhase::Running).await;
    let large = portal.submit(&bench, &script("#MYKSC --cpus-per-task=2\necho large >> log")).await.unwrap();
    let small = portal.submit(&bench, &script("echo small >> log")).await.unwrap();
    let turn =
        |job: &myksc_core::Job| job.reason.as_ref().is_some_and(|reason| reason.code == "waiting_its_turn");
    portal.wait_for(&bench, &small.id, turn).await;
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &large.id).await;
    portal.ended(&bench, &small.id).await;
    assert_eq!(bench.read("log"), "first\nlarge\nsmall\n");
}

#[tokio::test]
async fn a_held_job_lets_others_pass_until_it_is_released() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let both = "#MYKSC --cpus-per-task=2\n";
    let blocker =
        portal.submit(&bench, &script(&format!("{both}until [ -e go ]; do sleep 0.02; done"))).await.unwrap();
    portal.phase(&bench, &blocker.id, JobPhase::Running).await;
    let held = portal.submit(&bench, &script("echo held >> log")).await.unwrap();
    portal.phase(&bench, &held.id, JobPhase::Queued).await;
    portal.jobs.hold(&bench.who, &held.id).await.unwrap();
    let now = portal.phase(&bench, &held.id, JobPhase::Held).await;
    assert_eq!(now.reason.unwrap().code, "held_by_user");
    let other = portal.submit(&bench, &script("echo other >> log")).await.unwrap();
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &other.id).await;
    assert_eq!(portal.job(&bench, &held.id).await.phase, JobPhase::Held);
    portal.jobs.release(&bench.who, &held.id).await.unwrap();
    portal.ended(&bench, &held.id).await;
    assert_eq!(bench.read("log"), "other\nheld\n");
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_without_ever_running() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let blocker = script("#MYKSC --cpus-per-task=2\nuntil [ -e go ]; do sleep 0.02; done");
    let blocker = portal.submit(&bench, &blocker).await.unwrap();
    portal.phase(&bench, &blocker.id, JobPhase::Running).await;
    let waiting = portal.submit(&bench, &script("echo ran >> log")).await.unwrap();
    portal.phase(&bench, &waiting.id, JobPhase::Queued).await;
    portal.jobs.cancel(&bench.who, &waiting.id).await.unwrap();
    let ended = portal.ended(&bench, &waiting.id).await;
    assert_eq!((ended.outcome, ended.started_at), (Some(Outcome::Cancelled), None));
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &blocker.id).await;
    assert_eq!(bench.read("log"), "");
}
