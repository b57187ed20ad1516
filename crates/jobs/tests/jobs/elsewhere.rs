//! Jobs that come from elsewhere, on a Slurm whose answers are set by the test.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use myksc_core::role::Role;
use myksc_core::{Error, JobPhase, Outcome, Timestamp, Translated, User, UserId};
use myksc_jobs::{CommandsConfig, SiteRules, Slurm, SystemConfig};
use myksc_store::{JobState, Store};

use crate::bench::{Bench, eventually, start_system};
use crate::clusters::Commands;

const COMMANDS: [(&str, &str); 4] = [
    (
        "squeue",
        "case \"$*\" in *' -j '*) ;; *' -u kim '*) cat $here/kims;; *' -u lee '*) cat $here/lees;; *) cat $here/queue;; esac",
    ),
    ("sbatch", "echo slurm 23.11.4"),
    ("scontrol", "echo 'PartitionName=normal State=UP TotalNodes=1'"),
    ("sinfo", "printf 'normal\\0374\\0372048\\0370/4/0/4\\0370/1/0/1\\037(null)\\037(null)\\037\\n'"),
];

fn user(id: UserId, name: &str, uid: u32) -> User {
    User {
        id,
        name: name.to_owned(),
        display_name: name.to_owned(),
        uid,
        gid: uid,
        groups: Vec::new(),
        home: "/home".into(),
        shell: "/bin/sh".into(),
        provider: User::LOCAL.to_owned(),
        role: Role::User,
        locked: false,
        created_at: Timestamp::now(),
    }
}

fn put(commands: &Commands, name: &str, rows: &[&[&str]]) {
    let text: String = rows.iter().map(|row| row.join("\u{1f}") + "\n").collect();
    let fresh = commands.path().join("fresh");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(fresh, commands.path().join(name)).unwrap();
}

#[tokio::test]
async fn what_a_person_submitted_elsewhere_is_shown_to_her_alone_and_not_changed() {
    let (bench, commands) = (Bench::new(), Commands::new(&COMMANDS));
    let running = |id: &'static str, login: &'static str| {
        [id, "RUNNING", "None", "1764300000", "normal", "N/A", id, "n1", login]
    };
    let queue = [running("90", "kim"), running("91", "kim"), running("92", "lee"), running("93", "stranger")];
    put(&commands, "queue", &queue.each_ref().map(|row| row.as_slice()));
    let uid = bench.who.uid.to_string();
    let told = |id, uid, comment, name| [id, uid, "normal", "2", "8", "1:00:00", "1764200000", comment, name];
    // She names a job so that its line says something of lee's, too.
    let kims = [
        told("90", uid.as_str(), "(null)", "by hand"),
        told("91", uid.as_str(), "x;myksc=jabcdefgh234567", "by another portal"),
        told("92", uid.as_str(), "(null)", "stolen"),
    ];
    put(&commands, "kims", &kims.each_ref().map(|row| row.as_slice()));
    put(&commands, "lees", &[&told("92", "4243", "(null)", "of another lee")]);

    let store = Store::open(&format!("sqlite:{}", bench.path().join("portal.db").display())).await.unwrap();
    let lee = user(UserId::random(), "lee", 4242);
    store.create_user(&user(bench.who.user.clone(), "kim", bench.who.uid), None).await.unwrap();
    store.create_user(&lee, None).await.unwrap();
    let config = CommandsConfig { poll_every: Duration::from_millis(100), ..commands.config() };
    let scheduler = Arc::new(Slurm::start(config));
    let (id, title) = ("local".to_owned(), Translated::same("Cluster"));
    let portal = start_system(store, SystemConfig { id, title, scheduler, rules: SiteRules::NONE });

    eventually("the job is seen", || async { portal.count(&bench, JobState::All).await == 1 }).await;
    let jobs = portal.jobs.list(&bench.who, JobState::All, 9, None).await.unwrap().items;
    let job = &jobs[0];
    assert_eq!(
        (job.name.as_str(), job.elsewhere, job.scheduler_id.as_deref()),
        ("by hand", true, Some("90"))
    );
    assert_eq!(
        (job.size.nodes, job.size.tasks_per_node, job.size.walltime_secs, job.submitted_at.as_millis()),
        (2, 4, Some(3600), 1_764_200_000_000)
    );
    for refused in [
        portal.jobs.cancel(&bench.who, &job.id).await,
        portal.jobs.set_walltime(&bench.who, &job.id, 60).await,
    ] {
        assert!(matches!(refused, Err(Error::Conflict { code: "job_elsewhere", .. })), "{refused:?}");
    }
    assert!(portal.jobs.script(&bench.who, &job.id).await.is_err());
    let running = portal.phase(&bench, &job.id, JobPhase::Running).await;
    assert!(portal.jobs.get(&lee.identity(), &running.id).await.is_err());
    let asked: BTreeSet<_> =
        commands.calls("squeue").into_iter().filter(|call| call.contains(" -u ")).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");

    commands.put(
        "sacct",
        "printf '90\\037COMPLETED\\0370:0\\0371764300000\\0371764300060\\03760\\0378\\03700:08:00\\037\\037\\n'",
    );
    put(&commands, "queue", &[]);
    let over = portal.ended(&bench, &job.id).await;
    assert_eq!((over.outcome, over.usage.unwrap().cpus), (Some(Outcome::Succeeded), Some(8)));
    assert_eq!(portal.jobs.list(&lee.identity(), JobState::All, 9, None).await.unwrap().items, []);
}
