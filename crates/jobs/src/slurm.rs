//! Slurm by its commands, of a cluster that knows nothing of the portal.
//!
//! One poll by the observer serves everybody; only what a person asks for runs as her. The texts of other people
//! (names, comments) are asked for nowhere: a poll reads numbers, states and partitions alone, so that nobody can write
//! a line that means another one's job. A submission carries the portal's id in the job's comment, by which one whose
//! answer was lost is found.

mod accounts;
mod listing;
mod partitions;
mod refusal;
mod rest;
mod tag;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::job::JobTask;
use myksc_core::{FieldProblem, Identity, octets};
use tokio::sync::watch;

use self::listing::{Listed, SEPARATOR};
pub use self::rest::{ApiVersion, ApiVersionError, SlurmRest, SlurmRestConfig};
use crate::commands::{Act, Commands, CommandsConfig, text, utf8, words};
use crate::follow::Follow;
use crate::reason::reason;
use crate::scheduler::{
    About, Action, Capabilities, Foreign, LookUp, Observation, Queue, Reading, Recalled, Scheduler,
    SchedulerError, Submission,
};
use crate::script::Dialect;
use crate::transport::Output;

/// sbatch(1) itself tries for two minutes where the controller takes nothing for now.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(150);
/// Somebody waits at the form for what speaks against a submission.
const CHECK_DEADLINE: Duration = Duration::from_secs(10);
const ACT_DEADLINE: Duration = Duration::from_secs(30);
/// Ids in one command.
const IDS_MAX: usize = 100;
/// Jobs of one round that accounting does not know and the controller is asked for, one by one.
const SINGLE_MAX: usize = 20;
/// Variables by which a site or a person changes what the commands print or do.
const UNSET: [&str; 12] = [
    "SQUEUE_FORMAT",
    "SQUEUE_FORMAT2",
    "SQUEUE_STATES",
    "SQUEUE_USERS",
    "SQUEUE_SORT",
    "SQUEUE_PARTITION",
    "SACCT_FORMAT",
    "SINFO_FORMAT",
    "SINFO_PARTITION",
    "SLURM_CLUSTERS",
    "SBATCH_EXPORT",
    "SBATCH_PARTITION",
];

/// Lists of tasks that wait are cut at this length.
const SET: [&str; 3] = ["LC_ALL=C.UTF-8", "SLURM_TIME_FORMAT=%s", "SLURM_BITSTR_LEN=1024"];

/// The scheduler of a Slurm cluster.
pub struct Slurm {
    commands: Commands,
    follow: Follow,
}

impl Slurm {
    /// Begins to follow the cluster.
    #[must_use]
    pub fn start(config: CommandsConfig) -> Self {
        let follow = Follow::start(config.poll_every);
        Self { commands: Commands::new(config, &UNSET, &SET), follow }
    }

    async fn poll_now(&self) -> Result<Vec<Observation>, SchedulerError> {
        let format = listing::POLL_FIELDS.join(SEPARATOR);
        let listed =
            self.commands.ask(&["squeue", "-h", "-a", "-t", listing::ACTIVE_STATES, "-o", &format]).await;
        let listed = listing::read(&listed?);
        self.look_at_partitions(&listed).await?;
        Ok(listing::observations(&listed))
    }

    async fn look_at_partitions(&self, listed: &[Listed]) -> Result<(), SchedulerError> {
        if self.follow.has_fresh_queues() {
            return Ok(());
        }
        let shown = self.commands.ask(&["scontrol", "-o", "show", "partition"]).await?;
        let format = partitions::NODE_FIELDS.map(|field| format!("{field}:{SEPARATOR}")).join(",");
        let nodes = self.commands.ask(&["sinfo", "-h", "-O", &format]).await?;
        self.follow.keep_queues(partitions::queues(&shown, &nodes, listed));
        Ok(())
    }

    /// The job that an earlier try made.
    async fn find(&self, who: &Identity, tag: &str) -> Result<Option<String>, SchedulerError> {
        let format = format!("%F{SEPARATOR}%k");
        let argv = ["squeue", "-h", "-a", "-t", "all", "-u", &who.name, "-o", &format];
        let output = self.commands.read(who, &argv).await?;
        if output.exit_code != Some(0) {
            return Err(SchedulerError::Unreached(words(&output, "squeue")));
        }
        let ours = |line: &str| {
            let (id, comment) = line.split_once(SEPARATOR)?;
            (tag::is_in(comment, tag) && listing::is_id(id)).then(|| id.to_owned())
        };
        Ok(text(&output.stdout).lines().find_map(ours))
    }

    async fn hand_over(
        &self,
        who: &Identity,
        submission: &Submission,
        options: &[&str],
        deadline: Duration,
    ) -> Result<Output, SchedulerError> {
        let work_dir = utf8(&submission.work_dir)?;
        let stdout = format!("--output={}", file_pattern(&submission.stdout)?);
        let stderr = submission.stderr.as_deref().map(file_pattern).transpose()?;
        let stderr = stderr.map(|path| format!("--error={path}"));
        let mut argv = vec!["sbatch", "--parsable", "--ignore-pbs", "--export=NONE", "-D", work_dir, &stdout];
        argv.extend(stderr.as_deref());
        argv.extend(options);
        let stdin = octets::to_bytes(&submission.script);
        self.commands.run(who, Act { argv, work_dir: None, stdin, deadline }).await
    }

    async fn submit_once(&self, who: &Identity, submission: &Submission) -> Result<String, SchedulerError> {
        let tag = tag::of(&submission.tag);
        if let Some(id) = self.find(who, &tag).await? {
            return Ok(id);
        }
        let comment = format!("--comment={}", tag::comment(&submission.script, &tag));
        let output = self.hand_over(who, submission, &[&comment], SUBMIT_DEADLINE).await?;
        if output.exit_code != Some(0) {
            return Err(refusal::of_submission(&output));
        }
        // `--parsable` puts the cluster's name behind the id.
        let answer = text(&output.stdout);
        let id = answer.lines().last().unwrap_or_default().split(';').next().unwrap_or_default();
        if !listing::is_id(id) {
            return Err(SchedulerError::Away(format!("sbatch answers {answer:?}")));
        }
        self.follow.note_change();
        Ok(id.to_owned())
    }

    /// What the controller says against a submission, without making one.
    async fn test_only(
        &self,
        who: &Identity,
        submission: &Submission,
    ) -> Result<Vec<FieldProblem>, SchedulerError> {
        let output = match self.hand_over(who, submission, &["--test-only"], CHECK_DEADLINE).await {
            Ok(output) if output.exit_code == Some(0) => return Ok(Vec::new()),
            Ok(output) => output,
            // It is asked again when the job is handed over.
            Err(SchedulerError::Away(_) | SchedulerError::Unreached(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        match refusal::of_submission(&output) {
            SchedulerError::Refused(why) => {
                let problem = FieldProblem::new("script", "scheduler_refuses", why.detail.clone());
                Ok(vec![problem.with("detail", why.detail)])
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn look_for(&self, ids: &[String]) -> Result<LookUp, SchedulerError> {
        let mut found: HashMap<String, Observation> = HashMap::new();
        let mut in_doubt: Vec<&String> = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let format = format!("--format={}", accounts::FIELDS.join(","));
            let delimiter = format!("--delimiter={SEPARATOR}");
            let joined = some.join(",");
            let argv = ["sacct", "-n", "-P", "-a", "-j", &joined, &delimiter, &format];
            // Without accounting it says so and fails; the controller is asked then.
            let said = text(&self.commands.observe(&argv).await?.stdout);
            found.extend(accounts::read(&said).into_iter().map(|one| (one.scheduler_id.clone(), one)));
            // Accounting learns of an array task by task, and the first looks like a job by itself.
            let format = listing::ARRAY_FIELDS.join(SEPARATOR);
            let argv = ["squeue", "-h", "-a", "-t", "all", "-j", &joined, "-o", &format];
            let arrays = listing::arrays(&text(&self.commands.observe(&argv).await?.stdout));
            in_doubt.extend(some.iter().filter(|id| {
                !found.contains_key(*id) || arrays.contains(*id) || accounts::is_array(&said, id)
            }));
        }
        let later = in_doubt.split_off(in_doubt.len().min(SINGLE_MAX));
        later.iter().for_each(|id| drop(found.remove(*id)));
        let mut missed = HashSet::new();
        for id in in_doubt {
            let said = text(&self.commands.observe(&["scontrol", "-o", "show", "job", id]).await?.stdout);
            let accounted = found.remove(id);
            let one = match listing::read_job(id, &said) {
                Some(seen) => Some(Observation { usage: accounted.and_then(|one| one.usage), ..seen }),
                // The controller knows of tasks that are not over.
                None if listing::knows(id, &said) => None,
                None => accounted,
            };
            match one {
                Some(one) => drop(found.insert(id.clone(), one)),
                None => drop(missed.insert(id.clone())),
            }
        }
        let mut seen = self.follow.settle(found.into_values().collect(), missed);
        // They were not asked for, so nothing speaks against them.
        seen.unsettled.extend(later.into_iter().cloned());
        Ok(seen)
    }

    /// Tasks that are over, by accounting and by the controller as long as it remembers.
    async fn look_for_tasks(
        &self,
        arrays: &[String],
    ) -> Result<HashMap<String, Vec<JobTask>>, SchedulerError> {
        let mut tasks: HashMap<String, Vec<JobTask>> = HashMap::new();
        let format = format!("--format={}", accounts::TASK_FIELDS.join(","));
        let delimiter = format!("--delimiter={SEPARATOR}");
        for some in arrays.chunks(IDS_MAX) {
            let argv = ["sacct", "-n", "-P", "-a", "-X", "-j", &some.join(","), &delimiter, &format];
            for (array, task) in accounts::read_tasks(&text(&self.commands.observe(&argv).await?.stdout)) {
                tasks.entry(array).or_default().push(task);
            }
        }
        // Accounting learns of an end some time after the controller, which forgets it some time after that.
        for id in arrays.iter().filter(|id| listing::is_id(id)).take(SINGLE_MAX) {
            let said = self.commands.observe(&["scontrol", "-o", "show", "job", id]).await?;
            let own = tasks.entry(id.clone()).or_default();
            let accounted: HashSet<u32> = own.iter().map(|task| task.index).collect();
            let told = listing::read_tasks(&text(&said.stdout)).into_iter();
            let news = told.filter(|(array, task)| array == id && !accounted.contains(&task.index));
            own.extend(news.map(|(_, task)| task));
        }
        Ok(tasks)
    }

    async fn foreign_of(&self, login: &str) -> Result<Vec<Foreign>, SchedulerError> {
        let format = listing::FOREIGN_FIELDS.join(SEPARATOR);
        let told =
            self.commands.ask(&["squeue", "-h", "-a", "-t", "all", "-u", login, "-o", &format]).await?;
        Ok(listing::foreign(&told))
    }

    /// The controller's record, or that of accounting once the controller has forgotten the job.
    async fn record_of(&self, who: &Identity, id: &str) -> Result<String, SchedulerError> {
        if !listing::is_id(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        // For people, in contrast to what is read here.
        let times = "SLURM_TIME_FORMAT=standard";
        let shown = self.commands.read(who, &["env", times, "scontrol", "show", "job", id]).await?;
        if shown.exit_code == Some(0) {
            return Ok(text(&shown.stdout));
        }
        let fields = format!("--format={}", accounts::RECORD_FIELDS);
        let kept = self.commands.read(who, &["env", times, "sacct", "-P", "-j", id, &fields]).await?;
        let kept_text = text(&kept.stdout);
        // Its first line names the fields.
        if kept.exit_code == Some(0) && kept_text.lines().count() > 1 {
            return Ok(kept_text);
        }
        Err(refusal::of_action(&shown, id, Action::Cancel))
    }

    async fn change(&self, who: &Identity, id: &str, action: Action) -> Result<(), SchedulerError> {
        if !listing::is_id_or_task(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let (of_job, limit) = (format!("JobId={id}"), action.walltime_secs().map(minutes));
        let argv = match action {
            Action::Cancel => vec!["scancel", "-v", id],
            Action::Hold => vec!["scontrol", "hold", id],
            Action::Release => vec!["scontrol", "release", id],
            Action::Requeue => vec!["scontrol", "requeue", id],
            Action::SetWalltime(_) => {
                vec!["scontrol", "update", &of_job, limit.as_deref().unwrap_or_default()]
            }
        };
        let output = self.commands.run(who, Act::plain(argv, ACT_DEADLINE)).await?;
        self.follow.note_change();
        if output.exit_code == Some(0) { Ok(()) } else { Err(refusal::of_action(&output, id, action)) }
    }
}

/// A limit for scontrol(1), in whole minutes: Slurm counts no seconds.
fn minutes(secs: u64) -> String {
    format!("TimeLimit={}", secs.div_ceil(60))
}

/// What people may do with their jobs on Slurm.
const CAPABILITIES: Capabilities = Capabilities {
    hold: true,
    memory: true,
    several_nodes: true,
    record: true,
    arrays: true,
    requeue: true,
    shorten: true,
    // Slurm lets operators alone lengthen it.
    lengthen: false,
};

/// Slurm's name for a task of an array.
fn task_id(array: &str, index: u32) -> String {
    format!("{array}_{index}")
}

impl Scheduler for Slurm {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        async move {
            let said = self.commands.ask(&["sbatch", "--version"]).await?;
            Ok(About {
                scheduler: "slurm".to_owned(),
                version: said.trim().trim_start_matches("slurm").trim_start_matches("-wlm").trim().to_owned(),
                capabilities: CAPABILITIES,
            })
        }
        .boxed()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Slurm
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.follow.queues().boxed()
    }

    fn check<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>> {
        self.test_only(who, submission).boxed()
    }

    fn submit<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        self.submit_once(who, submission).boxed()
    }

    fn act<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<(), SchedulerError>> {
        self.change(who, scheduler_id, action).boxed()
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Observation>, SchedulerError>> {
        self.follow.poll(self.poll_now()).boxed()
    }

    fn look_up<'a>(&'a self, scheduler_ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>> {
        self.look_for(scheduler_ids).boxed()
    }

    fn look_up_tasks<'a>(
        &'a self,
        arrays: &'a [String],
    ) -> BoxFuture<'a, Result<HashMap<String, Vec<JobTask>>, SchedulerError>> {
        self.look_for_tasks(arrays).boxed()
    }

    fn task_id(&self, array: &str, index: u32) -> Option<String> {
        Some(task_id(array, index))
    }

    fn foreign<'a>(
        &'a self,
        login: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Foreign>, SchedulerError>> {
        self.foreign_of(login).boxed()
    }

    fn recall(&self, _known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        // Slurm keeps no script and no place in the portal's words for us.
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn record<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        self.record_of(who, scheduler_id).boxed()
    }

    fn ask<'a>(
        &'a self,
        who: &'a Identity,
        argv: &'a [String],
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        self.commands.ask_as(who, argv).boxed()
    }

    fn read_file<'a>(
        &'a self,
        who: &'a Identity,
        path: &'a Path,
        offset: i64,
        limit: u64,
    ) -> BoxFuture<'a, Result<Reading, SchedulerError>> {
        self.commands.read_file(who, path, offset, limit).boxed()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.follow.changes()
    }
}

/// A file's name for Slurm, sbatch(1) at "FILENAME PATTERN".
fn file_pattern(path: &Path) -> Result<&str, SchedulerError> {
    let path = utf8(path)?;
    if path.contains('\\') {
        let detail = "Slurm takes a backslash in an output file's path for an order; choose another name";
        return Err(SchedulerError::Refused(reason("refused", [], detail)));
    }
    Ok(path)
}
