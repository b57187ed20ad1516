//! Slurm by its commands, of a cluster that knows nothing of the portal.
//!
//! One poll by the observer serves everybody; only what a person asks for runs as her. The texts of other people
//! (names, comments) are asked for nowhere: a poll reads numbers, states and partitions alone, so that nobody can write
//! a line that means another one's job. A submission carries the portal's id in the job's comment, by which one whose
//! answer was lost is found.

mod listing;
mod lost;
mod partitions;
mod refusal;
mod tag;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::{FieldProblem, Identity};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::listing::{Listed, SEPARATOR};
use self::lost::Misses;
use crate::reason::reason;
use crate::scheduler::{
    About, Action, Capabilities, LookUp, Observation, Queue, Recalled, Scheduler, SchedulerError, Submission,
};
use crate::script::Dialect;
use crate::transport::{Command, Output, Transport, TransportError};

/// A command that only reads.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// sbatch(1) itself tries for two minutes where the controller takes nothing for now.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(150);
/// Somebody waits at the form for what speaks against a submission.
const CHECK_DEADLINE: Duration = Duration::from_secs(10);
/// Enough for 100,000 jobs of a poll.
const OUTPUT_BYTES_MAX: usize = 16 << 20;
/// The least time between two polls.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// How old the partitions may get before a poll asks for them, too.
const PARTITIONS_AGE: Duration = Duration::from_secs(30);
/// How long somebody waits for the partitions that nobody has seen yet.
const FIRST_PARTITIONS: Duration = Duration::from_secs(10);
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

/// What a Slurm cluster is reached by.
pub struct SlurmConfig {
    /// Runs its commands.
    pub transport: Arc<dyn Transport>,
    /// Whose commands look at everybody's jobs: an ordinary account.
    pub observer: Identity,
    /// Further variables for the commands, for example `SLURM_CONF`.
    pub environment: Vec<(String, String)>,
    /// Time between two polls.
    pub poll_every: Duration,
}

/// The scheduler of a Slurm cluster.
pub struct Slurm {
    config: SlurmConfig,
    changed: watch::Sender<u64>,
    partitions: watch::Sender<Option<Partitions>>,
    polled_at: Mutex<Option<Instant>>,
    misses: Mutex<Misses>,
    /// Ends the clock when the scheduler goes.
    _clock: DropGuard,
}

struct Partitions {
    queues: Vec<Queue>,
    seen_at: Instant,
}

impl Slurm {
    /// Begins to follow the cluster.
    #[must_use]
    pub fn start(config: SlurmConfig) -> Self {
        let (changed, _) = watch::channel(0);
        let end = CancellationToken::new();
        let (ticks, pause) = (changed.clone(), config.poll_every);
        let clock = async move {
            loop {
                tokio::time::sleep(pause).await;
                ticks.send_modify(|count| *count += 1);
            }
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(clock));
        Self {
            config,
            changed,
            partitions: watch::Sender::new(None),
            polled_at: Mutex::default(),
            misses: Mutex::default(),
            _clock: end.drop_guard(),
        }
    }

    /// Runs a command of Slurm's as somebody.
    async fn run(&self, who: &Identity, argv: &[&str]) -> Result<Output, SchedulerError> {
        self.run_with(who, argv, Vec::new(), READ_DEADLINE).await
    }

    async fn run_with(
        &self,
        who: &Identity,
        argv: &[&str],
        stdin: Vec<u8>,
        deadline: Duration,
    ) -> Result<Output, SchedulerError> {
        let mut all = vec!["env".to_owned()];
        all.extend(UNSET.iter().flat_map(|name| ["-u".to_owned(), (*name).to_owned()]));
        all.extend(["LC_ALL=C.UTF-8".to_owned(), "SLURM_TIME_FORMAT=%s".to_owned()]);
        all.extend(self.config.environment.iter().map(|(name, value)| format!("{name}={value}")));
        all.extend(argv.iter().map(|&word| word.to_owned()));
        let command = Command { argv: all, stdin, deadline, output_bytes_max: OUTPUT_BYTES_MAX };
        let output =
            self.config.transport.run(who, &command).await.map_err(|error| transport_error(&error))?;
        if output.is_cut {
            return Err(SchedulerError::Away(format!("{}: its answer is too long", argv[0])));
        }
        Ok(output)
    }

    /// What a command that has to succeed prints, as the observer.
    async fn ask(&self, argv: &[&str]) -> Result<String, SchedulerError> {
        let output = self.run(&self.config.observer, argv).await?;
        match output.exit_code {
            Some(0) => Ok(text(&output.stdout)),
            _ => Err(SchedulerError::Away(refusal::words(&output, argv[0]))),
        }
    }

    async fn poll_now(&self) -> Result<Vec<Observation>, SchedulerError> {
        let last = *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last {
            tokio::time::sleep_until(last + POLL_PAUSE).await;
        }
        let format = listing::POLL_FIELDS.join(SEPARATOR);
        let listed = self.ask(&["squeue", "-h", "-a", "-t", listing::ACTIVE_STATES, "-o", &format]).await;
        *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let listed = listing::read(&listed?);
        self.look_at_partitions(&listed).await?;
        Ok(listing::observations(&listed))
    }

    async fn look_at_partitions(&self, listed: &[Listed]) -> Result<(), SchedulerError> {
        let is_fresh = |seen: &Partitions| seen.seen_at.elapsed() < PARTITIONS_AGE;
        if self.partitions.borrow().as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        let shown = self.ask(&["scontrol", "-o", "show", "partition"]).await?;
        let format = partitions::NODE_FIELDS.join(SEPARATOR);
        let nodes = self.ask(&["sinfo", "-h", "-o", &format]).await?;
        let queues = partitions::queues(&shown, &nodes, listed);
        self.partitions.send_replace(Some(Partitions { queues, seen_at: Instant::now() }));
        Ok(())
    }

    async fn known_queues(&self) -> Result<Vec<Queue>, SchedulerError> {
        let mut partitions = self.partitions.subscribe();
        let seen = tokio::time::timeout(FIRST_PARTITIONS, partitions.wait_for(Option::is_some)).await;
        match seen {
            Ok(Ok(seen)) => Ok(seen.as_ref().map(|seen| seen.queues.clone()).unwrap_or_default()),
            _ => Err(SchedulerError::Away("nothing is known of its partitions yet".to_owned())),
        }
    }

    /// The job that an earlier try made.
    async fn find(&self, who: &Identity, tag: &str) -> Result<Option<String>, SchedulerError> {
        let format = format!("%F{SEPARATOR}%k");
        let output =
            self.run(who, &["squeue", "-h", "-a", "-t", "all", "-u", &who.name, "-o", &format]).await?;
        if output.exit_code != Some(0) {
            return Err(SchedulerError::Unreached(refusal::words(&output, "squeue")));
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
        let script = submission.script.clone().into_bytes();
        self.run_with(who, &argv, script, deadline).await
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
        self.changed.send_modify(|count| *count += 1);
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
        let mut found = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let format = format!("--format={}", listing::ACCOUNT_FIELDS.join(","));
            let delimiter = format!("--delimiter={SEPARATOR}");
            let output = self
                .run(
                    &self.config.observer,
                    &["sacct", "-n", "-P", "-X", "-a", "-j", &some.join(","), &delimiter, &format],
                )
                .await?;
            // Without accounting it says so and fails; the controller is asked then.
            found.extend(listing::read_accounts(&text(&output.stdout)));
        }
        let known: HashSet<String> = found.iter().map(|one: &Observation| one.scheduler_id.clone()).collect();
        let mut unsettled = HashSet::new();
        let mut missing: Vec<&String> = ids.iter().filter(|id| !known.contains(*id)).collect();
        let later = missing.split_off(missing.len().min(SINGLE_MAX));
        unsettled.extend(later.into_iter().cloned());
        for id in missing {
            let output = self.run(&self.config.observer, &["scontrol", "-o", "show", "job", id]).await?;
            match listing::read_job(id, &text(&output.stdout)) {
                Some(observation) => found.push(observation),
                None => {
                    unsettled.insert(id.clone());
                }
            }
        }
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        unsettled.retain(|id| misses.is_unsettled(id, Instant::now()));
        found.iter().for_each(|one| misses.forget(&one.scheduler_id));
        Ok(LookUp { found, unsettled })
    }

    async fn change(&self, who: &Identity, id: &str, action: Action) -> Result<(), SchedulerError> {
        if !listing::is_id(id) {
            return Err(SchedulerError::NoSuchJob(id.to_owned()));
        }
        let argv: &[&str] = match action {
            Action::Cancel => &["scancel", "-v", id],
            Action::Hold => &["scontrol", "hold", id],
            Action::Release => &["scontrol", "release", id],
        };
        let output = self.run(who, argv).await?;
        self.changed.send_modify(|count| *count += 1);
        if output.exit_code == Some(0) { Ok(()) } else { Err(refusal::of_action(&output, id)) }
    }
}

impl Scheduler for Slurm {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        async move {
            let said = self.ask(&["sbatch", "--version"]).await?;
            Ok(About {
                scheduler: "slurm".to_owned(),
                version: said.trim().trim_start_matches("slurm").trim_start_matches("-wlm").trim().to_owned(),
                capabilities: Capabilities { hold: true, memory: true, several_nodes: true },
            })
        }
        .boxed()
    }

    fn dialect(&self) -> Dialect {
        Dialect::Slurm
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.known_queues().boxed()
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
        self.poll_now().boxed()
    }

    fn look_up<'a>(&'a self, scheduler_ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>> {
        self.look_for(scheduler_ids).boxed()
    }

    fn recall(&self, _known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        // Slurm keeps no script and no place in the portal's words for us.
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn utf8(path: &Path) -> Result<&str, SchedulerError> {
    let detail = "its path holds characters that Slurm's options can't carry";
    path.to_str().ok_or_else(|| SchedulerError::Refused(reason("refused", [], detail)))
}

/// A path in which Slurm replaces nothing, sbatch(1) at "FILENAME PATTERN".
fn file_pattern(path: &Path) -> Result<String, SchedulerError> {
    let path = utf8(path)?;
    if path.contains('\\') {
        let detail = "Slurm takes a backslash in an output file's path for an order; choose another name";
        return Err(SchedulerError::Refused(reason("refused", [], detail)));
    }
    Ok(path.replace('%', "%%"))
}

fn transport_error(error: &TransportError) -> SchedulerError {
    match error {
        TransportError::NotAllowed { .. } | TransportError::NotLetIn(_) => {
            SchedulerError::NotAllowed(error.to_string())
        }
        TransportError::NotStarted { .. } | TransportError::NoCommand | TransportError::Unreachable(_) => {
            SchedulerError::Unreached(error.to_string())
        }
        TransportError::TooSlow { .. } | TransportError::Lost(_) => SchedulerError::Away(error.to_string()),
    }
}
