//! What slurmdbd has on record of jobs that are over: how they ended and what they used.

use std::collections::HashMap;

use myksc_core::job::{JobTask, JobUsage};
use serde::Deserialize;
use serde_json::Value;

use super::super::listing;
use super::value::{ExitCode, Number, State, at, number_at};
use crate::scheduler::Observation;
use crate::transport::{Answer, ApiError, List};

/// `/slurmdb/…/jobs`: a record for each job and for each task of an array.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Accounts {
    jobs: List<Value>,
    errors: List<ApiError>,
}

impl Answer for Accounts {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

impl Accounts {
    /// The jobs that are over in all their parts, by number.
    pub(super) fn over(&self) -> HashMap<String, Observation> {
        let ids: Vec<Option<String>> = self.jobs.0.iter().map(id).collect();
        let parts = self
            .jobs
            .0
            .iter()
            .zip(&ids)
            .filter_map(|(job, id)| Some((id.as_deref()?, ended(job, id.as_deref()?))));
        let whole = listing::whole(parts.collect()).into_iter();
        whole.map(|one| (one.scheduler_id.clone(), one)).collect()
    }
}

impl Accounts {
    /// Tasks of arrays that are over, with their arrays.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (String, JobTask)> {
        self.jobs.0.iter().filter_map(task)
    }
}

fn task(job: &Value) -> Option<(String, JobTask)> {
    let number = |path: &str| number_at(job, &[path]).get();
    let array = number("/array/job_id").filter(|id| *id > 0)?.to_string();
    let index = u32::try_from(number("/array/task_id")?).ok()?;
    let (own_id, seen) = (number("/job_id")?.to_string(), ended(job, &array)?);
    let nodes = job["nodes"].as_str().unwrap_or_default();
    Some((array, listing::task(index, &own_id, nodes, &seen)))
}

fn id(job: &Value) -> Option<String> {
    let number = |path: &str| number_at(job, &[path]).get().filter(|id| *id > 0);
    number("/array/job_id").or_else(|| number("/job_id")).map(|id| id.to_string())
}

fn ended(job: &Value, id: &str) -> Option<Observation> {
    let State(state) = State::deserialize(at(job, &["/state/current"])).ok()?;
    let secs = |path: &str| number_at(job, &[path]).get().map(|secs| secs.to_string()).unwrap_or_default();
    let exit = exit_code(job, &state);
    let mut one = listing::ended(id, &state, &exit.text(), &secs("/time/start"), &secs("/time/end"))?;
    if exit.0.is_none() {
        (one.exit_code, one.reason) = (None, one.reason.filter(|why| why.code != "exit_code"));
    }
    Some(Observation { usage: Some(usage(job)), ..one })
}

/// v0.0.38 says "SUCCESS" and 0 of every job that ended by itself, whatever its code, so that a job that failed has none.
fn exit_code(job: &Value, state: &str) -> ExitCode {
    let exit = ExitCode::read(at(job, &["/exit_code"]));
    let is_made_up = state == "FAILED" && exit.0 == Some((0, 0));
    if is_made_up { ExitCode(None) } else { exit }
}

fn usage(job: &Value) -> JobUsage {
    let steps = at(job, &["/steps"]).as_array().map(Vec::as_slice).unwrap_or_default();
    JobUsage {
        walltime_secs: number_at(job, &["/time/elapsed"]).get(),
        cpus: tres(at(job, &["/tres/allocated"]), "cpu").and_then(|cpus| u32::try_from(cpus).ok()),
        cpu_secs: number_at(job, &["/time/total/seconds"]).get(),
        max_memory_bytes: steps.iter().filter_map(step_memory).max(),
    }
}

/// The largest task of a step, times its tasks, as seff of Slurm's contribs has it.
fn step_memory(step: &Value) -> Option<u64> {
    let largest = tres(at(step, &["/tres/requested/max"]), "mem")?;
    let tasks = number_at(step, &["/tasks/count"]).get().unwrap_or(1);
    largest.checked_mul(tasks.max(1))
}

/// How much of a trackable resource there is in a list of them.
fn tres(list: &Value, kind: &str) -> Option<u64> {
    let entry = list.as_array()?.iter().find(|entry| entry["type"] == kind)?;
    match Number::read(&entry["count"]) {
        Number::Of(count) => Some(count),
        Number::Unset | Number::Infinite => None,
    }
}
