//! The jobs service: what the API calls.
//!
//! A change is written down as a row and an intent and answered at once; [`control`] does it, and writes what
//! it sees of the schedulers. Nobody sees or changes another person's job: it is "not found".

mod actions;
mod choices;
mod control;
mod limits;
mod outputs;
mod system;
mod tasks;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use myksc_core::crash::{self, CrashPoint};
use myksc_core::{Error, FieldProblem, Identity, Job, JobId, JobPhase, Result, Timestamp, Translated};
use myksc_store::{JobCursor, JobState, Store};
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::limits::{Asked, Draft};
use self::system::System;
pub use self::tasks::TaskPage;
pub use self::views::{JobPage, Output, ParsedScript, Stream, SystemState, SystemView};
use crate::form::JobForm;
use crate::roots::Roots;
use crate::rules::{SiteOption, SiteRules};
use crate::scheduler::{Queue, Reading, Scheduler, SchedulerError};
use crate::script::output::Ids;
use crate::script::{self, Rendered};
use crate::templates::{self, ScriptTemplate};

/// Area of our intents.
const AREA: &str = "jobs";
const SUBMIT: &str = "submit";

/// Body of an intent about a job on record: who asks, and what for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    #[serde(flatten)]
    who: Identity,
    /// The task of the array.
    #[serde(default)]
    task: Option<u32>,
    /// The walltime from now on.
    #[serde(default)]
    walltime_secs: Option<u64>,
}

/// Jobs of one page.
const PAGE_MAX: u32 = 500;
/// Jobs of one person that are not over; a script that submits itself ends here.
const ACTIVE_MAX: u32 = 1000;

/// Gives a person's roots on the systems.
pub type RootsOf = Arc<dyn Fn(&Identity) -> Roots + Send + Sync>;

/// A system as the operator configured it.
pub struct SystemConfig {
    /// Its id in addresses.
    pub id: String,
    /// Its name for people.
    pub title: Translated,
    /// What runs its jobs.
    pub scheduler: Arc<dyn Scheduler>,
    /// What its site demands.
    pub rules: SiteRules,
}

/// The jobs of all systems; cheap to clone. The work in the background ends with the last clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
    _control: Arc<DropGuard>,
}

struct Inner {
    store: Store,
    systems: BTreeMap<String, System>,
    roots: RootsOf,
}

impl Jobs {
    /// Starts the service: what was left to do is done, and every scheduler is followed.
    #[must_use]
    pub fn start(store: Store, systems: Vec<SystemConfig>, roots: RootsOf) -> Self {
        let systems = systems.into_iter().map(|config| (config.id.clone(), System::new(config))).collect();
        let inner = Arc::new(Inner { store, systems, roots });
        let end = CancellationToken::new();
        for id in inner.systems.keys() {
            let control = control::run(Arc::clone(&inner), id.clone());
            tokio::spawn(end.clone().run_until_cancelled_owned(control));
        }
        Self { inner, _control: Arc::new(end.drop_guard()) }
    }

    /// All systems.
    #[must_use]
    pub fn systems(&self) -> Vec<SystemView> {
        self.inner.systems.values().map(System::view).collect()
    }

    /// The queues of a system.
    ///
    /// # Errors
    /// No such system, or its scheduler does not answer.
    pub async fn queues(&self, system: &str) -> Result<Vec<Queue>> {
        self.inner.system(system)?.queues().await
    }

    /// Makes a script of a form and lists what does not hold.
    ///
    /// # Errors
    /// No such system, or its scheduler does not answer.
    pub async fn render_script(&self, who: &Identity, system: &str, form: &JobForm) -> Result<Rendered> {
        let system = self.inner.system(system)?;
        let queues = system.queues().await?;
        let roots = (self.inner.roots)(who);
        let defaults = match &form.head {
            Some(head) => system.defaults_of(&script::parse(head, system.words(), &roots), &queues),
            None => JobForm::default(),
        };
        let mut rendered = script::render(form, system.words(), &roots, &defaults);
        let asked = Asked::of_form(form);
        if rendered.problems.iter().all(|problem| problem.field != "queue") {
            rendered.problems.extend(asked.problems(&queues));
        }
        rendered.problems.extend(system.rules.reached(Timestamp::now(), Some(form.walltime_secs)));
        Ok(rendered)
    }

    /// Makes a form of a script and lists what does not hold.
    ///
    /// # Errors
    /// No such system, or its scheduler does not answer.
    pub async fn parse_script(&self, who: &Identity, system: &str, script: &str) -> Result<ParsedScript> {
        let system = self.inner.system(system)?;
        let queues = system.queues().await?;
        let parsed = script::parse(script, system.words(), &(self.inner.roots)(who));
        let asked = Asked::of_script(&parsed.directives);
        let mut problems = parsed.problems.clone();
        problems.extend(asked.problems(&queues));
        let (directives, body) = (parsed.head.clone(), parsed.body.clone());
        let defaults = system.defaults_of(&parsed, &queues);
        let form = parsed.into_form(&defaults);
        Ok(ParsedScript { form, directives, body, problems })
    }

    /// The fields that the site adds to a system's form, with what this person may choose.
    ///
    /// # Errors
    /// No such system.
    pub async fn options(&self, who: &Identity, system: &str) -> Result<Vec<SiteOption>> {
        let system = self.inner.system(system)?;
        Ok(system.choices.of(who, &system.rules, system.scheduler.as_ref()).await)
    }

    /// Scripts to begin with, for a system.
    ///
    /// # Errors
    /// No such system, or its scheduler does not answer.
    pub async fn script_templates(&self, system: &str) -> Result<Vec<ScriptTemplate>> {
        let queues = self.inner.system(system)?.queues().await?;
        templates::for_form(&limits::default_form(limits::default_queue(&queues)))
    }

    /// Takes a job: its script's directives are the truth. It is on its way when this returns.
    ///
    /// # Errors
    /// Every field that does not hold, no such system, its scheduler does not answer, or 409 `too_many_jobs`.
    pub async fn submit(&self, who: &Identity, system: &str, script: &str, work_dir: &str) -> Result<Job> {
        self.submit_as(JobId::random(), who, system, script, work_dir).await
    }

    /// Takes a job under an id that the caller chose. Taken again, it gives the job that is there.
    ///
    /// # Errors
    /// As [`Jobs::submit`].
    pub async fn submit_as(
        &self,
        id: JobId,
        who: &Identity,
        system: &str,
        script: &str,
        work_dir: &str,
    ) -> Result<Job> {
        if let Some(job) = self.inner.store.job(&id).await?.filter(|job| job.owner == who.user) {
            return Ok(job);
        }
        let system = self.inner.system(system)?;
        let queues = system.queues().await?;
        let roots = (self.inner.roots)(who);
        let draft =
            Draft::new(id, script, work_dir, &queues, system.words(), &roots).map_err(Error::Invalid)?;
        let mut job = draft.job(who, &system.id).map_err(Error::invalid)?;
        let submission = system.submission_of(&job, draft.script.clone(), &roots)?;
        let problems = system.scheduler.check(who, &submission).await.map_err(scheduler_error)?;
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        self.check_count(who).await?;
        let body = serde_json::to_string(who).map_err(Error::internal)?;
        let mut tx = self.inner.store.begin().await?;
        tx.insert_job(&mut job, &draft.script).await?;
        system.note_unheard(&job.id);
        tx.add_intent(AREA, SUBMIT, job.id.as_str(), &who.user, &body).await?;
        tx.commit().await?;
        crash::point(CrashPoint::SubmitRecorded);
        system.wake.notify_one();
        tracing::info!(job = %job.id, system = system.id, user = who.name, "a job was submitted");
        Ok(job)
    }

    /// Submits the script of an earlier job once more.
    ///
    /// # Errors
    /// As [`Jobs::submit`], or no such job.
    pub async fn resubmit(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.resubmit_as(JobId::random(), who, id).await
    }

    /// Submits the script of an earlier job under an id that the caller chose, as [`Jobs::submit_as`] does.
    ///
    /// # Errors
    /// As [`Jobs::resubmit`].
    pub async fn resubmit_as(&self, new: JobId, who: &Identity, id: &JobId) -> Result<Job> {
        let job = self.get(who, id).await?;
        let script = self.script(who, id).await?;
        self.submit_as(new, who, &job.system, &script, &job.work_dir).await
    }

    /// A person's jobs, the newest first.
    ///
    /// # Errors
    /// A cursor that is none, or the database does not answer.
    pub async fn list(
        &self,
        who: &Identity,
        state: JobState,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<JobPage> {
        let after = cursor.map(parse_cursor).transpose()?;
        let limit = limit.clamp(1, PAGE_MAX);
        // One more tells whether there is a next page.
        let mut items = self.inner.store.jobs_of(&who.user, state, after.as_ref(), limit + 1).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| has_more);
        let next_cursor = last.map(|job| format!("{}.{}", job.submitted_at.as_millis(), job.id));
        Ok(JobPage { items, next_cursor })
    }

    /// One job of a person.
    ///
    /// # Errors
    /// No such job, or the database does not answer.
    pub async fn get(&self, who: &Identity, id: &JobId) -> Result<Job> {
        let job = self.inner.store.job(id).await?;
        job.filter(|job| job.owner == who.user).ok_or_else(|| Error::not_found("job", id))
    }

    /// The script of a job as it was submitted.
    ///
    /// # Errors
    /// As [`Jobs::get`].
    pub async fn script(&self, who: &Identity, id: &JobId) -> Result<String> {
        let job = self.get(who, id).await?;
        let script = self.inner.store.job_script(&job.id).await?.filter(|_| !job.elsewhere);
        script.ok_or_else(|| Error::not_found("script", id))
    }

    /// What the scheduler has on record of a job, in its own words.
    ///
    /// # Errors
    /// As [`Jobs::get`], the scheduler knows the job no more or never did, or it does not answer.
    pub async fn record(&self, who: &Identity, id: &JobId) -> Result<String> {
        let job = self.get(who, id).await?;
        let scheduler_id = job.scheduler_id.as_deref().ok_or_else(|| Error::not_found("record", id))?;
        let scheduler = &self.inner.system(&job.system)?.scheduler;
        scheduler.record(who, scheduler_id).await.map_err(|error| match error {
            SchedulerError::NoSuchJob(_) => Error::not_found("record", id),
            error => scheduler_error(error),
        })
    }

    /// Where to read a stream of a job, or of one task of an array; the bytes are the owner's, so they are read with
    /// her rights.
    ///
    /// # Errors
    /// As [`Jobs::get`], or no such task.
    pub async fn output(
        &self,
        who: &Identity,
        id: &JobId,
        task: Option<u32>,
        stream: Stream,
    ) -> Result<Output> {
        let job = self.get(who, id).await?;
        let Some(index) = task else { return output_of(&job, stream) };
        let task = self.task(&job, index).await?;
        let script = self.inner.store.job_script(&job.id).await?.unwrap_or_default();
        let outputs = self.inner.system(&job.system)?.outputs_of(&job, &script, &(self.inner.roots)(who))?;
        let ids = outputs.ids(job.id.as_str(), job.scheduler_id.as_deref());
        let ids = Ids {
            task: Some(index),
            job: task.scheduler_id.as_deref().filter(|_| outputs.are_named_by_task()).or(ids.job),
            ..ids
        };
        let (stdout, stderr) = outputs.paths(ids).map_err(Error::invalid)?;
        let path = if stream == Stream::Stdout { stdout } else { stderr };
        Ok(Output {
            path: path.parse().map_err(Error::internal)?,
            is_complete: task.phase == JobPhase::Ended,
        })
    }

    /// Reads a stream where the job runs, for a portal that has nobody to read it as its owner; a negative offset
    /// counts from the end.
    ///
    /// # Errors
    /// As [`Jobs::output`], or the system does not answer.
    pub async fn read_output(
        &self,
        who: &Identity,
        id: &JobId,
        output: &Output,
        offset: i64,
        limit: u64,
    ) -> Result<Reading> {
        let job = self.get(who, id).await?;
        let unknown = || Error::not_found("root", output.path.root());
        let path = (self.inner.roots)(who).resolve(&output.path).ok_or_else(unknown)?;
        let scheduler = &self.inner.system(&job.system)?.scheduler;
        scheduler.read_file(who, &path, offset, limit).await.map_err(scheduler_error)
    }

    async fn check_count(&self, who: &Identity) -> Result<()> {
        if self.inner.store.count_active_jobs(&who.user).await? < u64::from(ACTIVE_MAX) {
            return Ok(());
        }
        let params = [("limit".to_owned(), ACTIVE_MAX.into())].into();
        let detail = format!("at most {ACTIVE_MAX} of your jobs may wait or run");
        Err(Error::Conflict { code: "too_many_jobs", params, detail })
    }
}

impl Inner {
    fn system(&self, id: &str) -> Result<&System> {
        self.systems.get(id).ok_or_else(|| Error::not_found("system", id))
    }
}

fn output_of(job: &Job, stream: Stream) -> Result<Output> {
    if job.elsewhere {
        return Err(Error::not_found("output", &job.id));
    }
    let text = match stream {
        Stream::Stdout => &job.stdout_path,
        Stream::Stderr => &job.stderr_path,
    };
    let path = text.parse().map_err(Error::internal)?;
    Ok(Output { path, is_complete: job.phase == JobPhase::Ended })
}

fn parse_cursor(text: &str) -> Result<JobCursor> {
    let parts = text.split_once('.').and_then(|(millis, id)| Some((millis.parse().ok()?, id.parse().ok()?)));
    let problem = || FieldProblem::new("cursor", "cursor_invalid", "not a cursor of this list");
    let (millis, id) = parts.ok_or_else(|| Error::invalid(problem()))?;
    Ok(JobCursor { submitted_at: Timestamp::from_millis(millis), id })
}

fn scheduler_error(error: SchedulerError) -> Error {
    match error {
        SchedulerError::NotAllowed(detail) => Error::Forbidden { code: "identity_not_allowed", detail },
        SchedulerError::NoSuchJob(id) => Error::not_found("job", id),
        other => Error::Unavailable { code: "scheduler_away", detail: other.to_string() },
    }
}
