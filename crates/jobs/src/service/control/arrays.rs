//! The tasks of arrays: what a poll says of them, and what has to be asked for because it does not.

use std::collections::HashMap;

use myksc_core::job::{JobArray, JobTask};
use myksc_core::{Job, JobId, JobPhase, Result};
use myksc_store::TaskCounts;

use super::Round;
use crate::scheduler::Observation;
use crate::service::scheduler_error;

type Tasks = HashMap<u32, JobTask>;

impl Round<'_> {
    /// The tasks that stand otherwise than on record, by job.
    pub(super) async fn changed_tasks(
        &self,
        jobs: &[Job],
        seen: &HashMap<String, Observation>,
    ) -> Result<HashMap<JobId, Vec<JobTask>>> {
        let arrays = jobs.iter().filter_map(|job| {
            let (id, array) = (job.scheduler_id.as_ref()?, job.array.as_ref()?);
            Some((job, id, array, seen.get(id)?))
        });
        let arrays: Vec<_> = arrays.collect();
        if arrays.is_empty() {
            return Ok(HashMap::new());
        }
        let mut active = self.inner.store.active_job_tasks(&self.system.id).await?;
        let mut changed = HashMap::new();
        let mut unclear: HashMap<&String, &JobId> = HashMap::new();
        for (job, id, array, observation) in arrays {
            let known = by_index(active.remove(&job.id).unwrap_or_default());
            if is_unclear(array, observation, &known) {
                unclear.insert(id, &job.id);
            }
            let listed = observation.array.as_ref().and_then(|array| array.tasks.clone());
            changed.insert(job.id.clone(), others(listed.unwrap_or_default(), &known));
        }
        let asked: Vec<String> = unclear.keys().map(|&id| id.clone()).collect();
        if asked.is_empty() {
            return Ok(changed);
        }
        for (id, told) in self.system.scheduler.look_up_tasks(&asked).await.map_err(scheduler_error)? {
            let Some(job) = unclear.get(&id) else { continue };
            let known = by_index(self.inner.store.job_tasks(job, 0, u32::MAX).await?);
            changed.entry((*job).clone()).or_default().extend(others(told, &known));
        }
        Ok(changed)
    }
}

fn by_index(tasks: Vec<JobTask>) -> Tasks {
    tasks.into_iter().map(|task| (task.index, task)).collect()
}

/// Those of the tasks that are not known as they are.
fn others(tasks: Vec<JobTask>, known: &Tasks) -> Vec<JobTask> {
    tasks.into_iter().filter(|task| known.get(&task.index) != Some(task)).collect()
}

/// Whether tasks have begun or ended of which the poll does not say how they stand. `known`: those that run, as on
/// record.
fn is_unclear(array: &JobArray, seen: &Observation, known: &Tasks) -> bool {
    let over = array.succeeded.saturating_add(array.failed);
    let Some(now) = &seen.array else { return seen.phase == JobPhase::Ended && over < array.total };
    let Some(tasks) = &now.tasks else {
        return now.waiting != Some(array.waiting) || now.running != array.running;
    };
    let is_gone = |index: &u32| tasks.iter().all(|task| task.index != *index);
    let told = now.waiting.map(|waiting| u64::from(waiting) + tasks.len() as u64 + u64::from(over));
    known.keys().any(is_gone) || told.is_some_and(|told| told < u64::from(array.total))
}

/// The array of a job after what was seen of it.
pub(super) fn counted(array: &JobArray, seen: &Observation, counts: TaskCounts) -> JobArray {
    let over = counts.succeeded.saturating_add(counts.failed);
    let (waiting, running) = match &seen.array {
        Some(now) => {
            let rest = array.total.saturating_sub(over).saturating_sub(now.running);
            (now.waiting.unwrap_or(rest), now.running)
        }
        None if seen.phase == JobPhase::Ended => (0, 0),
        None => (array.waiting, array.running),
    };
    let (succeeded, failed) = (counts.succeeded, counts.failed);
    JobArray { waiting, running, succeeded, failed, ..array.clone() }
}
