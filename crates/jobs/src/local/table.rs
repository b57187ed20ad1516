//! The jobs that are not over, in memory, and what is to be done with each.
//!
//! Blocking: the callers keep it away from the async threads. The folders are the truth; the table is made of
//! them at start and follows them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use myksc_core::crash::{self, CrashPoint};
use myksc_core::job::JobReason;
use myksc_core::{Identity, JobId, JobPhase, Timestamp};
use myksc_spool::{Folder, SpoolError, WatchSet};

use super::config::LocalConfig;
use super::record::{self, GENERATION, Record, Stage};
use crate::reason::reason;
use crate::scheduler::{Action, Observation, Queue, QueueLoad, Recalled, SchedulerError, Submission};

/// When a supervisor that was started shows nothing, the next one follows after this; each time twice as long.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);
/// How often a running job is looked at whose folder could not be watched.
const UNWATCHED_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Table {
    config: Arc<LocalConfig>,
    watches: WatchSet,
    jobs: BTreeMap<JobId, Entry>,
}

struct Entry {
    record: Record,
    folder: Folder,
    stage: Stage,
    /// Whether the kernel tells of its changes.
    is_watched: bool,
    /// Starts of a supervisor that came to nothing so far.
    attempts: u32,
    /// When to try again what did not work, or to see whether it did.
    next_try: Option<Instant>,
    /// What kept it from being let go.
    trouble: Option<String>,
}

impl Table {
    /// Reads all folders. Those that are over stay on the disk only.
    pub(super) fn load(config: Arc<LocalConfig>, watches: WatchSet) -> io::Result<Self> {
        let mut table = Self { config, watches, jobs: BTreeMap::new() };
        for (folder, record) in table.folders(&HashSet::new())? {
            match record.stage(&folder) {
                Ok(Stage::Ended(_)) => {}
                Ok(stage) => table.insert(record, folder, stage),
                Err(error) => tracing::warn!(%error, "a job can't be read and is left as it is"),
            }
        }
        let ids: Vec<_> = table.jobs.keys().cloned().collect();
        for id in ids {
            table.refresh(&id);
        }
        table.dispatch();
        Ok(table)
    }

    pub(super) fn submit(
        &mut self,
        who: &Identity,
        submission: &Submission,
    ) -> Result<String, SchedulerError> {
        let id = &submission.tag;
        let path = self.config.jobs_dir.join(id.as_str());
        // Without its record a folder is no job.
        let unreached = |error: &dyn std::fmt::Display| SchedulerError::Unreached(error.to_string());
        let folder = Folder::create(&path).map_err(|error| unreached(&error))?;
        if !self.jobs.contains_key(id) && record::read(&folder).is_none() {
            let record = Record::new(who, submission);
            record::write_script(&folder, &submission.script)
                .map_err(|error| unreached(&format!("{}: {error}", path.display())))?;
            folder.write_owner(&record).map_err(|error| away(&error))?;
            self.insert(record, folder, Stage::Waiting);
            self.dispatch();
        }
        Ok(id.to_string())
    }

    pub(super) fn act(&mut self, who: &Identity, id: &JobId, action: Action) -> Result<(), SchedulerError> {
        let Some(entry) = self.jobs.get_mut(id).filter(|entry| entry.record.who.uid == who.uid) else {
            let folder = Folder::at(self.config.jobs_dir.join(id.as_str()));
            let known = record::read(&folder).is_some_and(|record| record.who.uid == who.uid);
            let over = SchedulerError::WrongPhase(JobPhase::Ended);
            return Err(if known { over } else { SchedulerError::NoSuchJob(id.to_string()) });
        };
        let mut changed = entry.record.clone();
        match (action, &entry.stage) {
            (Action::Cancel, _) => changed.cancelled_at = changed.cancelled_at.or(Some(Timestamp::now())),
            (Action::Hold, Stage::Waiting) => changed.held = true,
            (Action::Release, Stage::Waiting) => changed.held = false,
            (Action::Hold | Action::Release, _) => return Err(SchedulerError::WrongPhase(JobPhase::Running)),
            (Action::Requeue | Action::SetWalltime(_), _) => {
                let detail = "the local queue can't do this";
                return Err(SchedulerError::Refused(reason("action_unknown_here", [], detail)));
            }
        }
        entry.folder.write_owner(&changed).map_err(|error| away(&error))?;
        entry.record = changed;
        if action == Action::Cancel {
            match entry.stage {
                Stage::Waiting => self.remove(id),
                _ => entry.folder.request_stop(GENERATION).map_err(|error| away(&error))?,
            }
        }
        self.dispatch();
        Ok(())
    }

    /// Looks at one folder again.
    pub(super) fn refresh(&mut self, id: &JobId) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        if !entry.folder.path().is_dir() {
            tracing::warn!(job = %id, "the folder of a job is gone");
            self.remove(id);
            return;
        }
        match entry.record.stage(&entry.folder) {
            Ok(Stage::Ended(_)) => self.remove(id),
            Ok(stage) => {
                entry.stage = stage;
                entry.look_after(&self.config);
            }
            Err(error) => tracing::warn!(job = %id, %error, "the folder of a job can't be read"),
        }
    }

    pub(super) fn refresh_all(&mut self) {
        let ids: Vec<_> = self.jobs.keys().cloned().collect();
        for id in ids {
            self.refresh(&id);
        }
    }

    /// Does what has become due.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.next_try.is_some_and(|at| at <= now);
        let due: Vec<_> =
            self.jobs.iter().filter(|(_, entry)| is_due(entry)).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.refresh(&id);
        }
    }

    /// When something becomes due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.jobs.values().filter_map(|entry| entry.next_try).min()
    }

    /// Lets waiting jobs go, in the order of their submission, as long as the first one fits.
    pub(super) fn dispatch(&mut self) {
        let config = Arc::clone(&self.config);
        for queue in &config.queues {
            let mut free = queue.slots.saturating_sub(self.load_of(&queue.name).slots_used);
            for id in self.waiting(&queue.name) {
                let Some(entry) = self.jobs.get_mut(&id) else { continue };
                let needed = entry.record.slots();
                if needed > queue.slots {
                    continue;
                }
                if needed > free || entry.next_try.is_some_and(|at| at > Instant::now()) {
                    break;
                }
                match entry.let_go(&config) {
                    Ok(()) => free -= needed,
                    Err(error) => {
                        tracing::warn!(job = %id, %error, "a job could not be let go, it is tried again");
                        entry.trouble = Some(error);
                        entry.try_later();
                        break;
                    }
                }
            }
        }
    }

    pub(super) fn queues(&self) -> Vec<Queue> {
        self.config.queues.iter().map(|queue| queue.view(self.load_of(&queue.name))).collect()
    }

    pub(super) fn poll(&self) -> Vec<Observation> {
        let mut reasons = BTreeMap::new();
        for queue in self.queues() {
            for (ahead, id) in self.waiting(&queue.name).into_iter().enumerate() {
                let why = self.jobs[&id].waits_for(ahead, &queue.load);
                reasons.insert(id, why);
            }
        }
        let observation = |entry: &Entry| {
            let gone = || entry.is_waiting().then(|| entry.queue_gone());
            let why = reasons.get(&entry.record.id).cloned().or_else(gone);
            entry.record.observation(&entry.stage, why)
        };
        self.jobs.values().map(observation).collect()
    }

    pub(super) fn look_up(&self, ids: &[String]) -> Vec<Observation> {
        let found = ids.iter().filter_map(|id| {
            let id: JobId = id.parse().ok()?;
            let folder = Folder::at(self.config.jobs_dir.join(id.as_str()));
            let record = record::read(&folder)?;
            let stage = record.stage(&folder).ok()?;
            Some(record.observation(&stage, None))
        });
        found.collect()
    }

    pub(super) fn recall(&self, known: &HashSet<String>) -> io::Result<Vec<Recalled>> {
        let recalled = self.folders(known)?.into_iter().filter_map(|(folder, record)| {
            let stage = record.stage(&folder).ok()?;
            let id = record.id.clone();
            match record.recalled(&stage, &folder) {
                Ok(recalled) => Some(recalled),
                Err(error) => {
                    tracing::warn!(job = %id, %error, "the script of a job can't be read");
                    None
                }
            }
        });
        Ok(recalled.collect())
    }

    /// Whether a folder is one of ours, and which.
    pub(super) fn id_of(folder: &Folder) -> Option<JobId> {
        folder.name().parse().ok()
    }

    /// Folders that hold a job, without those that are `known`.
    fn folders(&self, known: &HashSet<String>) -> io::Result<Vec<(Folder, Record)>> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&self.config.jobs_dir)? {
            let folder = Folder::at(entry?.path());
            if !known.contains(folder.name())
                && let Some(record) = record::read(&folder)
            {
                folders.push((folder, record));
            }
        }
        Ok(folders)
    }

    fn insert(&mut self, record: Record, folder: Folder, stage: Stage) {
        let watched = self.watches.add(&folder);
        if let Err(error) = &watched {
            tracing::error!(%error, "a job's folder can't be watched, it is looked at from time to time");
        }
        let id = record.id.clone();
        let is_watched = watched.is_ok();
        let entry = Entry { record, folder, stage, is_watched, attempts: 0, next_try: None, trouble: None };
        self.jobs.insert(id, entry);
    }

    fn remove(&mut self, id: &JobId) {
        if let Some(entry) = self.jobs.remove(id) {
            self.watches.remove(&entry.folder);
        }
    }

    /// Ids of the jobs that may be let go, in their order.
    fn waiting(&self, queue: &str) -> Vec<JobId> {
        let mut waiting: Vec<_> = self
            .jobs
            .values()
            .filter(|entry| entry.record.queue == queue && entry.is_waiting())
            .map(|entry| (entry.record.submitted_at, &entry.record.id))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id.clone()).collect()
    }

    fn load_of(&self, queue: &str) -> QueueLoad {
        let slots_total = self.config.queues.iter().find(|one| one.name == queue).map_or(0, |one| one.slots);
        let mut load = QueueLoad { slots_total, ..QueueLoad::default() };
        for entry in self.jobs.values().filter(|entry| entry.record.queue == queue) {
            if entry.stage == Stage::Waiting {
                load.jobs_queued += 1;
            } else {
                load.jobs_running += 1;
                load.slots_used = load.slots_used.saturating_add(entry.record.slots());
            }
        }
        (load.nodes_used, load.nodes_free) = if load.slots_used > 0 { (1, 0) } else { (0, 1) };
        load
    }
}

impl Entry {
    fn is_waiting(&self) -> bool {
        self.stage == Stage::Waiting && !self.record.held
    }

    /// Writes the orders and starts the supervisor.
    fn let_go(&mut self, config: &LocalConfig) -> Result<(), String> {
        let spec = self.record.spec(config, &self.folder).map_err(|error| format!("its script: {error}"))?;
        self.folder.write_spec(&spec).map_err(|error| error.to_string())?;
        crash::point(CrashPoint::SubmitFolderWritten);
        self.trouble = None;
        self.stage = Stage::LetGo(None);
        self.start_supervisor(config);
        crash::point(CrashPoint::SubmitSupervisorStarted);
        Ok(())
    }

    /// Sees to it that a job that was let go has a supervisor until it is over.
    fn look_after(&mut self, config: &LocalConfig) {
        if self.stage == Stage::Waiting {
            self.next_try = None;
            return;
        }
        if self.record.cancelled_at.is_some()
            && !self.folder.is_stop_requested(GENERATION)
            && let Err(error) = self.folder.request_stop(GENERATION)
        {
            tracing::warn!(job = %self.record.id, %error, "a cancelled job can't be told, it is tried again");
        }
        let is_due = self.next_try.is_none_or(|at| at <= Instant::now());
        match self.folder.is_supervised() {
            Ok(true) if self.has_process() => {
                self.next_try = (!self.is_watched).then(|| Instant::now() + UNWATCHED_PAUSE);
                self.attempts = 0;
            }
            Ok(true) if is_due => self.try_later(),
            Ok(false) if is_due => self.start_supervisor(config),
            Ok(_) => {}
            Err(error) => tracing::warn!(job = %self.record.id, %error, "a supervisor can't be looked for"),
        }
    }

    fn has_process(&self) -> bool {
        matches!(&self.stage, Stage::LetGo(Some(status)) if status.process.is_some())
    }

    fn start_supervisor(&mut self, config: &LocalConfig) {
        if let Err(error) = self.folder.start_supervisor(&config.supervisor) {
            tracing::error!(job = %self.record.id, %error, "a supervisor does not start, it is tried again");
        }
        self.try_later();
    }

    fn try_later(&mut self) {
        let patience = FIRST_PATIENCE.saturating_mul(1 << self.attempts.min(10)).min(LONGEST_PATIENCE);
        self.next_try = Some(Instant::now() + patience);
        self.attempts += 1;
    }

    fn waits_for(&self, ahead: usize, load: &QueueLoad) -> JobReason {
        let needed = self.record.slots();
        let (total, free) = (load.slots_total, load.slots_total.saturating_sub(load.slots_used));
        if let Some(trouble) = &self.trouble {
            let detail = format!("can't start: {trouble}");
            return reason("start_failed", [("detail", trouble.as_str().into())], detail);
        }
        if needed > total {
            let detail = format!("needs {needed} cores, its queue has {total}");
            return reason("slots_over_limit", [("needed", needed.into()), ("limit", total.into())], detail);
        }
        if ahead > 0 {
            let detail = format!("{ahead} jobs come before it");
            return reason("waiting_its_turn", [("ahead", ahead.into())], detail);
        }
        let detail = format!("waits for {needed} cores, {free} are free");
        reason("waiting_for_slots", [("needed", needed.into()), ("free", free.into())], detail)
    }

    fn queue_gone(&self) -> JobReason {
        let queue = self.record.queue.as_str();
        reason("queue_gone", [("queue", queue.into())], format!("the queue {queue} does not exist any more"))
    }
}

fn away(error: &SpoolError) -> SchedulerError {
    SchedulerError::Away(error.to_string())
}
