//! Jobs that people of the portal submitted elsewhere, by the scheduler's own commands: they are taken over from what
//! the poll shows of everybody, and followed like the others.

use std::collections::{HashMap, HashSet};

use myksc_core::job::JobSize;
use myksc_core::{Job, JobId, JobPhase, Result, User};

use super::Round;
use crate::scheduler::{Foreign, Observation};
use crate::service::scheduler_error;

/// Jobs of one round that are asked for; the others come with the next one.
const JOBS_MAX: usize = 500;

impl Round<'_> {
    /// Takes over what is not on record yet. `known`: the scheduler's ids of all jobs that are.
    pub(super) async fn take_in(&self, polled: &[Observation], known: &HashSet<String>) -> Result<()> {
        let strangers = polled.iter().filter(|one| one.login.is_some() && !known.contains(&one.scheduler_id));
        let strangers: Vec<&Observation> = strangers.collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let people: HashMap<String, User> =
            self.inner.store.users().await?.into_iter().map(|user| (user.name.clone(), user)).collect();
        let mut of_people: HashMap<&str, Vec<&Observation>> = HashMap::new();
        for one in strangers {
            let login = one.login.as_deref().filter(|login| people.contains_key(*login));
            let Some(login) = login else { continue };
            if self.system.is_settled(&one.scheduler_id) {
                continue;
            }
            of_people.entry(login).or_default().push(one);
        }
        for (login, jobs) in of_people {
            if let Some(user) = people.get(login) {
                self.take_in_hers(user, &jobs[..jobs.len().min(JOBS_MAX)]).await?;
            }
        }
        Ok(())
    }

    async fn take_in_hers(&self, user: &User, jobs: &[&Observation]) -> Result<()> {
        let ids: Vec<String> = jobs.iter().map(|one| one.scheduler_id.clone()).collect();
        let told = self.system.scheduler.foreign(&user.name, &ids).await.map_err(scheduler_error)?;
        let told: HashMap<&str, &Foreign> = told.iter().map(|one| (one.scheduler_id.as_str(), one)).collect();
        for one in jobs {
            // What is not told of now is asked for again with the next poll.
            let Some(foreign) = told.get(one.scheduler_id.as_str()) else { continue };
            self.system.note_settled(&one.scheduler_id);
            // The portal's own ones come by their intents; and an account that is another person's over there is not hers.
            if foreign.is_ours || foreign.uid != user.uid {
                continue;
            }
            let mut job = job_of(user, &self.system.id, one, foreign);
            if self.inner.store.job(&job.id).await?.is_some() {
                continue;
            }
            let mut tx = self.inner.store.begin().await?;
            tx.insert_job(&mut job, "").await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

fn job_of(user: &User, system: &str, seen: &Observation, foreign: &Foreign) -> Job {
    let submitted_at = foreign.submitted_at;
    // Schedulers begin their numbers anew one day, but not in the same second.
    let moment = submitted_at.as_millis().to_string();
    let nodes = foreign.nodes.max(1);
    Job {
        id: JobId::derived(&["elsewhere", system, &seen.scheduler_id, &moment]),
        owner: user.id.clone(),
        system: system.to_owned(),
        scheduler_id: Some(seen.scheduler_id.clone()),
        queue: foreign.queue.clone(),
        name: foreign.name.clone(),
        phase: JobPhase::Queued,
        phase_raw: None,
        outcome: None,
        exit_code: None,
        reason: None,
        size: JobSize {
            nodes,
            tasks_per_node: (foreign.cpus / nodes).max(1),
            cpus_per_task: 1,
            gpus_per_node: 0,
            memory_bytes: None,
            walltime_secs: foreign.walltime_secs,
        },
        work_dir: String::new(),
        stdout_path: String::new(),
        stderr_path: String::new(),
        submitted_at,
        started_at: seen.started_at,
        ended_at: None,
        expected_start_at: seen.expected_start_at,
        usage: None,
        array: None,
        refusal: None,
        elsewhere: true,
        revision: 0,
    }
}
