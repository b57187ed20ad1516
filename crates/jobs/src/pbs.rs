//! PBS by its commands, of a cluster that knows nothing of the portal.
//!
//! One poll by the observer serves everybody; only what a person asks for runs as her. A submission carries the
//! portal's id in a variable of the job, by which one whose answer was lost is found. How a job ended is in PBS's
//! history; a server that keeps none (`job_history_enable`) can't tell it.

mod listing;
mod queues;
mod records;
mod refusal;
mod tag;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::job::JobTask;
use myksc_core::{FieldProblem, Identity, octets};
use tokio::sync::watch;

use self::records::SEPARATOR;
use crate::commands::{Act, Commands, CommandsConfig, text, utf8, words};
use crate::follow::Follow;
use crate::scheduler::{
    About, Action, Capabilities, Foreign, LookUp, Observation, Queue, Reading, Recalled, Scheduler,
    SchedulerError, Submission,
};
use crate::script::Dialect;
use crate::script::value::format_walltime;
use crate::transport::Output;

const SUBMIT_DEADLINE: Duration = Duration::from_secs(60);
/// Somebody waits at the form.
const CHECK_DEADLINE: Duration = Duration::from_secs(10);
const ACT_DEADLINE: Duration = Duration::from_secs(30);
/// Ids in one command.
const IDS_MAX: usize = 100;
/// Variables by which a site or a person changes what the commands do.
const UNSET: [&str; 4] =
    ["PBS_DEFAULT", "PBS_DPREFIX", "PBS_QSTAT_EXECVNODE_PRECEDENCE", "PBS_SERVER_CLUSTER"];
/// The commands write times in the zone of their own process.
const SET: [&str; 2] = ["LC_ALL=C.UTF-8", "TZ=UTC"];

/// The scheduler of a PBS cluster.
pub struct Pbs {
    commands: Commands,
    follow: Follow,
}

impl Pbs {
    /// Begins to follow the cluster.
    #[must_use]
    pub fn start(config: CommandsConfig) -> Self {
        let follow = Follow::start(config.poll_every);
        Self { commands: Commands::new(config, &UNSET, &SET), follow }
    }

    async fn poll_now(&self) -> Result<Vec<Observation>, SchedulerError> {
        let listed = self.commands.ask(&["qstat", "-f", "-F", "dsv", "-D", SEPARATOR]).await?;
        if !self.follow.has_fresh_queues() {
            let queues = self.commands.ask(&["qstat", "-Q", "-f", "-F", "dsv", "-D", SEPARATOR]).await?;
            let server = self.commands.ask(&["qstat", "-B", "-f", "-F", "dsv", "-D", SEPARATOR]).await?;
            // A site may keep its nodes to itself.
            let nodes = self.commands.observe(&["pbsnodes", "-a", "-F", "dsv", "-D", SEPARATOR]).await?;
            self.follow.keep_queues(queues::queues(&queues, &server, &text(&nodes.stdout)));
        }
        Ok(listing::jobs(&listed).iter().map(listing::observation).collect())
    }

    /// The job that an earlier try made, ended ones included where the server remembers them.
    async fn find(&self, who: &Identity, tag: &str) -> Result<Option<String>, SchedulerError> {
        let mut ids = Vec::new();
        for argv in [&["qselect", "-u", &who.name][..], &["qselect", "-x", "-u", &who.name]] {
            let output = self.commands.read(who, argv).await?;
            if output.exit_code != Some(0) {
                return Err(SchedulerError::Unreached(words(&output, "qselect")));
            }
            let listed = text(&output.stdout);
            ids.extend(listed.lines().map(str::trim).filter(|id| listing::is_id(id)).map(str::to_owned));
        }
        ids.sort_unstable();
        ids.dedup();
        for some in ids.chunks(IDS_MAX) {
            let mut argv = vec!["qstat", "-x", "-f", "-F", "dsv", "-D", SEPARATOR];
            argv.extend(some.iter().map(String::as_str));
            let output = self.commands.read(who, &argv).await?;
            let jobs = listing::jobs(&text(&output.stdout));
            if let Some(job) = jobs.into_iter().find(|job| tag::is_in(job.get("Variable_List"), tag)) {
                return Ok(Some(job.name));
            }
        }
        Ok(None)
    }

    async fn submit_once(&self, who: &Identity, submission: &Submission) -> Result<String, SchedulerError> {
        let tag = tag::of(&submission.tag);
        if let Some(id) = self.find(who, &tag).await? {
            return Ok(id);
        }
        // Output is to be written where it belongs while the job runs; not every version can do that.
        let mut output = self.hand_over(who, submission, &tag, &["-k", "oed"]).await?;
        if output.exit_code != Some(0) && refusal::is_of_live_output(&output) {
            output = self.hand_over(who, submission, &tag, &[]).await?;
        }
        if output.exit_code != Some(0) {
            return Err(refusal::of_submission(&output));
        }
        let answer = text(&output.stdout);
        let id = answer.lines().last().unwrap_or_default().trim();
        if !listing::is_id(id) {
            return Err(SchedulerError::Away(format!("qsub answers {answer:?}")));
        }
        self.follow.note_change();
        Ok(id.to_owned())
    }

    async fn hand_over(
        &self,
        who: &Identity,
        submission: &Submission,
        tag: &str,
        options: &[&str],
    ) -> Result<Output, SchedulerError> {
        let variables = tag::variables(&submission.script, tag);
        // It would else leave a process behind that holds the connection, qsub(1B) at `-f`.
        let mut argv = vec!["qsub", "-f", "-v", &variables, "-o", utf8(&submission.stdout)?];
        match submission.stderr.as_deref() {
            Some(stderr) => argv.extend(["-j", "n", "-e", utf8(stderr)?]),
            None => argv.extend(["-j", "oe"]),
        }
        argv.extend(options);
        let act = Act {
            argv,
            work_dir: Some(utf8(&submission.work_dir)?),
            stdin: octets::to_bytes(&submission.script),
            deadline: SUBMIT_DEADLINE,
        };
        self.commands.run(who, act).await
    }

    /// PBS tries nothing out; but whoever has no account there is told at the form.
    async fn check_account(&self, who: &Identity) -> Result<Vec<FieldProblem>, SchedulerError> {
        match self.commands.run(who, Act::plain(vec!["qstat", "--version"], CHECK_DEADLINE)).await {
            Err(error @ SchedulerError::NotAllowed(_)) => Err(error),
            _ => Ok(Vec::new()),
        }
    }

    async fn look_for(&self, ids: &[String]) -> Result<LookUp, SchedulerError> {
        let mut found = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let mut argv = vec!["qstat", "-x", "-f", "-F", "dsv", "-D", SEPARATOR];
            argv.extend(some.iter().map(String::as_str));
            // It fails when one of them is unknown, and tells of the others all the same.
            let output = self.commands.observe(&argv).await?;
            found.extend(listing::jobs(&text(&output.stdout)).iter().map(listing::observation));
        }
        let known: HashSet<&str> = found.iter().map(|one: &Observation| one.scheduler_id.as_str()).collect();
        let unsettled = ids.iter().filter(|id| !known.contains(id.as_str())).cloned().collect();
        Ok(self.follow.settle(found, unsettled))
    }

    async fn look_for_tasks(
        &self,
        arrays: &[String],
    ) -> Result<HashMap<String, Vec<JobTask>>, SchedulerError> {
        let mut tasks: HashMap<String, Vec<JobTask>> = HashMap::new();
        let ids: Vec<&str> = arrays.iter().map(String::as_str).filter(|id| listing::is_id(id)).collect();
        for some in ids.chunks(IDS_MAX) {
            let mut argv = vec!["qstat", "-x", "-t", "-f", "-F", "dsv", "-D", SEPARATOR];
            argv.extend(some);
            let output = self.commands.observe(&argv).await?;
            for (array, task) in listing::tasks(&text(&output.stdout)) {
                tasks.entry(array).or_default().push(task);
            }
        }
        Ok(tasks)
    }

    /// PBS tells no number of an account, so the login node is asked for it.
    async fn foreign_of(&self, login: &str, ids: &[String]) -> Result<Vec<Foreign>, SchedulerError> {
        let said = self.commands.observe(&["id", "-u", "--", login]).await?;
        let Ok(uid) = text(&said.stdout).trim().parse::<u32>() else { return Ok(Vec::new()) };
        let mut foreign = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let mut argv = vec!["qstat", "-x", "-f", "-F", "dsv", "-D", SEPARATOR];
            argv.extend(some.iter().map(String::as_str));
            let output = self.commands.observe(&argv).await?;
            let jobs = listing::jobs(&text(&output.stdout));
            foreign.extend(jobs.iter().filter_map(|job| listing::foreign(job, uid)));
        }
        Ok(foreign)
    }

    async fn record_of(&self, who: &Identity, id: &str) -> Result<String, SchedulerError> {
        if !listing::is_id(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let shown = self.commands.read(who, &["qstat", "-x", "-f", "-w", id]).await?;
        match shown.exit_code {
            Some(0) => Ok(text(&shown.stdout)),
            _ => Err(refusal::of_action(&shown, "qstat", id)),
        }
    }

    async fn change(&self, who: &Identity, id: &str, action: Action) -> Result<(), SchedulerError> {
        if !listing::is_id_or_task(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let walltime = action.walltime_secs().map(|secs| format!("walltime={}", format_walltime(secs)));
        let argv = match action {
            Action::Cancel => vec!["qdel", id],
            Action::Hold => vec!["qhold", id],
            Action::Release => vec!["qrls", id],
            Action::Requeue => vec!["qrerun", id],
            Action::SetWalltime(_) => vec!["qalter", "-l", walltime.as_deref().unwrap_or_default(), id],
        };
        let program = argv[0];
        let output = self.commands.run(who, Act::plain(argv, ACT_DEADLINE)).await?;
        self.follow.note_change();
        match (output.exit_code, action) {
            (Some(0), _) => Ok(()),
            (_, Action::SetWalltime(_)) => Err(refusal::of_walltime(&output, id)),
            _ => Err(refusal::of_action(&output, program, id)),
        }
    }
}

impl Scheduler for Pbs {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        async move {
            let said = self.commands.ask(&["qstat", "--version"]).await?;
            let version = said.trim().rsplit('=').next().unwrap_or_default().trim();
            Ok(About {
                scheduler: "pbs".to_owned(),
                version: version.to_owned(),
                capabilities: Capabilities {
                    hold: true,
                    memory: true,
                    several_nodes: true,
                    record: true,
                    arrays: true,
                    // qrerun(1B) is for operators.
                    requeue: false,
                    shorten: true,
                    lengthen: true,
                },
            })
        }
        .boxed()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Pbs
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.follow.queues().boxed()
    }

    fn check<'a>(
        &'a self,
        who: &'a Identity,
        _: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>> {
        self.check_account(who).boxed()
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
        listing::task_id(array, index)
    }

    fn foreign<'a>(
        &'a self,
        login: &'a str,
        scheduler_ids: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Foreign>, SchedulerError>> {
        self.foreign_of(login, scheduler_ids).boxed()
    }

    fn recall(&self, _known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        // PBS gives nobody the script back.
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
