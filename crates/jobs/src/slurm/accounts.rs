//! What sacct(1) says of jobs that are over: how they ended and what they used. A job has a line, and each of its steps
//! has one, which alone know of memory.

use myksc_core::job::{JobTask, JobUsage};

use super::listing::{self, SEPARATOR};
use crate::scheduler::Observation;
use crate::script::slurm_time;

pub(super) const FIELDS: [&str; 10] =
    ["JobID", "State", "ExitCode", "Start", "End", "ElapsedRaw", "AllocCPUS", "TotalCPU", "MaxRSS", "NTasks"];

/// What is asked of the tasks of arrays.
pub(super) const TASK_FIELDS: [&str; 7] =
    ["JobID", "JobIDRaw", "State", "ExitCode", "Start", "End", "NodeList"];

/// The tasks of arrays that are over.
pub(super) fn read_tasks(text: &str) -> Vec<(String, JobTask)> {
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(SEPARATOR).collect();
        let [id, own_id, state, exit, start, end, nodes] = fields.as_slice() else { return None };
        let (array, index) = id.split_once('_')?;
        let seen = listing::ended(array, state, exit, start, end)?;
        Some((array.to_owned(), listing::task(index.parse().ok()?, own_id, nodes, &seen)))
    };
    text.lines().filter_map(read).collect()
}

/// What somebody may want to know of a job that the controller has forgotten.
pub(super) const RECORD_FIELDS: &str = "JobID,JobName,Partition,Account,QOS,State,ExitCode,Submit,Start,End,Elapsed,Timelimit,AllocTRES,NodeList,TotalCPU,MaxRSS,Comment";

/// Whether a job is an array: accounting may know some of its tasks and not yet the others.
pub(super) fn is_array(text: &str, id: &str) -> bool {
    text.lines().any(|line| line.strip_prefix(id).is_some_and(|rest| rest.starts_with('_')))
}

/// The jobs that are over; those that accounting thinks active are left out. The tasks of an array are one job.
pub(super) fn read(text: &str) -> Vec<Observation> {
    let mut parts: Vec<(&str, Option<Observation>)> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(SEPARATOR).collect();
        let [id, state, exit, start, end, elapsed, cpus, cpu_time, memory, tasks] = fields.as_slice() else {
            continue;
        };
        if id.contains('.') {
            let usage = parts.last_mut().and_then(|(_, part)| part.as_mut()?.usage.as_mut());
            if let Some(usage) = usage {
                usage.max_memory_bytes = usage.max_memory_bytes.max(step_memory(memory, tasks));
            }
            continue;
        }
        let job = id.split('_').next().unwrap_or_default();
        let usage = JobUsage {
            walltime_secs: elapsed.parse().ok(),
            cpus: cpus.parse().ok(),
            cpu_secs: slurm_time(cpu_time.split('.').next().unwrap_or_default()),
            max_memory_bytes: None,
        };
        let part = listing::ended(job, state, exit, start, end);
        parts.push((job, part.map(|part| Observation { usage: Some(usage), ..part })));
    }
    listing::whole(parts)
}

/// The largest task of a step, times its tasks, as seff of Slurm's contribs has it.
fn step_memory(largest: &str, tasks: &str) -> Option<u64> {
    let tasks = tasks.parse::<u64>().unwrap_or(1);
    bytes(largest)?.checked_mul(tasks)
}

/// `1234K`, `1.5M`, `0`; sacct(1) at "--units".
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = ["", "K", "M", "G", "T", "P"].iter().position(|known| *known == unit)?;
    let number: f64 = number.parse().ok()?;
    let bytes = number * 1024_f64.powi(i32::try_from(power).ok()?);
    // What a cluster can't have is no number of bytes.
    (0.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use myksc_core::Outcome;

    use super::*;

    fn line(fields: &[&str]) -> String {
        fields.join(SEPARATOR)
    }

    #[test]
    fn accounting_says_how_jobs_ended() {
        let cases = [
            ("COMPLETED", "0:0", Some((Outcome::Succeeded, Some(0), None))),
            ("FAILED", "3:0", Some((Outcome::Failed, Some(3), Some("exit_code")))),
            ("FAILED", "0:9", Some((Outcome::Failed, None, Some("killed_by_signal")))),
            ("CANCELLED by 20001", "0:15", Some((Outcome::Cancelled, None, None))),
            ("CANCELLED+", "0:0", Some((Outcome::Cancelled, None, None))),
            ("TIMEOUT", "0:0", Some((Outcome::TimedOut, None, Some("walltime_over")))),
            ("OUT_OF_MEMORY", "0:125", Some((Outcome::OutOfMemory, None, None))),
            ("NODE_FAIL", "0:0", Some((Outcome::NodeFailure, None, None))),
            ("RUNNING", "0:0", None),
            ("PENDING", "0:0", None),
            ("COMPLETED", "zero", None),
        ];
        for (state, exit, expected) in cases {
            let line = line(&["7", state, exit, "1764300000", "1764300009", "9", "4", "00:20.500", "", ""]);
            let read = read(&line).pop();
            let seen = read.as_ref().map(|one| {
                (one.outcome.unwrap(), one.exit_code, one.reason.as_ref().map(|why| why.code.as_str()))
            });
            assert_eq!(seen, expected, "{state} {exit}");
        }
    }

    #[test]
    fn tasks_that_are_over_are_told_one_by_one() {
        let task = |id: &str, own: &str, state: &str, exit: &str| {
            line(&[id, own, state, exit, "1764300000", "1764300060", "n2"])
        };
        let text = [
            task("7_1", "8", "FAILED", "3:0"),
            task("7_2", "9", "RUNNING", "0:0"),
            task("7_[3-9]", "7", "PENDING", "0:0"),
            task("10", "10", "COMPLETED", "0:0"),
            task("x_1", "8", "COMPLETED", "0:0"),
        ];
        let read = read_tasks(&text.join("\n"));
        let [(array, one)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(
            (array.as_str(), one.index, one.exit_code, one.node.as_deref()),
            ("7", 1, Some(3), Some("n2"))
        );
        assert_eq!(one.scheduler_id.as_deref(), Some("8"));
    }

    #[test]
    fn what_a_job_used_comes_from_its_steps() {
        let text = [
            line(&["7", "COMPLETED", "0:0", "1764300000", "1764300600", "600", "4", "00:20:00", "", ""]),
            line(&[
                "7.batch",
                "COMPLETED",
                "0:0",
                "1764300000",
                "1764300600",
                "600",
                "4",
                "00:01.500",
                "2048K",
                "1",
            ]),
            line(&[
                "7.0",
                "COMPLETED",
                "0:0",
                "1764300000",
                "1764300600",
                "590",
                "4",
                "00:19:58",
                "1.5M",
                "4",
            ]),
            line(&["8", "RUNNING", "0:0", "1764300000", "Unknown", "6", "4", "00:00:00", "", ""]),
            line(&["8.batch", "RUNNING", "0:0", "1764300000", "Unknown", "6", "4", "00:00:00", "9G", "1"]),
            line(&[
                "9_x.batch",
                "COMPLETED",
                "0:0",
                "1764300000",
                "1764300600",
                "600",
                "4",
                "1-00:00:00",
                "1G",
                "1",
            ]),
        ];
        let read = read(&text.join("\n"));
        let [job] = read.as_slice() else { panic!("{read:?}") };
        let expected = JobUsage {
            walltime_secs: Some(600),
            cpus: Some(4),
            cpu_secs: Some(1200),
            max_memory_bytes: Some(6 << 20),
        };
        assert_eq!(job.usage, Some(expected));
        for (text, expected) in
            [("", None), ("0", Some(0)), ("x", None), ("-1K", None), ("inf", None), ("2G", Some(2 << 30))]
        {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn an_array_is_over_with_its_last_task_and_ends_as_the_worst_of_them() {
        let task = |id: &str, state: &str, exit: &str, end: &str| {
            line(&[id, state, exit, "1764300000", end, "60", "2", "00:01:00", "", ""])
        };
        let done = |id: &str| task(id, "COMPLETED", "0:0", "1764300060");
        let step = line(&[
            "9_2.batch",
            "FAILED",
            "4:0",
            "1764300000",
            "1764300090",
            "90",
            "2",
            "00:01:00",
            "3M",
            "1",
        ]);
        let text = [done("9_1"), task("9_2", "FAILED", "4:0", "1764300090"), step, done("9_3")];
        let read_one = read(&text.join("\n"));
        let [job] = read_one.as_slice() else { panic!("{read_one:?}") };
        assert_eq!(
            (job.scheduler_id.as_str(), job.outcome, job.exit_code),
            ("9", Some(Outcome::Failed), Some(4))
        );
        assert_eq!(job.ended_at.map(|at| at.as_millis()), Some(1_764_300_090_000));
        let expected = JobUsage {
            walltime_secs: Some(60),
            cpus: Some(6),
            cpu_secs: Some(180),
            max_memory_bytes: Some(3 << 20),
        };
        assert_eq!(job.usage, Some(expected));
        assert!(
            is_array(&text.join("\n"), "9") && !is_array(&done("9"), "9") && !is_array(&done("19_1"), "9")
        );
        let waits = [done("9_1"), task("9_[2-3]", "PENDING", "0:0", "Unknown")];
        assert_eq!(read(&waits.join("\n")), []);
        let well = [done("9_1"), done("9_2"), done("10")];
        let read_two = read(&well.join("\n"));
        assert_eq!(read_two.iter().map(|one| one.outcome).collect::<Vec<_>>(), [Some(Outcome::Succeeded); 2]);
    }
}
