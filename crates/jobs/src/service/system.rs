//! One system as the service knows it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use myksc_core::{Error, Job, JobId, Result, Timestamp, Translated, UserPath};
use tokio::sync::{Notify, watch};

use super::choices::Choices;
use super::limits::{self, Asked};
use super::outputs::Outputs;
use super::views::{SystemState, SystemView};
use super::{SystemConfig, scheduler_error};
use crate::form::JobForm;
use crate::roots::Roots;
use crate::rules::SiteRules;
use crate::scheduler::{About, Capabilities, Place, Queue, Scheduler, Submission};
use crate::script::{self, Parsed, Words};

/// Ids that are kept of jobs that are no news.
const SETTLED_MAX: usize = 100_000;

pub(super) struct System {
    pub(super) id: String,
    pub(super) title: Translated,
    pub(super) scheduler: Arc<dyn Scheduler>,
    pub(super) rules: SiteRules,
    pub(super) choices: Choices,
    /// There are new intents.
    pub(super) wake: Notify,
    /// Jobs of which the scheduler certainly heard nothing yet. Of one that is on its way and not in here, it may
    /// have: the portal was restarted, or an answer was lost.
    pub(super) unheard: Mutex<HashSet<JobId>>,
    /// The scheduler's ids of jobs that the poll shows and that are no news: of jobs on record, or nobody's here.
    pub(super) settled: Mutex<HashSet<String>>,
    pub(super) health: watch::Sender<Health>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    pub(super) about: Option<About>,
    pub(super) is_up: bool,
    pub(super) observed_at: Option<Timestamp>,
}

impl System {
    pub(super) fn new(config: SystemConfig) -> Self {
        let SystemConfig { id, title, scheduler, rules } = config;
        Self {
            id,
            title,
            scheduler,
            rules,
            choices: Choices::default(),
            wake: Notify::new(),
            unheard: Mutex::default(),
            settled: Mutex::default(),
            health: watch::Sender::new(Health::default()),
        }
    }

    pub(super) fn words(&self) -> Words<'_> {
        Words { dialect: self.scheduler.dialect(), rules: &self.rules }
    }

    pub(super) fn note_unheard(&self, job: &JobId) {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone());
    }

    /// Whether the scheduler certainly heard nothing of this job; asked just before it may hear of it.
    pub(super) fn take_unheard(&self, job: &JobId) -> bool {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }

    /// Whether a job of the poll was looked at before.
    pub(super) fn is_settled(&self, scheduler_id: &str) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(scheduler_id)
    }

    pub(super) fn note_settled(&self, scheduler_id: &str) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.len() >= SETTLED_MAX {
            settled.clear();
        }
        settled.insert(scheduler_id.to_owned());
    }

    pub(super) fn view(&self) -> SystemView {
        let Health { about, is_up, observed_at } = self.health.borrow().clone();
        let (scheduler, version, capabilities) = match about {
            Some(about) => {
                let memory = about.capabilities.memory && !self.rules.forbidden.contains("mem");
                (about.scheduler, about.version, Capabilities { memory, ..about.capabilities })
            }
            None => (String::new(), String::new(), Capabilities::default()),
        };
        let state = if is_up { SystemState::Up } else { SystemState::Down };
        let (id, title) = (self.id.clone(), self.title.clone());
        SystemView { id, title, scheduler, version, state, capabilities, observed_at }
    }

    /// What is handed to the scheduler for a job on record.
    pub(super) fn submission_of(&self, job: &Job, script: String, roots: &Roots) -> Result<Submission> {
        let path: UserPath = job.work_dir.parse().map_err(Error::internal)?;
        let work_dir = roots.resolve(&path).ok_or_else(|| Error::not_found("root", path.root()))?;
        let outputs = self.outputs_of(job, &script, roots)?;
        let (stdout, stderr) = outputs.for_scheduler(&work_dir, job.id.as_str());
        Ok(Submission {
            tag: job.id.clone(),
            script,
            name: job.name.clone(),
            queue: job.queue.clone(),
            size: job.size.clone(),
            place: Place {
                work_dir: job.work_dir.clone(),
                stdout: job.stdout_path.clone(),
                stderr: job.stderr_path.clone(),
            },
            work_dir,
            stdout,
            stderr,
            submitted_at: job.submitted_at,
        })
    }

    /// Where the output of a job on record goes.
    pub(super) fn outputs_of(&self, job: &Job, script: &str, roots: &Roots) -> Result<Outputs> {
        let work_dir = job.work_dir.parse().map_err(Error::internal)?;
        let said = script::parse(script, self.words(), roots).directives;
        Outputs::of(&said, &work_dir, roots, self.scheduler.dialect()).map_err(Error::invalid)
    }

    /// The form with which a script is opened, before what the script says.
    pub(super) fn defaults_of(&self, parsed: &Parsed, queues: &[Queue]) -> JobForm {
        limits::default_form(Asked::of_script(&parsed.directives).queue(queues))
    }

    pub(super) async fn queues(&self) -> Result<Vec<Queue>> {
        self.scheduler.queues().await.map_err(scheduler_error)
    }
}
