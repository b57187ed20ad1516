//! What squeue(1), sacct(1) and scontrol(1) say of jobs.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use myksc_core::job::{JobReason, JobTask, JobUsage};
use myksc_core::{JobPhase, Outcome, Timestamp};

use super::tag;
use crate::reason::reason;
use crate::scheduler::{ArrayObservation, Foreign, Observation};
use crate::script::{Indexes, slurm_time};

/// Between the fields: a character that no number and no state holds.
pub(super) const SEPARATOR: &str = "\u{1f}";
/// Base id, state, reason, start and partition; index in its array, own id and nodes; account.
pub(super) const POLL_FIELDS: [&str; 9] = ["%F", "%T", "%r", "%S", "%P", "%K", "%A", "%N", "%u"];
/// Base id, number of the account, partition, nodes, CPUs, time limit, when it was submitted, comment and name.
pub(super) const FOREIGN_FIELDS: [&str; 9] = ["%F", "%U", "%P", "%D", "%C", "%l", "%V", "%k", "%j"];
/// Base id and index in its array.
pub(super) const ARRAY_FIELDS: [&str; 2] = ["%F", "%K"];
/// Without `-t` squeue leaves suspended jobs out.
pub(super) const ACTIVE_STATES: &str = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING,STOPPED,RESIZING,REQUEUED,REQUEUE_HOLD,SPECIAL_EXIT,STAGE_OUT,SIGNALING";

/// A line of a poll.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) partition: String,
    pub(super) observation: Observation,
    /// What it says of an array.
    part: Option<Part>,
}

/// What a line says of an array.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// So many tasks wait; `None` where the list of them was cut.
    Waiting(Option<u32>),
    /// A task has started.
    Task(JobTask),
}

/// Whether a text can be the number of a job.
pub(super) fn is_id(text: &str) -> bool {
    (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The same, or the number of a task of an array: `7_3`.
pub(super) fn is_id_or_task(text: &str) -> bool {
    let (id, task) = text.split_once('_').map_or((text, None), |(id, task)| (id, Some(task)));
    is_id(id) && task.is_none_or(is_id)
}

/// The lines of a poll; what is none is left out.
pub(super) fn read(text: &str) -> Vec<Listed> {
    text.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<Listed> {
    let fields: Vec<&str> = line.split(SEPARATOR).collect();
    listed(fields.try_into().ok()?)
}

/// A line of a poll, from what stands for [`POLL_FIELDS`].
pub(super) fn listed(fields: [&str; POLL_FIELDS.len()]) -> Option<Listed> {
    let [id, state, why, start, partition, index, own_id, nodes, login] = fields;
    let (phase, outcome) = standing(state, why);
    let is_started = matches!(phase, JobPhase::Running | JobPhase::Suspended | JobPhase::Finishing);
    let observation = Observation {
        started_at: time(start).filter(|_| is_started),
        expected_start_at: time(start).filter(|_| phase == JobPhase::Queued),
        reason: why_it_waits(phase, why),
        login: Some(login.to_owned()),
        ..observation(id, state, phase, outcome)?
    };
    // A job that may go to several partitions is counted in the first.
    let partition = partition.split(',').next().unwrap_or_default().to_owned();
    let part = match observation.phase {
        _ if index == "N/A" => None,
        JobPhase::Queued | JobPhase::Held => {
            let total = Indexes::parse(index).map(|indexes| indexes.total());
            Some(Part::Waiting(total.and_then(|total| total.try_into().ok())))
        }
        _ => index.parse().ok().map(|index| Part::Task(task(index, own_id, nodes, &observation))),
    };
    Some(Listed { partition, observation, part })
}

/// Jobs of one account, of which she wrote the comments and the names.
pub(super) fn foreign(text: &str) -> Vec<Foreign> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.splitn(FOREIGN_FIELDS.len(), SEPARATOR).collect();
        let [id, uid, partition, nodes, cpus, limit, submitted, comment, name] = fields.as_slice() else {
            return None;
        };
        Some(Foreign {
            scheduler_id: is_id(id).then(|| (*id).to_owned())?,
            uid: uid.parse().ok()?,
            name: (*name).to_owned(),
            queue: partition.split(',').next().unwrap_or_default().to_owned(),
            nodes: nodes.parse().unwrap_or(1),
            cpus: cpus.parse().unwrap_or(1),
            walltime_secs: slurm_time(limit),
            submitted_at: time(submitted)?,
            is_ours: tag::is_any_in(comment),
        })
    };
    text.lines().filter_map(read).collect()
}

/// A task of an array, from what is seen of it alone.
pub(super) fn task(index: u32, own_id: &str, nodes: &str, seen: &Observation) -> JobTask {
    JobTask {
        index,
        scheduler_id: is_id(own_id).then(|| own_id.to_owned()),
        phase: seen.phase,
        phase_raw: seen.phase_raw.clone(),
        outcome: seen.outcome,
        exit_code: seen.exit_code,
        reason: seen.reason.clone(),
        node: Some(nodes)
            .filter(|nodes| !matches!(*nodes, "" | "(null)" | "None assigned"))
            .map(str::to_owned),
        started_at: seen.started_at,
        ended_at: seen.ended_at,
    }
}

/// Tasks that `scontrol -o show job` says are over.
pub(super) fn read_tasks(text: &str) -> Vec<(String, JobTask)> {
    let read = |line: &str| {
        let field =
            |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let array = field("ArrayJobId").filter(|id| is_id(id))?;
        let index = field("ArrayTaskId")?.parse().ok()?;
        let seen =
            ended(array, field("JobState")?, field("ExitCode")?, field("StartTime")?, field("EndTime")?)?;
        Some((array.to_owned(), task(index, field("JobId")?, field("NodeList").unwrap_or(""), &seen)))
    };
    text.lines().filter_map(read).collect()
}

/// Ids of the jobs that are arrays.
pub(super) fn arrays(text: &str) -> HashSet<String> {
    let array = |line: &str| {
        let (id, index) = line.split_once(SEPARATOR)?;
        (index != "N/A" && is_id(id)).then(|| id.to_owned())
    };
    text.lines().filter_map(array).collect()
}

/// One observation for each job: the tasks of an array are one, which runs while any of them does.
pub(super) fn observations(listed: &[Listed]) -> Vec<Observation> {
    let mut jobs: HashMap<&str, (&Observation, Option<ArrayObservation>)> = HashMap::new();
    for Listed { observation, part, .. } in listed {
        let (kept, array) = jobs.entry(&observation.scheduler_id).or_insert((observation, None));
        if observation.phase == JobPhase::Running && kept.phase != JobPhase::Running {
            *kept = observation;
        }
        if let Some(part) = part {
            let nothing = ArrayObservation { waiting: Some(0), running: 0, tasks: Some(Vec::new()) };
            add(array.get_or_insert(nothing), part);
        }
    }
    jobs.into_values().map(|(kept, array)| Observation { array, ..kept.clone() }).collect()
}

fn add(array: &mut ArrayObservation, part: &Part) {
    match part {
        Part::Waiting(count) => {
            array.waiting = array.waiting.zip(*count).map(|(all, more)| all.saturating_add(more));
        }
        Part::Task(task) => {
            array.running += 1;
            array.tasks.get_or_insert_default().push(task.clone());
        }
    }
}

/// What `scontrol -o show job` says of one that is over; it has a line for each task of an array.
pub(super) fn read_job(id: &str, text: &str) -> Option<Observation> {
    let part = |line: &str| {
        let field =
            |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let is_it = field("ArrayJobId").or(field("JobId"))? == id;
        is_it.then(|| {
            ended(id, field("JobState")?, field("ExitCode")?, field("StartTime")?, field("EndTime")?)
        })
    };
    whole(text.lines().filter_map(part).map(|part| (id, part)).collect()).pop()
}

/// Whether `scontrol -o show job` knows the job, over or not.
pub(super) fn knows(id: &str, text: &str) -> bool {
    let marks = [format!("JobId={id}"), format!("ArrayJobId={id}")];
    text.lines().any(|line| line.split_whitespace().any(|word| marks.iter().any(|mark| mark == word)))
}

/// One observation for the parts of each job: none while one of them is not over.
pub(super) fn whole(parts: Vec<(&str, Option<Observation>)>) -> Vec<Observation> {
    let mut order = Vec::new();
    let mut jobs: HashMap<&str, Option<Observation>> = HashMap::new();
    for (id, part) in parts {
        match jobs.entry(id) {
            Entry::Vacant(place) => {
                order.push(id);
                place.insert(part);
            }
            Entry::Occupied(mut place) => {
                let joined = place.get_mut().take().zip(part).map(|(one, other)| join(one, other));
                place.insert(joined);
            }
        }
    }
    order.into_iter().filter_map(|id| jobs.remove(id).flatten()).collect()
}

/// Two parts as one: it ends as the first that did not succeed, and used what both did.
fn join(one: Observation, other: Observation) -> Observation {
    let (started_at, ended_at) = (one.started_at.min(other.started_at), one.ended_at.max(other.ended_at));
    let usage = one.usage.as_ref().zip(other.usage.as_ref()).map(|(one, other)| JobUsage {
        walltime_secs: one.walltime_secs.max(other.walltime_secs),
        cpus: one.cpus.zip(other.cpus).map(|(one, other)| one.saturating_add(other)),
        cpu_secs: one.cpu_secs.zip(other.cpu_secs).map(|(one, other)| one.saturating_add(other)),
        max_memory_bytes: one.max_memory_bytes.max(other.max_memory_bytes),
    });
    let is_fine = one.outcome == Some(Outcome::Succeeded);
    let worst = if is_fine { other } else { one };
    Observation { started_at, ended_at, usage, ..worst }
}

pub(super) fn ended(id: &str, state: &str, exit: &str, start: &str, end: &str) -> Option<Observation> {
    let (phase, outcome) = standing(state, "");
    let outcome = outcome.filter(|_| phase == JobPhase::Ended)?;
    let (code, signal) = exit.split_once(':')?;
    let (code, signal) = (code.parse::<i32>().ok()?, signal.parse::<i32>().ok()?);
    let exit_code = (signal == 0 && matches!(outcome, Outcome::Succeeded | Outcome::Failed)).then_some(code);
    Some(Observation {
        exit_code,
        reason: why_it_ended(outcome, code, signal),
        started_at: time(start),
        ended_at: time(end),
        ..observation(id, state, phase, Some(outcome))?
    })
}

fn observation(id: &str, state: &str, phase: JobPhase, outcome: Option<Outcome>) -> Option<Observation> {
    is_id(id).then(|| Observation {
        scheduler_id: id.to_owned(),
        tag: None,
        phase,
        phase_raw: (phase == JobPhase::Unknown).then(|| state.to_owned()),
        outcome,
        exit_code: None,
        reason: None,
        started_at: None,
        ended_at: None,
        expected_start_at: None,
        usage: None,
        array: None,
        login: None,
    })
}

/// Phase and outcome for a state, squeue(1) at "JOB STATE CODES". sacct(1) writes who cancelled behind the word.
fn standing(state: &str, why: &str) -> (JobPhase, Option<Outcome>) {
    let word = state.split(' ').next().unwrap_or_default().trim_end_matches('+');
    let phase = match word {
        "PENDING" if matches!(why, "JobHeldUser" | "JobHeldAdmin") => JobPhase::Held,
        "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_FED" | "EXPEDITING" => JobPhase::Queued,
        "REQUEUE_HOLD" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => JobPhase::Held,
        "RUNNING" | "RESIZING" | "SIGNALING" => JobPhase::Running,
        "SUSPENDED" | "STOPPED" => JobPhase::Suspended,
        "COMPLETING" | "STAGE_OUT" => JobPhase::Finishing,
        _ => JobPhase::Unknown,
    };
    let outcome = match word {
        "COMPLETED" => Outcome::Succeeded,
        "FAILED" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => Outcome::Failed,
        "BOOT_FAIL" | "NODE_FAIL" => Outcome::NodeFailure,
        "TIMEOUT" | "DEADLINE" => Outcome::TimedOut,
        "OUT_OF_MEMORY" => Outcome::OutOfMemory,
        "CANCELLED" | "REVOKED" => Outcome::Cancelled,
        "PREEMPTED" => Outcome::Preempted,
        _ => return (phase, None),
    };
    (JobPhase::Ended, Some(outcome))
}

fn why_it_waits(phase: JobPhase, why: &str) -> Option<JobReason> {
    if !matches!(phase, JobPhase::Queued | JobPhase::Held) || matches!(why, "None" | "") {
        return None;
    }
    let code = match why {
        "JobHeldUser" => "held_by_user",
        "JobHeldAdmin" => "held_by_operator",
        "Resources"
        | "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions" => {
            "waiting_for_resources"
        }
        "Priority" => "waiting_for_priority",
        "Dependency" => "waiting_for_job",
        "DependencyNeverSatisfied" => "dependency_never_satisfied",
        "BeginTime" => "waiting_for_time",
        _ => "scheduler_says",
    };
    Some(reason(code, [("detail", why.into())], why))
}

fn why_it_ended(outcome: Outcome, code: i32, signal: i32) -> Option<JobReason> {
    match outcome {
        Outcome::TimedOut => Some(reason("walltime_over", [], "its time was over")),
        Outcome::Failed if signal != 0 => {
            Some(reason("killed_by_signal", [("signal", signal.into())], format!("signal {signal} ended it")))
        }
        Outcome::Failed => {
            Some(reason("exit_code", [("exit_code", code.into())], format!("it ended with code {code}")))
        }
        _ => None,
    }
}

/// Seconds since the epoch, as SLURM_TIME_FORMAT asks for them.
fn time(text: &str) -> Option<Timestamp> {
    let secs: i64 = text.parse().ok()?;
    (secs > 0).then(|| secs.checked_mul(1000).map(Timestamp::from_millis)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_read_line_by_line_and_what_is_no_line_of_it_is_left_out() {
        let line = |fields: &[&str]| fields.join(SEPARATOR);
        let text = [
            line(&["11", "RUNNING", "None", "1764300000", "normal", "N/A", "11", "n1", "kim"]),
            line(&["12", "PENDING", "JobHeldUser", "N/A", "normal,debug", "N/A", "12", "", "kim"]),
            line(&[
                "13",
                "PENDING",
                "QOSMaxJobsPerUserLimit",
                "1764300000",
                "normal",
                "N/A",
                "13",
                "",
                "kim",
            ]),
            line(&["14", "PENDING", "Priority", "N/A", "normal", "3-9%2", "14", "", "kim"]),
            line(&["14", "RUNNING", "None", "1764300001", "normal", "1", "21", "n1", "kim"]),
            line(&["15", "DREAMING", "None", "N/A", "normal", "N/A", "15", "", "kim"]),
            "Welcome to the login node".to_owned(),
            line(&["16; rm", "RUNNING", "None", "1", "normal", "N/A", "16", "n1", "kim"]),
            line(&["17", "RUNNING"]),
        ];
        let listed = read(&text.join("\n"));
        assert_eq!(listed.iter().map(|one| one.partition.as_str()).collect::<Vec<_>>(), ["normal"; 6]);
        let mut jobs = observations(&listed);
        jobs.sort_by(|one, other| one.scheduler_id.cmp(&other.scheduler_id));
        let seen: Vec<_> = jobs
            .iter()
            .map(|job| {
                (job.scheduler_id.as_str(), job.phase, job.reason.as_ref().map(|why| why.code.as_str()))
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("11", JobPhase::Running, None),
                ("12", JobPhase::Held, Some("held_by_user")),
                ("13", JobPhase::Queued, Some("scheduler_says")),
                ("14", JobPhase::Running, None),
                ("15", JobPhase::Unknown, None),
            ]
        );
        assert_eq!(jobs[4].phase_raw.as_deref(), Some("DREAMING"));
        let array = jobs[3].array.as_ref().unwrap();
        let tasks = array.tasks.as_deref().unwrap();
        assert_eq!((array.waiting, array.running, tasks.len(), &jobs[0].array), (Some(7), 1, 1, &None));
        assert_eq!(
            (tasks[0].index, tasks[0].scheduler_id.as_deref(), tasks[0].node.as_deref(), tasks[0].phase),
            (1, Some("21"), Some("n1"), JobPhase::Running)
        );
        assert_eq!(
            (jobs[0].started_at, jobs[2].started_at, jobs[2].expected_start_at, jobs[0].expected_start_at),
            (
                Some(Timestamp::from_millis(1_764_300_000_000)),
                None,
                Some(Timestamp::from_millis(1_764_300_000_000)),
                None
            )
        );
    }

    #[test]
    fn a_job_from_elsewhere_is_told_with_what_it_asks_for() {
        let line = |fields: [&str; 9]| fields.join(SEPARATOR);
        let text = [
            line(["7", "20001", "normal,debug", "2", "8", "1-00:00:00", "1764300000", "(null)", "a\u{1f}b"]),
            line(["8", "20001", "normal", "1", "1", "UNLIMITED", "1764300000", "x;myksc=jabc", "ours"]),
            line(["x", "20001", "normal", "1", "1", "1:00", "1764300000", "", "no job"]),
            "a name of two lines".to_owned(),
        ];
        let told = foreign(&text.join("\n"));
        let [one, ours] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (one.name.as_str(), one.queue.as_str(), one.cpus, one.is_ours),
            ("a\u{1f}b", "normal", 8, false)
        );
        assert_eq!((one.walltime_secs, ours.walltime_secs, ours.is_ours), (Some(86_400), None, true));
    }

    #[test]
    fn the_controllers_record_of_a_job_is_taken_for_no_other() {
        let line = "JobId=7 JobName=a UserId=kim(20001) JobState=COMPLETED Reason=None ExitCode=0:0 StartTime=1764300000 EndTime=1764300009";
        assert_eq!(read_job("7", line).unwrap().outcome, Some(Outcome::Succeeded));
        assert_eq!(read_job("8", line), None);
        assert_eq!(read_job("7", "slurm_load_jobs error: Invalid job id specified"), None);
        let task = |id: &str, state: &str, exit: &str| {
            format!(
                "JobId={id} ArrayJobId=7 ArrayTaskId=1 JobName=a JobState={state} ExitCode={exit} StartTime=1764300000 EndTime=1764300009"
            )
        };
        let tasks =
            [task("8", "COMPLETED", "0:0"), task("9", "FAILED", "3:0"), task("7", "COMPLETED", "0:0")];
        let read = read_tasks(&tasks.join("\n"));
        let ends: Vec<_> = read.iter().map(|(id, task)| (id.as_str(), task.exit_code)).collect();
        assert_eq!(ends, [("7", Some(0)), ("7", Some(3)), ("7", Some(0))]);
        assert_eq!(read_job("7", &tasks.join("\n")).unwrap().exit_code, Some(3));
        let runs = [task("8", "COMPLETED", "0:0"), task("7", "RUNNING", "0:0")];
        assert_eq!(read_job("7", &runs.join("\n")), None);
        assert!(knows("7", &runs.join("\n")) && !knows("70", &runs.join("\n")));
    }
}
