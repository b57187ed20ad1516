//! What qstat(1B) says of jobs.

use myksc_core::job::{JobReason, JobTask, JobUsage};
use myksc_core::{JobPhase, Outcome, Timestamp};

use super::records::{self, Record};
use super::tag;
use crate::reason::reason;
use crate::scheduler::{ArrayObservation, Foreign, Observation};
use crate::script::{pbs_size, pbs_time};

/// Exit statuses by which PBS tells of itself, pbs_job.h of OpenPBS.
const OVER_MEMORY: [i64; 2] = [-26, -27];
const OVER_TIME: [i64; 2] = [-28, -29];
/// From here on an exit status is a signal.
const SIGNALS_FROM: i64 = 256;
/// Substate of a job that was deleted while it ran.
const DELETED: &str = "91";

/// The jobs of an output.
pub(super) fn jobs(text: &str) -> Vec<Record> {
    records::read(text, "Job Id: ").into_iter().filter(|job| is_id(&job.name)).collect()
}

/// Whether a text can be the id of a job or an array: `12.server`, `12[].server`.
pub(super) fn is_id(text: &str) -> bool {
    let (number, server) = text.split_once('.').unwrap_or((text, ""));
    let number = number.strip_suffix("[]").unwrap_or(number);
    let is_number = (1..=12).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_server = server.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_number && is_server && server.len() <= 255
}

/// The id of an array's task, `12[3].server`.
pub(super) fn task_id(array: &str, index: u32) -> Option<String> {
    let (number, server) = array.split_once("[]")?;
    Some(format!("{number}[{index}]{server}"))
}

/// The same, or the id of a task of an array.
pub(super) fn is_id_or_task(text: &str) -> bool {
    let task = text.split_once('[').and_then(|(number, rest)| Some((number, rest.split_once(']')?)));
    match task {
        Some((number, (index, server))) if !index.is_empty() => {
            index.len() <= 10
                && index.bytes().all(|byte| byte.is_ascii_digit())
                && is_id(&format!("{number}{server}"))
        }
        _ => is_id(text),
    }
}

/// The tasks of arrays in an output of `qstat -t`, those that have started or ended.
pub(super) fn tasks(text: &str) -> Vec<(String, JobTask)> {
    let task = |job: &Record| {
        let (array, index) = (job.get("array_id").to_owned(), job.get("array_index").parse().ok()?);
        let seen = observation(job);
        // A task that was deleted before it began has ended, too.
        let is_begun = seen.started_at.is_some() || seen.phase == JobPhase::Ended;
        (is_id(&array) && is_begun).then(|| {
            let task = JobTask {
                index,
                scheduler_id: Some(job.name.clone()),
                phase: seen.phase,
                phase_raw: seen.phase_raw,
                outcome: seen.outcome,
                exit_code: seen.exit_code,
                reason: seen.reason,
                node: nodes(job.get("exec_host")),
                started_at: seen.started_at,
                ended_at: seen.ended_at,
            };
            (array, task)
        })
    };
    records::read(text, "Job Id: ").iter().filter_map(task).collect()
}

/// What a job asks for, for one that may come from elsewhere; `uid` is the number of its account.
pub(super) fn foreign(job: &Record, uid: u32) -> Option<Foreign> {
    Some(Foreign {
        scheduler_id: job.name.clone(),
        uid,
        name: job.get("Job_Name").to_owned(),
        queue: job.get("queue").to_owned(),
        nodes: job.get("Resource_List.nodect").parse().unwrap_or(1),
        cpus: job.get("Resource_List.ncpus").parse().unwrap_or(1),
        walltime_secs: pbs_time(job.get("Resource_List.walltime")),
        submitted_at: time(job.get("ctime"))?,
        is_ours: tag::is_any_in(job.get("Variable_List")),
    })
}

/// The nodes in `n1/0*16+n2/0*16`, each once.
fn nodes(exec_host: &str) -> Option<String> {
    let mut nodes: Vec<&str> = exec_host.split('+').filter_map(|part| part.split('/').next()).collect();
    nodes.dedup();
    let nodes = nodes.join(",");
    (!nodes.is_empty()).then_some(nodes)
}

/// `array_state_count`, such as `Queued:0 Running:3 Exiting:0 Expired:0`: how many tasks wait and how many run.
fn array(job: &Record) -> Option<ArrayObservation> {
    let counts = job.get("array_state_count");
    let count = |states: &[&str]| -> u32 {
        let counts = counts.split_whitespace().filter_map(|count| count.split_once(':'));
        let counts = counts.filter(|(state, _)| states.contains(state));
        counts.filter_map(|(_, count)| count.parse::<u32>().ok()).fold(0, u32::saturating_add)
    };
    (!counts.is_empty()).then(|| ArrayObservation {
        waiting: Some(count(&["Queued"])),
        running: count(&["Running", "Exiting"]),
        tasks: None,
    })
}

/// How a job stands.
pub(super) fn observation(job: &Record) -> Observation {
    let state = job.get("job_state");
    let phase = phase(job, state);
    let ended = (phase == JobPhase::Ended).then(|| ending(job));
    let (outcome, exit_code, why) = ended.map_or((None, None, why_it_waits(job, state, phase)), |ending| {
        (Some(ending.outcome), ending.exit_code, ending.reason)
    });
    Observation {
        scheduler_id: job.name.clone(),
        tag: None,
        phase,
        phase_raw: (phase == JobPhase::Unknown).then(|| state.to_owned()),
        outcome,
        exit_code,
        reason: why,
        started_at: time(job.get("stime")),
        ended_at: outcome.and_then(|_| time(job.get("obittime")).or_else(|| time(job.get("mtime")))),
        expected_start_at: time(job.get("estimated.start_time")).filter(|_| phase == JobPhase::Queued),
        usage: outcome.map(|_| usage(job)).filter(|usage| *usage != JobUsage::default()),
        array: array(job).filter(|_| outcome.is_none()),
        login: job.get("Job_Owner").split('@').next().filter(|login| !login.is_empty()).map(str::to_owned),
    }
}

fn usage(job: &Record) -> JobUsage {
    JobUsage {
        walltime_secs: pbs_time(job.get("resources_used.walltime")),
        cpus: job.get("resources_used.ncpus").parse().ok(),
        cpu_secs: pbs_time(job.get("resources_used.cput")),
        max_memory_bytes: Some(job.get("resources_used.mem"))
            .filter(|text| !text.is_empty())
            .and_then(pbs_size),
    }
}

/// qstat(1B) at "job_state".
fn phase(job: &Record, state: &str) -> JobPhase {
    match state {
        "H" if is_held_for_a_job(job) => JobPhase::Queued,
        "H" => JobPhase::Held,
        "Q" | "W" | "T" => JobPhase::Queued,
        "R" | "B" => JobPhase::Running,
        "S" | "U" => JobPhase::Suspended,
        "E" => JobPhase::Finishing,
        "F" | "X" => JobPhase::Ended,
        _ => JobPhase::Unknown,
    }
}

fn is_held_for_a_job(job: &Record) -> bool {
    job.get("Hold_Types") == "s" && !job.get("depend").is_empty()
}

fn why_it_waits(job: &Record, state: &str, phase: JobPhase) -> Option<JobReason> {
    let said = job.get("comment");
    let says = |code: &str, said: &str| Some(reason(code, [("detail", said.into())], said));
    match (phase, state) {
        (JobPhase::Held, _) if job.get("Hold_Types").contains('u') => {
            says("held_by_user", "held by its user")
        }
        (JobPhase::Held, _) if job.get("Hold_Types").contains('o') => {
            says("held_by_operator", "held by an operator")
        }
        (JobPhase::Held, _) => says("scheduler_says", said),
        (JobPhase::Queued, "H") => says("waiting_for_job", job.get("depend")),
        (JobPhase::Queued, "W") => says("waiting_for_time", job.get("Execution_Time")),
        (JobPhase::Queued, _) if said.is_empty() => None,
        (JobPhase::Queued, _) if said.contains("Insufficient amount of") => {
            says("waiting_for_resources", said)
        }
        (JobPhase::Queued, _) => says("scheduler_says", said),
        _ => None,
    }
}

struct Ending {
    outcome: Outcome,
    exit_code: Option<i32>,
    reason: Option<JobReason>,
}

fn ending(job: &Record) -> Ending {
    let plain = |outcome| Ending { outcome, exit_code: None, reason: None };
    let Ok(status) = job.get("Exit_status").parse::<i64>() else {
        // It never ran, or its parts each have a status of their own.
        return plain(if job.name.contains('[') { Outcome::Unknown } else { Outcome::Cancelled });
    };
    if status == 0 {
        return Ending { exit_code: Some(0), ..plain(Outcome::Succeeded) };
    }
    if OVER_TIME.contains(&status) || (status >= SIGNALS_FROM && is_over_time(job)) {
        let why = reason("walltime_over", [], "its time was over");
        return Ending { reason: Some(why), ..plain(Outcome::TimedOut) };
    }
    if OVER_MEMORY.contains(&status) {
        return plain(Outcome::OutOfMemory);
    }
    if job.get("substate") == DELETED {
        return plain(Outcome::Cancelled);
    }
    if status >= SIGNALS_FROM {
        let signal = status - SIGNALS_FROM;
        let why =
            reason("killed_by_signal", [("signal", signal.into())], format!("signal {signal} ended it"));
        return Ending { reason: Some(why), ..plain(Outcome::Failed) };
    }
    if status < 0 {
        let said = job.get("comment");
        let why = reason("scheduler_says", [("detail", said.into())], said);
        return Ending { reason: Some(why), ..plain(Outcome::Failed) };
    }
    let why = reason("exit_code", [("exit_code", status.into())], format!("it ended with code {status}"));
    Ending { outcome: Outcome::Failed, exit_code: i32::try_from(status).ok(), reason: Some(why) }
}

/// Older versions end a job that is over its time with a signal and say nothing more.
fn is_over_time(job: &Record) -> bool {
    let (used, limit) = (job.get("resources_used.walltime"), job.get("Resource_List.walltime"));
    matches!((pbs_time(used), pbs_time(limit)), (Some(used), Some(limit)) if used >= limit)
}

/// A time as ctime(3) writes it, in UTC: the commands run with that time zone.
fn time(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %Y", text).ok()?.to_datetime().ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(time.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job as OpenPBS 23.06.06 lists it.
    fn job(attributes: &str) -> Observation {
        let line = format!("Job Id: 5.vm;Job_Name=long;Job_Owner=kim@vm;{attributes}").replace(';', "\u{1f}");
        observation(&jobs(&line)[0])
    }

    #[test]
    fn states_and_what_a_job_waits_for_are_told() {
        use JobPhase::{Ended, Finishing, Held, Queued, Running, Suspended, Unknown};
        let cases = [
            ("job_state=Q", Queued, None),
            (
                "job_state=Q;comment=Not Running: Insufficient amount of resource: ncpus (R: 4096 A: 2 T: 2)",
                Queued,
                Some("waiting_for_resources"),
            ),
            (
                "job_state=Q;comment=Not Running: User has reached queue workq running job limit.",
                Queued,
                Some("scheduler_says"),
            ),
            ("job_state=W;Execution_Time=Thu Dec 31 23:59:00 2026", Queued, Some("waiting_for_time")),
            ("job_state=H;Hold_Types=u", Held, Some("held_by_user")),
            ("job_state=H;Hold_Types=uo", Held, Some("held_by_user")),
            ("job_state=H;Hold_Types=o", Held, Some("held_by_operator")),
            (
                "job_state=H;Hold_Types=s;comment=job held, too many failed attempts to run",
                Held,
                Some("scheduler_says"),
            ),
            ("job_state=H;Hold_Types=s;depend=afterok:4.vm@vm", Queued, Some("waiting_for_job")),
            ("job_state=R;comment=Job run at Mon Nov 23", Running, None),
            ("job_state=B", Running, None),
            ("job_state=S", Suspended, None),
            ("job_state=E", Finishing, None),
            ("job_state=F", Ended, None),
            ("job_state=Z", Unknown, None),
        ];
        for (attributes, phase, code) in cases {
            let seen = job(attributes);
            let said = seen.reason.as_ref().map(|reason| reason.code.as_str());
            assert_eq!((seen.phase, said), (phase, code), "{attributes}");
        }
        assert_eq!(job("job_state=Z").phase_raw.as_deref(), Some("Z"));
    }

    #[test]
    fn the_end_of_a_job_is_read_from_its_exit_status() {
        use Outcome::{Cancelled, Failed, OutOfMemory, Succeeded, TimedOut};
        let cases = [
            ("Exit_status=0;substate=92", Succeeded, Some(0)),
            ("Exit_status=3;substate=93", Failed, Some(3)),
            ("Exit_status=271;substate=91", Cancelled, None),
            ("Exit_status=265;substate=93", Failed, None),
            (
                "Exit_status=271;substate=91;resources_used.walltime=00:01:05;Resource_List.walltime=00:01:00",
                TimedOut,
                None,
            ),
            ("Exit_status=-29;substate=93", TimedOut, None),
            ("Exit_status=-27;substate=93", OutOfMemory, None),
            ("Exit_status=-1;substate=93;comment=job execution failed", Failed, None),
            ("substate=91", Cancelled, None),
        ];
        for (attributes, outcome, exit_code) in cases {
            let seen = job(&format!("job_state=F;{attributes}"));
            assert_eq!((seen.outcome, seen.exit_code), (Some(outcome), exit_code), "{attributes}");
        }
    }

    #[test]
    fn an_array_counts_its_tasks_and_each_tells_of_itself() {
        let line = |text: &str| format!("Job Id: {text}").replace(';', "\u{1f}");
        let parent = line(
            "4[].vm;job_state=B;array=True;array_state_count=Queued:5 Running:2 Exiting:1 Expired:1 ;array_indices_submitted=1-9",
        );
        let seen = observation(&jobs(&parent)[0]);
        let expected = ArrayObservation { waiting: Some(5), running: 3, tasks: None };
        assert_eq!((seen.phase, seen.array), (JobPhase::Running, Some(expected)));
        let text = [
            parent,
            line(
                "4[1].vm;job_state=X;Exit_status=3;array_id=4[].vm;array_index=1;exec_host=n1/0*2+n1/1+n2/0;stime=Mon Nov 23 15:42:23 2026",
            ),
            line(
                "4[2].vm;job_state=R;array_id=4[].vm;array_index=2;exec_host=n2/0;stime=Mon Nov 23 15:42:23 2026",
            ),
            line("4[3].vm;job_state=Q;array_id=4[].vm;array_index=3"),
        ];
        let tasks = tasks(&text.join("\n"));
        let seen: Vec<_> = tasks
            .iter()
            .map(|(array, task)| {
                (array.as_str(), task.index, task.phase, task.exit_code, task.node.as_deref())
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("4[].vm", 1, JobPhase::Ended, Some(3), Some("n1,n2")),
                ("4[].vm", 2, JobPhase::Running, None, Some("n2")),
            ]
        );
    }

    #[test]
    fn times_are_utc_and_ids_are_ids() {
        let seen =
            job("job_state=F;Exit_status=0;stime=Mon Nov 23 15:42:23 2026;obittime=Mon Nov  2 15:42:26 2026");
        assert_eq!(seen.started_at, Some(Timestamp::from_millis(1_795_448_543_000)));
        assert_eq!(seen.ended_at, Some(Timestamp::from_millis(1_793_634_146_000)));
        assert_eq!(time("soon"), None);
        let used = job(
            "job_state=F;Exit_status=0;resources_used.cput=00:01:40;resources_used.mem=6208kb;resources_used.ncpus=2;resources_used.walltime=00:02:00",
        );
        let expected = JobUsage {
            walltime_secs: Some(120),
            cpus: Some(2),
            cpu_secs: Some(100),
            max_memory_bytes: Some(6208 << 10),
        };
        assert_eq!((used.usage, seen.usage), (Some(expected), None));
        for (id, expected) in
            [("5.vm", true), ("4[].vm", true), ("4[2].vm", true), ("4[x].vm", false), ("4[2", false)]
        {
            assert_eq!(is_id_or_task(id), expected, "{id}");
        }
        assert_eq!(task_id("4[].vm", 7).as_deref(), Some("4[7].vm"));
        for (id, expected) in [
            ("5.vm", true),
            ("5", true),
            ("123456789012.pbs-1.example.org", true),
            ("4[].vm", true),
            ("4[2].vm", false),
            ("x.vm", false),
            (".vm", false),
            ("", false),
            ("-W.vm", false),
            ("5.vm;x", false),
        ] {
            assert_eq!(is_id(id), expected, "{id}");
        }
    }
}
