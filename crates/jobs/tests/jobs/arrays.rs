//! Arrays, and what is asked of jobs that run, on a Slurm whose answers are set by the test.

use std::sync::Arc;
use std::time::Duration;

use myksc_core::{Error, JobPhase, Outcome, Translated};
use myksc_jobs::{CommandsConfig, SiteRules, Slurm, Stream, SystemConfig};
use myksc_store::{Store, TaskState};

use crate::bench::{Bench, Portal, start_system};
use crate::clusters::Commands;

/// A Slurm whose queue and accounting are files.
const COMMANDS: [(&str, &str); 6] = [
    (
        "squeue",
        "case \"$*\" in *' -u '*|*' -j '*) ;; *) [ ! -e $here/submitted ] || cat $here/queue 2>/dev/null;; esac; exit 0",
    ),
    (
        "sbatch",
        "case \"$*\" in --version) echo slurm 23.11.4;; *test-only*) ;; *) touch $here/submitted; echo 70;; esac",
    ),
    (
        "scontrol",
        "case \"$*\" in *partition*) echo 'PartitionName=normal Default=YES State=UP TotalNodes=1 MaxTime=UNLIMITED';; update*) echo 'slurm_update error: Access/permission denied' >&2; exit 1;; *'show job'*) exit 1;; esac",
    ),
    ("sinfo", "printf 'normal\\0374\\0372048\\0370/4/0/4\\0370/1/0/1\\037(null)\\037(null)\\037\\n'"),
    ("sacct", "case \"$*\" in *JobIDRaw*) cat $here/tasks;; *) cat $here/ends;; esac 2>/dev/null; exit 0"),
    ("scancel", ""),
];

fn lines(rows: &[&[&str]]) -> String {
    rows.iter().map(|row| row.join("\u{1f}") + "\n").collect()
}

fn put(commands: &Commands, name: &str, rows: &[&[&str]]) {
    let (fresh, path) = (commands.path().join("fresh"), commands.path().join(name));
    std::fs::write(&fresh, lines(rows)).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

async fn portal(bench: &Bench, commands: &Commands) -> Portal {
    let config = CommandsConfig { poll_every: Duration::from_millis(100), ..commands.config() };
    let scheduler = Arc::new(Slurm::start(config));
    let store = Store::open(&format!("sqlite:{}", bench.path().join("portal.db").display())).await.unwrap();
    let (id, title) = ("local".to_owned(), Translated::same("Cluster"));
    start_system(store, SystemConfig { id, title, scheduler, rules: SiteRules::NONE })
}

const BEGIN: &str = "1764300000";
const END: &str = "1764300060";

#[tokio::test]
async fn an_array_is_one_job_whose_tasks_are_told_apart() {
    let (bench, commands) = (Bench::new(), Commands::new(&COMMANDS));
    let portal = portal(&bench, &commands).await;
    put(
        &commands,
        "queue",
        &[
            &["70", "PENDING", "Priority", "N/A", "normal", "2-4%2", "70", "", "kim"],
            &["70", "RUNNING", "None", BEGIN, "normal", "1", "71", "n1", "kim"],
        ],
    );
    let submitted = portal.submit(&bench, "#!/bin/sh\n#SBATCH --array=1-4%2\ntrue\n").await.unwrap();
    let id = &submitted.id;
    let array = |running, waiting, failed| {
        move |job: &myksc_core::Job| {
            let array = job.array.as_ref().unwrap();
            (array.running, array.waiting, array.failed, array.total) == (running, waiting, failed, 4)
        }
    };
    let job = portal.wait_for(&bench, id, array(1, 3, 0)).await;
    assert_eq!((job.phase, job.size.walltime_secs), (JobPhase::Running, None), "the partition has no limit");

    let page = portal.jobs.tasks(&bench.who, id, None, 3, None).await.unwrap();
    let seen: Vec<_> = page.items.iter().map(|task| (task.index, task.phase, task.node.as_deref())).collect();
    assert_eq!(
        seen,
        [(1, JobPhase::Running, Some("n1")), (2, JobPhase::Queued, None), (3, JobPhase::Queued, None)]
    );
    let rest = portal.jobs.tasks(&bench.who, id, None, 3, page.next_cursor.as_deref()).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].index, rest.next_cursor), (1, 4, None));

    put(&commands, "tasks", &[&["70_1", "71", "FAILED", "3:0", BEGIN, END, "n1"]]);
    put(
        &commands,
        "queue",
        &[
            &["70", "PENDING", "Priority", "N/A", "normal", "3-4%2", "70", "", "kim"],
            &["70", "RUNNING", "None", END, "normal", "2", "72", "n2", "kim"],
        ],
    );
    portal.wait_for(&bench, id, array(1, 2, 1)).await;
    let failed = portal.jobs.tasks(&bench.who, id, Some(TaskState::Failed), 9, None).await.unwrap();
    assert_eq!(
        failed.items.iter().map(|task| (task.index, task.exit_code)).collect::<Vec<_>>(),
        [(1, Some(3))]
    );

    let output = portal.jobs.output(&bench.who, id, Some(2), Stream::Stdout).await.unwrap();
    assert_eq!((output.path.to_string().as_str(), output.is_complete), ("home/job-70_2.out", false));
    portal.jobs.cancel_task(&bench.who, id, 2).await.unwrap();
    crate::bench::eventually("the task is cancelled", || async { commands.calls("scancel") == ["-v 70_2"] })
        .await;
    let over = portal.jobs.cancel_task(&bench.who, id, 1).await.unwrap_err();
    assert!(matches!(over, Error::Conflict { code: "job_not_active", .. }), "{over:?}");
    let none = portal.jobs.cancel_task(&bench.who, id, 5).await.unwrap_err();
    assert!(matches!(none, Error::NotFound { .. }), "{none:?}");

    let done = |task, own, state, exit| [task, own, state, exit, BEGIN, END, "n1"];
    put(
        &commands,
        "tasks",
        &[
            &done("70_1", "71", "FAILED", "3:0"),
            &done("70_2", "72", "CANCELLED by 1", "0:15"),
            &done("70_3", "73", "COMPLETED", "0:0"),
            &done("70_4", "70", "COMPLETED", "0:0"),
        ],
    );
    let ended = |task, state, exit| [task, state, exit, BEGIN, END, "60", "1", "00:01", "", ""];
    put(
        &commands,
        "ends",
        &[
            &ended("70_1", "FAILED", "3:0"),
            &ended("70_3", "COMPLETED", "0:0"),
            &ended("70_4", "COMPLETED", "0:0"),
        ],
    );
    put(&commands, "queue", &[]);
    let job = portal.ended(&bench, id).await;
    assert_eq!((job.outcome, job.exit_code), (Some(Outcome::Failed), Some(3)));
    let array = job.array.unwrap();
    assert_eq!((array.succeeded, array.failed, array.running, array.waiting), (2, 2, 0, 0));
}

#[tokio::test]
async fn what_the_scheduler_does_not_do_is_told_and_what_it_can_not_do_is_not_asked() {
    let (bench, commands) = (Bench::new(), Commands::new(&COMMANDS));
    let portal = portal(&bench, &commands).await;
    put(&commands, "queue", &[&["70", "RUNNING", "None", BEGIN, "normal", "N/A", "70", "n1", "kim"]]);
    let job = portal.submit(&bench, "#!/bin/sh\n#SBATCH --time=10\ntrue\n").await.unwrap();
    portal.phase(&bench, &job.id, JobPhase::Running).await;
    let longer = portal.jobs.set_walltime(&bench.who, &job.id, 601).await.unwrap_err();
    let Error::Invalid(problems) = longer else { panic!("{longer:?}") };
    assert_eq!(problems[0].code, "walltime_only_shorter");
    portal.jobs.set_walltime(&bench.who, &job.id, 90).await.unwrap();
    let refused = portal.wait_for(&bench, &job.id, |job| job.refusal.is_some()).await;
    assert_eq!(refused.refusal.unwrap().code, "walltime_not_lengthened");
    assert_eq!(refused.size.walltime_secs, Some(600));
    let job = portal.jobs.requeue(&bench.who, &job.id).await.unwrap();
    assert_eq!(job.refusal, None, "what was asked before is over");
    crate::bench::eventually("it starts over", || async {
        commands.calls("scontrol").iter().any(|call| call == "requeue 70")
    })
    .await;
    assert!(commands.calls("scontrol").contains(&"update JobId=70 TimeLimit=2".to_owned()));
    let cannot = portal.jobs.cancel_task(&bench.who, &job.id, 1).await.unwrap_err();
    assert!(matches!(cannot, Error::NotFound { .. }), "{cannot:?}");
}
