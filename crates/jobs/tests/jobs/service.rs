use myksc_core::{Error, FieldProblem, Identity, JobId, JobPhase, Outcome, UserId};
use myksc_jobs::{JobForm, Stream, SystemState};
use myksc_store::JobState;

use crate::bench::{Bench, eventually, script};

fn problems(error: Error) -> Vec<FieldProblem> {
    match error {
        Error::Invalid(problems) => problems,
        other => panic!("{other:?}"),
    }
}

fn codes(problems: &[FieldProblem]) -> Vec<(&str, &str)> {
    problems.iter().map(|problem| (problem.field.as_str(), problem.code.as_str())).collect()
}

#[tokio::test]
async fn a_submission_that_can_never_run_is_refused_with_field_and_limit() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let cases = [
        ("#MYKSC --nodes=2", ("nodes", "nodes_over_limit"), Some(1)),
        ("#MYKSC --nodes=0", ("nodes", "below_min"), None),
        ("#MYKSC --tasks-per-node=3", ("tasks_per_node", "tasks_per_node_over_limit"), Some(2)),
        ("#MYKSC --cpus-per-task=4294967295", ("cpus_per_task", "cpus_per_task_over_limit"), Some(2)),
        (
            "#MYKSC --tasks-per-node=2\n#MYKSC --cpus-per-task=2",
            ("cpus_per_task", "cores_over_limit"),
            Some(2),
        ),
        ("#MYKSC --gpus-per-node=1", ("gpus_per_node", "gpus_per_node_over_limit"), Some(0)),
        ("#MYKSC --memory=16G", ("memory_bytes", "memory_over_limit"), Some(8_u64 << 30)),
        ("#MYKSC --walltime=8-00:00:00", ("walltime_secs", "walltime_over_limit"), Some(604_800)),
        ("#MYKSC --walltime=00:00:00", ("walltime_secs", "below_min"), None),
        ("#MYKSC --queue=other", ("queue", "queue_unknown"), None),
        ("#MYKSC --colour=red", ("script", "directive_unknown"), None),
        ("#MYKSC --nodes=1 2", ("script", "directive_unreadable"), None),
        ("echo \0", ("script", "script_has_nul"), None),
    ];
    for (lines, expected, limit) in cases {
        let problems = problems(portal.submit(&bench, &script(lines)).await.unwrap_err());
        assert_eq!(codes(&problems), [expected], "{lines}");
        if let Some(limit) = limit {
            let told = problems[0].params.iter().find(|(name, _)| name.starts_with("limit"));
            assert_eq!(told.map(|(_, value)| value), Some(&limit.into()), "{lines}");
        }
    }
    assert_eq!(codes(&problems(portal.submit(&bench, " \n").await.unwrap_err())), [("script", "required")]);
    assert_eq!(portal.count(&bench, JobState::All).await, 0);
    assert_eq!(portal.store.intents("jobs").await.unwrap(), []);
}

#[tokio::test]
async fn a_work_folder_must_be_there_and_below_a_root() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    std::fs::write(bench.home().join("file"), "").unwrap();
    let cases = [
        ("home/none", "work_dir_missing"),
        ("home/file", "work_dir_missing"),
        ("home/../etc", "path_invalid"),
        ("/etc", "path_invalid"),
        ("scratch", "root_unknown"),
        ("home/%FF", "work_dir_name_unfit"),
        ("home/a%0Ab", "work_dir_name_unfit"),
        ("", "path_invalid"),
    ];
    for (work_dir, code) in cases {
        let error = portal.jobs.submit(&bench.who, "local", "true\n", work_dir).await.unwrap_err();
        assert_eq!(codes(&problems(error)), [("work_dir", code)], "{work_dir}");
    }
}

#[tokio::test]
async fn the_output_goes_below_the_work_folder_whatever_it_is_called() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    std::fs::create_dir(bench.home().join("결과 1")).unwrap();
    let text = "#!/bin/sh\n#MYKSC --name='a b'\n#MYKSC --output='100%% %x'\necho hi\n";
    let job = portal.jobs.submit(&bench.who, "local", text, "home/결과 1").await.unwrap();
    portal.ended(&bench, &job.id).await;
    assert_eq!(bench.read("결과 1/100% a b"), "hi\n");
    let output = portal.jobs.output(&bench.who, &job.id, None, Stream::Stderr).await.unwrap();
    assert_eq!(output.path.to_string(), "home/결과 1/100%25 a b");
    assert!(output.is_complete);
}

#[tokio::test]
async fn nobody_sees_or_changes_another_persons_job() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let job = portal.submit(&bench, &script("until [ -e go ]; do sleep 0.02; done")).await.unwrap();
    portal.phase(&bench, &job.id, JobPhase::Running).await;
    let lee = Identity { user: UserId::random(), name: "lee".to_owned(), ..bench.who.clone() };
    let (jobs, id) = (&portal.jobs, &job.id);
    let refusals = [
        jobs.get(&lee, id).await.err(),
        jobs.script(&lee, id).await.err(),
        jobs.output(&lee, id, None, Stream::Stdout).await.err(),
        jobs.cancel(&lee, id).await.err(),
        jobs.hold(&lee, id).await.err(),
        jobs.release(&lee, id).await.err(),
        jobs.resubmit(&lee, id).await.err(),
        jobs.get(&lee, &JobId::random()).await.err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(Error::NotFound { kind: "job", .. })), "{refusal:?}");
    }
    assert_eq!(jobs.list(&lee, JobState::All, 10, None).await.unwrap().items, []);
    assert_eq!(portal.job(&bench, id).await.phase, JobPhase::Running);
    assert_eq!(portal.store.intents("jobs").await.unwrap(), []);
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, id).await;
}

#[tokio::test]
async fn the_local_queue_acts_for_its_own_system_account_alone() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let other = Identity { uid: bench.who.uid + 1, ..bench.who.clone() };
    let error = portal.jobs.submit(&other, "local", "true\n", "home").await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { code: "identity_not_allowed", .. }), "{error:?}");
    assert_eq!(portal.count(&bench, JobState::All).await, 0);
}

#[tokio::test]
async fn what_a_phase_does_not_allow_is_a_conflict() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let job = portal.submit(&bench, &script("until [ -e go ]; do sleep 0.02; done")).await.unwrap();
    portal.phase(&bench, &job.id, JobPhase::Running).await;
    let code = |error: Error| match error {
        Error::Conflict { code, params, .. } => (code, params["phase"].as_str().unwrap().to_owned()),
        other => panic!("{other:?}"),
    };
    let hold = portal.jobs.hold(&bench.who, &job.id).await.unwrap_err();
    assert_eq!(code(hold), ("job_not_queued", "running".to_owned()));
    let release = portal.jobs.release(&bench.who, &job.id).await.unwrap_err();
    assert_eq!(code(release), ("job_not_held", "running".to_owned()));
    std::fs::write(bench.home().join("go"), "").unwrap();
    portal.ended(&bench, &job.id).await;
    let cancel = portal.jobs.cancel(&bench.who, &job.id).await.unwrap_err();
    assert_eq!(code(cancel), ("job_not_active", "ended".to_owned()));
}

#[tokio::test]
async fn a_job_is_submitted_again_from_its_own_script() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let first = portal.submit(&bench, &script("echo ran >> log\nexit 4")).await.unwrap();
    portal.ended(&bench, &first.id).await;
    let second = portal.jobs.resubmit(&bench.who, &first.id).await.unwrap();
    assert_ne!(first.id, second.id);
    let ended = portal.ended(&bench, &second.id).await;
    assert_eq!((ended.outcome, ended.exit_code), (Some(Outcome::Failed), Some(4)));
    assert_eq!(bench.read("log"), "ran\nran\n");
    assert_eq!(portal.count(&bench, JobState::Ended).await, 2);
}

#[tokio::test]
async fn pages_of_jobs_follow_each_other() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    for _ in 0..3 {
        let job = portal.submit(&bench, &script("true")).await.unwrap();
        portal.ended(&bench, &job.id).await;
    }
    let first = portal.jobs.list(&bench.who, JobState::All, 2, None).await.unwrap();
    let cursor = first.next_cursor.unwrap();
    let rest = portal.jobs.list(&bench.who, JobState::All, 2, Some(&cursor)).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (2, 1, None));
    for cursor in ["", "x", "1.", "1.jshort", "9999999999999999999999.jaaaaaaaaaaaaaaa"] {
        let error = portal.jobs.list(&bench.who, JobState::All, 2, Some(cursor)).await.unwrap_err();
        assert_eq!(codes(&problems(error)), [("cursor", "cursor_invalid")], "{cursor:?}");
    }
}

#[tokio::test]
async fn a_form_goes_to_a_script_and_the_script_to_a_job() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    eventually("the system answers", || async { portal.jobs.systems()[0].state == SystemState::Up }).await;
    let system = portal.jobs.systems().remove(0);
    assert_eq!(
        (system.id.as_str(), system.scheduler.as_str(), system.capabilities.hold),
        ("local", "local", true)
    );
    let template = portal.jobs.script_templates("local").await.unwrap().remove(0);
    std::fs::write(bench.home().join("in put.txt"), "42\n").unwrap();
    let form = JobForm {
        inputs: vec!["home/in put.txt".into()],
        command: "cat \"$INPUT_1\"\n".into(),
        stdout_name: "out".into(),
        ..template.form
    };
    let rendered = portal.jobs.render_script(&bench.who, "local", &form).await.unwrap();
    assert_eq!(rendered.problems, []);
    let parsed = portal.jobs.parse_script(&bench.who, "local", &rendered.script).await.unwrap();
    let opened = JobForm { head: Some(rendered.directives.clone()), ..form.clone() };
    assert_eq!((&parsed.form, &parsed.problems), (&opened, &vec![]));
    let job = portal.submit(&bench, &rendered.script).await.unwrap();
    assert_eq!(portal.ended(&bench, &job.id).await.outcome, Some(Outcome::Succeeded));
    assert_eq!(bench.read("out"), "42\n");
    let too_long = JobForm { walltime_secs: u64::MAX, nodes: 7, ..form };
    let rendered = portal.jobs.render_script(&bench.who, "local", &too_long).await.unwrap();
    assert_eq!(
        codes(&rendered.problems),
        [("nodes", "nodes_over_limit"), ("walltime_secs", "walltime_over_limit")]
    );
}

#[tokio::test]
async fn an_unknown_system_is_not_found() {
    let bench = Bench::new();
    let portal = bench.portal().await;
    let error = portal.jobs.submit(&bench.who, "slurm", "true\n", "home").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { kind: "system", .. }), "{error:?}");
}
