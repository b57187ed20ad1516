//! Answers as the slurmrestd of Slurm 22.05.8 gave them, of v0.0.38; fields that nothing reads are cut out.

use myksc_core::{JobPhase, Outcome};

use super::super::listing;
use super::accounts::Accounts;
use super::jobs::{ForeignJobs, Jobs, OwnJobs};
use super::partitions::{NodeTable, Partitions, queues};

const WAITING: &str = include_str!("recorded/jobs_waiting.json");
const OVER: &str = include_str!("recorded/jobs_over.json");
const ACCOUNTS: &str = include_str!("recorded/accounts.json");

#[test]
fn jobs_that_wait_are_read_as_squeue_shows_them() {
    let table = serde_json::from_str::<Jobs>(WAITING).unwrap().table();
    assert!(table.over.is_empty());
    let seen: Vec<_> = table
        .active
        .iter()
        .map(|one| {
            let Some(why) = &one.observation.reason else { return (one.observation.phase, "") };
            (one.observation.phase, why.code.as_str())
        })
        .collect();
    let waits = (JobPhase::Queued, "");
    let expected = [
        waits,
        waits,
        waits,
        waits,
        waits,
        (JobPhase::Held, "held_by_user"),
        waits,
        (JobPhase::Queued, "waiting_for_time"),
    ];
    assert_eq!(seen, expected);
    let array = listing::observations(&table.active).into_iter().find_map(|one| one.array).unwrap();
    assert_eq!((array.waiting, array.running), (Some(3), 0));
    let later = &table.active[7];
    assert_eq!((later.partition.as_str(), later.observation.scheduler_id.as_str()), ("normal", "8"));
    assert_eq!(later.observation.expected_start_at.map(|at| at.as_millis()), Some(1_795_861_712_000));
}

#[test]
fn jobs_that_are_over_say_how_and_an_array_is_one() {
    let table = serde_json::from_str::<Jobs>(OVER).unwrap().table();
    assert!(table.active.is_empty());
    let cases = [
        ("1", Outcome::Succeeded, Some(0), None),
        ("2", Outcome::Failed, Some(3), Some("exit_code")),
        ("3", Outcome::OutOfMemory, None, None),
        ("4", Outcome::Failed, Some(4), Some("exit_code")),
        ("5", Outcome::Failed, None, Some("killed_by_signal")),
        ("6", Outcome::Succeeded, Some(0), None),
        ("7", Outcome::Succeeded, Some(0), None),
        ("8", Outcome::Cancelled, None, None),
    ];
    assert_eq!(table.over.len(), cases.len());
    let mut tasks = table.tasks["4"].clone();
    tasks.sort_by_key(|task| task.index);
    let ends: Vec<_> = tasks.iter().map(|task| (task.index, task.exit_code)).collect();
    assert_eq!(ends, [(1, Some(0)), (2, Some(4)), (3, Some(0))]);
    assert!(tasks.iter().all(|task| task.node.is_some() && task.scheduler_id.is_some()));
    for (id, outcome, exit_code, code) in cases {
        let one = &table.over[id];
        let reason = one.reason.as_ref().map(|why| why.code.as_str());
        assert_eq!((one.outcome, one.exit_code, reason), (Some(outcome), exit_code, code), "{id}");
        assert!(one.started_at.is_some() && one.ended_at >= one.started_at, "{id}");
    }
}

#[test]
fn a_job_of_hers_is_known_by_its_mark_and_says_whose_it_is() {
    let jobs: OwnJobs = serde_json::from_str(WAITING).unwrap();
    let own = jobs.with_tag("kim", "myksc=x").unwrap();
    assert_eq!((own.id.as_str(), own.uid, own.gid, own.is_held), ("7", 20001, 20001, false));
    assert_eq!(jobs.with_tag("lee", "myksc=x"), None);
    assert_eq!(jobs.with_tag("kim", "myksc=y"), None);
    assert!(jobs.with_id("6").unwrap().is_held);
    assert_eq!(jobs.with_id("99"), None);
}

#[test]
fn what_was_submitted_elsewhere_is_told_to_her_alone() {
    let jobs: ForeignJobs = serde_json::from_str(WAITING).unwrap();
    assert!(jobs.of("lee").is_empty());
    let hers = jobs.of("kim");
    let seen: Vec<_> = hers.iter().map(|one| (one.name.as_str(), one.nodes, one.cpus, one.is_ours)).collect();
    assert_eq!(seen[6], ("multi", 2, 4, true));
    assert_eq!((seen.len(), seen[0]), (8, ("ok", 1, 1, false)));
    assert_eq!((hers[6].walltime_secs, hers[6].uid), (Some(300), 20001));
}

#[test]
fn accounting_says_what_was_used_and_its_made_up_exit_code_is_not_believed() {
    let over = serde_json::from_str::<Accounts>(ACCOUNTS).unwrap().over();
    let of = |id: &str| {
        let one = &over[id];
        (one.outcome.unwrap(), one.exit_code, one.reason.as_ref().map(|why| why.code.as_str()))
    };
    assert_eq!(of("1"), (Outcome::Succeeded, Some(0), None));
    assert_eq!(of("2"), (Outcome::Failed, None, None), "v0.0.38 says 0");
    assert_eq!(of("3"), (Outcome::OutOfMemory, None, None));
    assert_eq!(of("4").0, Outcome::Failed);
    assert_eq!(of("5"), (Outcome::Failed, None, Some("killed_by_signal")));
    assert_eq!(of("8"), (Outcome::Cancelled, None, None));
    let accounts: Accounts = serde_json::from_str(ACCOUNTS).unwrap();
    assert_eq!(accounts.tasks().filter(|(array, _)| array == "4").count(), 3);
    let usage = over["7"].usage.as_ref().unwrap();
    assert_eq!((usage.cpus, usage.walltime_secs), (Some(4), Some(2)));
    assert!(usage.max_memory_bytes.is_some_and(|bytes| (1 << 16..1 << 30).contains(&bytes)), "{usage:?}");
}

#[test]
fn partitions_have_the_limits_of_their_nodes_and_hidden_ones_are_left_out() {
    let partitions: Partitions = serde_json::from_str(include_str!("recorded/partitions.json")).unwrap();
    let nodes: NodeTable = serde_json::from_str(include_str!("recorded/nodes.json")).unwrap();
    let listed = serde_json::from_str::<Jobs>(WAITING).unwrap().table().active;
    let queues = queues(&partitions, &nodes, &listed);
    let [normal, debug] = queues.as_slice() else { panic!("{queues:?}") };
    assert_eq!((normal.name.as_str(), normal.is_default, normal.open), ("normal", true, true));
    assert_eq!((debug.name.as_str(), debug.is_default), ("debug", false));
    assert_eq!((normal.limits.max_nodes, debug.limits.max_nodes), (2, 1));
    assert_eq!((normal.limits.max_walltime_secs, normal.defaults.walltime_secs), (Some(7200), Some(1800)));
    assert_eq!((normal.load.nodes_free, normal.load.gpus_total, normal.priority), (4, 2, Some(1)));
    assert_eq!(debug.priority, Some(10));
    assert_eq!((normal.limits.max_cpus_per_node, normal.limits.max_memory_bytes), (4, 2048 << 20));
    assert_eq!((normal.limits.max_gpus_per_node, debug.limits.max_gpus_per_node), (2, 0));
    assert_eq!((normal.load.slots_total, normal.load.jobs_queued, debug.load.slots_total), (16, 8, 8));
}
