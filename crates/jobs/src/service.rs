//! The jobs service: what the API calls.
//!
//! A change is written down as a row and an intent and answered at once; [`control`] does it, and writes what
//! it sees of the schedulers. Nobody sees or changes another person's job: it is "not found".

mod choices;
mod control;
mod limits;
mod outputs;
mod tasks;
mod views;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use myksc_core::crash::{self, CrashPoint};
use myksc_core::error::Params;
use myksc_core::job::JobReason;
use myksc_core::{
    Error, FieldProblem, Identity, Job, JobId, JobPhase, Result, Timestamp, Translated, UserPath,
};
use myksc_store::{JobCursor, JobState, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::choices::Choices;
use self::limits::{Asked, Draft};
use self::outputs::Outputs;
pub use self::tasks::TaskPage;
pub use self::views::{JobPage, Output, ParsedScript, Stream, SystemState, SystemView};
use crate::form::JobForm;
use crate::reason::reason;
use crate::roots::Roots;
use crate::rules::{SiteOption, SiteRules};
use crate::scheduler::{
    About, Action, Capabilities, Place, Queue, Reading, Scheduler, SchedulerError, Submission,
};
use crate::script::output::Ids;
use crate::script::{self, Parsed, Rendered, Words};
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
/// Ids that are kept of jobs that are no news.
const SETTLED_MAX: usize = 100_000;

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

struct System {
    id: String,
    title: Translated,
    scheduler: Arc<dyn Scheduler>,
    rules: SiteRules,
    choices: Choices,
    /// There are new intents.
    wake: Notify,
    /// Jobs of which the scheduler certainly heard nothing yet. Of one that is on its way and not in here, it may
    /// have: the portal was restarted, or an answer was lost.
    unheard: Mutex<HashSet<JobId>>,
    /// The scheduler's ids of jobs that the poll shows and that are no news: of jobs on record, or nobody's here.
    settled: Mutex<HashSet<String>>,
    health: watch::Sender<Health>,
}

#[derive(Debug, Clone, Default)]
struct Health {
    about: Option<About>,
    is_up: bool,
    observed_at: Option<Timestamp>,
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

    /// Asks for the end of a job. Asking twice is no error.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_active` when it is over.
    pub async fn cancel(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Cancel).await
    }

    /// Asks to keep a waiting job from starting.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_queued` when it does not wait.
    pub async fn hold(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Hold).await
    }

    /// Asks to let a held job start.
    ///
    /// # Errors
    /// No such job, or 409 `job_not_held` when it is not held.
    pub async fn release(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Release).await
    }

    /// Asks to stop a running job and let it begin anew.
    ///
    /// # Errors
    /// No such job, 409 `job_not_running`, or its scheduler can't do that.
    pub async fn requeue(&self, who: &Identity, id: &JobId) -> Result<Job> {
        self.ask(who, id, Action::Requeue).await
    }

    /// Asks for another walltime.
    ///
    /// # Errors
    /// No such job, 409 `job_not_active`, 422 `walltime_only_shorter` or `walltime_over_limit`, or its scheduler can't do
    /// that.
    pub async fn set_walltime(&self, who: &Identity, id: &JobId, walltime_secs: u64) -> Result<Job> {
        let job = self.get(who, id).await?;
        let system = self.inner.system(&job.system)?;
        let queues = system.queues().await?;
        let problem = limits::walltime_problem(&job, walltime_secs, &queues, system.view().capabilities);
        match problem {
            Some(problem) => Err(Error::invalid(problem)),
            None => self.ask(who, id, Action::SetWalltime(walltime_secs)).await,
        }
    }

    async fn check_count(&self, who: &Identity) -> Result<()> {
        if self.inner.store.count_active_jobs(&who.user).await? < u64::from(ACTIVE_MAX) {
            return Ok(());
        }
        let params = [("limit".to_owned(), ACTIVE_MAX.into())].into();
        let detail = format!("at most {ACTIVE_MAX} of your jobs may wait or run");
        Err(Error::Conflict { code: "too_many_jobs", params, detail })
    }

    async fn ask(&self, who: &Identity, id: &JobId, action: Action) -> Result<Job> {
        let order = Order { who: who.clone(), task: None, walltime_secs: action.walltime_secs() };
        let body = serde_json::to_string(&order).map_err(Error::internal)?;
        // A row that changes while it is looked at is looked at again.
        let (job, system) = loop {
            let mut job = self.get(who, id).await?;
            check_phase(&job, action)?;
            check_own(&job)?;
            let system = self.inner.system(&job.system)?;
            system.check_can(action)?;
            job.refusal = None;
            if action == Action::Cancel {
                job.reason = Some(being_cancelled());
            }
            let mut tx = self.inner.store.begin().await?;
            if tx.update_job(&mut job).await? {
                tx.add_intent(AREA, action.name(), job.id.as_str(), &who.user, &body).await?;
                tx.commit().await?;
                break (job, system);
            }
        };
        system.wake.notify_one();
        tracing::info!(job = %job.id, action = action.name(), user = who.name, "asked for a job");
        Ok(job)
    }
}

impl Inner {
    fn system(&self, id: &str) -> Result<&System> {
        self.systems.get(id).ok_or_else(|| Error::not_found("system", id))
    }
}

impl System {
    fn new(config: SystemConfig) -> Self {
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

    fn words(&self) -> Words<'_> {
        Words { dialect: self.scheduler.dialect(), rules: &self.rules }
    }

    fn note_unheard(&self, job: &JobId) {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone());
    }

    /// Whether the scheduler certainly heard nothing of this job; asked just before it may hear of it.
    fn take_unheard(&self, job: &JobId) -> bool {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }

    /// Whether a job of the poll was looked at before.
    fn is_settled(&self, scheduler_id: &str) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(scheduler_id)
    }

    fn note_settled(&self, scheduler_id: &str) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.len() >= SETTLED_MAX {
            settled.clear();
        }
        settled.insert(scheduler_id.to_owned());
    }

    fn view(&self) -> SystemView {
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
    fn submission_of(&self, job: &Job, script: String, roots: &Roots) -> Result<Submission> {
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
    fn outputs_of(&self, job: &Job, script: &str, roots: &Roots) -> Result<Outputs> {
        let work_dir = job.work_dir.parse().map_err(Error::internal)?;
        let said = script::parse(script, self.words(), roots).directives;
        Outputs::of(&said, &work_dir, roots, self.scheduler.dialect()).map_err(Error::invalid)
    }

    /// The form with which a script is opened, before what the script says.
    fn defaults_of(&self, parsed: &Parsed, queues: &[Queue]) -> JobForm {
        limits::default_form(Asked::of_script(&parsed.directives).queue(queues))
    }

    /// Whether the scheduler can do that at all, as far as it is known.
    fn check_can(&self, action: Action) -> Result<()> {
        let capabilities = self.view().capabilities;
        let can = match action {
            Action::Requeue => capabilities.requeue,
            Action::SetWalltime(_) => capabilities.shorten,
            Action::Cancel | Action::Hold | Action::Release => true,
        };
        if can {
            return Ok(());
        }
        let detail = "this system does not let people do that with their jobs".to_owned();
        Err(Error::Conflict { code: "action_unknown_here", params: Params::new(), detail })
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        self.scheduler.queues().await.map_err(scheduler_error)
    }
}

/// What was submitted elsewhere is only shown here.
fn check_own(job: &Job) -> Result<()> {
    if !job.elsewhere {
        return Ok(());
    }
    let detail = "the job was submitted elsewhere; change it there".to_owned();
    Err(Error::Conflict { code: "job_elsewhere", params: Params::new(), detail })
}

fn check_phase(job: &Job, action: Action) -> Result<()> {
    let (fits, code, detail) = match action {
        Action::Cancel => (job.phase != JobPhase::Ended, "job_not_active", "the job is over"),
        Action::Hold => (job.phase == JobPhase::Queued, "job_not_queued", "only a waiting job can be held"),
        Action::Release => (job.phase == JobPhase::Held, "job_not_held", "the job is not held"),
        Action::Requeue => {
            let runs = matches!(job.phase, JobPhase::Running | JobPhase::Suspended);
            (runs, "job_not_running", "only a running job can begin anew")
        }
        Action::SetWalltime(_) => (job.phase != JobPhase::Ended, "job_not_active", "the job is over"),
    };
    if fits {
        return Ok(());
    }
    let phase = serde_json::to_value(job.phase).map_err(Error::internal)?;
    Err(Error::Conflict { code, params: [("phase".to_owned(), phase)].into(), detail: detail.to_owned() })
}

const BEING_CANCELLED: &str = "being_cancelled";

fn being_cancelled() -> JobReason {
    reason(BEING_CANCELLED, [], "being cancelled")
}

fn is_being_cancelled(job: &Job) -> bool {
    job.reason.as_ref().is_some_and(|reason| reason.code == BEING_CANCELLED)
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
