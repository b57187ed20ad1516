//! The local queue: this machine's cores as slots, each job in its spool folder under a supervisor.
//!
//! Everything runs with the portal's own rights, so every person but its own is refused. The folders are the
//! truth (see `local/record.rs`): after a restart jobs that wait go on waiting, those that run go on running,
//! and those that ended meanwhile are seen. `Local` follows the folders by inotify(7) and asks none of them in
//! turn.

mod config;
mod record;
mod table;

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::{FieldProblem, Identity, JobId};
use myksc_spool::{Change, Changes};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::config::{LocalConfig, LocalQueue};
use self::table::Table;
use crate::scheduler::{
    About, Action, Capabilities, LookUp, Observation, Queue, Recalled, Scheduler, SchedulerError, Submission,
};

/// How long it waits for the next due thing when there is none.
const IDLE: Duration = Duration::from_secs(3600);
/// How often all folders are looked at when the kernel does not tell of changes.
const UNFOLLOWED_PAUSE: Duration = Duration::from_secs(5);

/// The scheduler of one machine.
pub struct Local {
    shared: Arc<Shared>,
    own_uid: u32,
    /// Ends the follower when the scheduler goes.
    _follower: DropGuard,
}

struct Shared {
    table: Mutex<Table>,
    changed: watch::Sender<u64>,
    /// Wakes the follower when something new becomes due.
    rescheduled: Notify,
}

impl Local {
    /// Takes the jobs folder over and goes on with what is in it.
    ///
    /// # Errors
    /// When the folder can't be made or read, or the kernel gives no inotify instance.
    pub async fn start(config: LocalConfig) -> io::Result<Self> {
        let (watches, changes) = myksc_spool::watcher()?;
        let table = tokio::task::spawn_blocking(move || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.jobs_dir)?;
            Table::load(Arc::new(config), watches)
        });
        let table = table.await.map_err(io::Error::other)??;
        let (changed, _) = watch::channel(0);
        let shared = Arc::new(Shared { table: Mutex::new(table), changed, rescheduled: Notify::new() });
        let end = CancellationToken::new();
        let follower = Arc::clone(&shared).follow(changes);
        tokio::spawn(end.clone().run_until_cancelled_owned(follower));
        Ok(Self { shared, own_uid: rustix::process::getuid().as_raw(), _follower: end.drop_guard() })
    }

    fn allow(&self, who: &Identity) -> Result<(), SchedulerError> {
        if who.uid == self.own_uid {
            return Ok(());
        }
        let detail = format!("the local queue runs jobs of UID {} alone, not of {}", self.own_uid, who.uid);
        Err(SchedulerError::NotAllowed(detail))
    }
}

impl Scheduler for Local {
    fn about(&self) -> BoxFuture<'_, Result<About, SchedulerError>> {
        let about = About {
            scheduler: "local".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: Capabilities { hold: true, memory: true, ..Capabilities::default() },
        };
        std::future::ready(Ok(about)).boxed()
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<Queue>, SchedulerError>> {
        self.shared.look(|table| Ok(table.queues())).boxed()
    }

    fn check<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<Vec<FieldProblem>, SchedulerError>> {
        let work_dir = submission.work_dir.clone();
        async move {
            self.allow(who)?;
            let check = tokio::task::spawn_blocking(move || check_work_dir(&work_dir));
            check.await.map_err(|error| SchedulerError::Away(error.to_string()))
        }
        .boxed()
    }

    fn submit<'a>(
        &'a self,
        who: &'a Identity,
        submission: &'a Submission,
    ) -> BoxFuture<'a, Result<String, SchedulerError>> {
        async move {
            self.allow(who)?;
            let (who, submission) = (who.clone(), submission.clone());
            self.shared.change(move |table| table.submit(&who, &submission)).await
        }
        .boxed()
    }

    fn act<'a>(
        &'a self,
        who: &'a Identity,
        scheduler_id: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<(), SchedulerError>> {
        async move {
            self.allow(who)?;
            let id: JobId =
                scheduler_id.parse().map_err(|_| SchedulerError::NoSuchJob(scheduler_id.to_owned()))?;
            let who = who.clone();
            self.shared.change(move |table| table.act(&who, &id, action)).await
        }
        .boxed()
    }

    fn poll(&self) -> BoxFuture<'_, Result<Vec<Observation>, SchedulerError>> {
        self.shared.look(|table| Ok(table.poll())).boxed()
    }

    fn look_up<'a>(&'a self, scheduler_ids: &'a [String]) -> BoxFuture<'a, Result<LookUp, SchedulerError>> {
        let ids = scheduler_ids.to_vec();
        let look_up = move |table: &mut Table| LookUp { found: table.look_up(&ids), ..LookUp::default() };
        self.shared.look(move |table| Ok(look_up(table))).boxed()
    }

    fn recall(&self, known: HashSet<String>) -> BoxFuture<'_, Result<Vec<Recalled>, SchedulerError>> {
        let away = |error: io::Error| SchedulerError::Away(error.to_string());
        self.shared.look(move |table| table.recall(&known).map_err(away)).boxed()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }
}

impl Shared {
    /// Runs something on the table away from the async threads.
    async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Table) -> Result<T, SchedulerError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            act(&mut shared.table.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.map_err(|error| SchedulerError::Away(error.to_string()))?
    }

    /// The same, and tells that the table may have changed.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Table) -> Result<T, SchedulerError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        let result = self.look(act).await;
        self.rescheduled.notify_one();
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Follows the folders until it is cancelled.
    async fn follow(self: Arc<Self>, mut changes: Changes) {
        loop {
            let due = self.look(|table| Ok(table.next_due())).await.ok().flatten();
            let due = due.unwrap_or_else(|| Instant::now() + IDLE);
            let change = tokio::select! {
                change = changes.next() => Some(match change {
                    Ok(change) => change,
                    Err(error) => {
                        tracing::error!(%error, "the jobs' folders can't be followed, all are looked at");
                        tokio::time::sleep(UNFOLLOWED_PAUSE).await;
                        Change::All
                    }
                }),
                () = tokio::time::sleep_until(due.into()) => None,
                () = self.rescheduled.notified() => continue,
            };
            let applied = self.look(move |table| {
                match change {
                    Some(Change::Folder(folder)) => {
                        if let Some(id) = Table::id_of(&folder) {
                            table.refresh(&id);
                        }
                    }
                    Some(Change::All) => table.refresh_all(),
                    None => table.tick(),
                }
                table.dispatch();
                Ok(())
            });
            if applied.await.is_ok() {
                self.changed.send_modify(|count| *count += 1);
            }
        }
    }
}

fn check_work_dir(work_dir: &std::path::Path) -> Vec<FieldProblem> {
    use rustix::fs::Access;
    let problem = |code: &str, detail: &str| vec![FieldProblem::new("work_dir", code, detail)];
    if !work_dir.is_dir() {
        return problem("work_dir_missing", "there is no such folder");
    }
    match rustix::fs::access(work_dir, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Vec::new(),
        Err(_) => problem(
            "work_dir_unwritable",
            "you can't write into this folder, and the job's output goes there",
        ),
    }
}
