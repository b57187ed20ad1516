//! Asking an app whether it answers, until it does or its time is over.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use serde::{Deserialize, Serialize};

use myksc_core::{AppId, Timestamp};

use super::{Place, RuntimeEvent, ask};

/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses grow with the time that has passed, so a quick app is seen soon and a slow one is not disturbed.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How to see that an app answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProbeOrders {
    /// Path to ask for.
    pub(super) path: String,
    /// Statuses of an app that is ready; empty for all below 500.
    pub(super) statuses: Vec<u16>,
    /// Seconds from the start of the process.
    pub(super) timeout_secs: u64,
}

/// What became of asking one run of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Still being asked.
    Pending,
    /// It answered.
    Answered { at: Timestamp, source: String },
    /// It did not in its time; the last thing that was seen.
    Silent { last: String },
}

/// The apps that are being asked or were.
#[derive(Debug)]
pub(super) struct Probes {
    entries: std::sync::Arc<Mutex<HashMap<AppId, Entry>>>,
    events: mpsc::Sender<RuntimeEvent>,
}

#[derive(Debug)]
struct Entry {
    run: String,
    outcome: Outcome,
    task: AbortHandle,
}

/// One app to ask.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) app: AppId,
    /// Which run of the app: another one is asked anew.
    pub(super) run: String,
    pub(super) place: Place,
    pub(super) orders: ProbeOrders,
    pub(super) started_at: Timestamp,
}

impl Probes {
    pub(super) fn new(events: mpsc::Sender<RuntimeEvent>) -> Self {
        Self { entries: std::sync::Arc::default(), events }
    }

    /// What became of this run; begins to ask if nobody does.
    pub(super) fn outcome(&self, target: Target) -> Outcome {
        let mut entries = self.lock();
        if let Some(entry) = entries.get(&target.app).filter(|entry| entry.run == target.run) {
            return entry.outcome.clone();
        }
        let (app, run) = (target.app.clone(), target.run.clone());
        let task = tokio::spawn(follow(target, std::sync::Arc::clone(&self.entries), self.events.clone()));
        let entry = Entry { run, outcome: Outcome::Pending, task: task.abort_handle() };
        if let Some(former) = entries.insert(app, entry) {
            former.task.abort();
        }
        Outcome::Pending
    }

    /// Stops asking.
    pub(super) fn forget(&self, app: &AppId) {
        if let Some(entry) = self.lock().remove(app) {
            entry.task.abort();
        }
    }

    /// Stops asking anybody.
    pub(super) fn clear(&self) {
        self.lock().drain().for_each(|(_, entry)| entry.task.abort());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn follow(
    target: Target,
    entries: std::sync::Arc<Mutex<HashMap<AppId, Entry>>>,
    events: mpsc::Sender<RuntimeEvent>,
) {
    let outcome = ask_until_over(&target).await;
    {
        let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get_mut(&target.app) {
            Some(entry) if entry.run == target.run => entry.outcome = outcome,
            _ => return,
        }
    }
    // Fails only when nobody is left to be told.
    let _ = events.send(RuntimeEvent::App(target.app)).await;
}

async fn ask_until_over(target: &Target) -> Outcome {
    let passed_millis = Timestamp::now().as_millis().saturating_sub(target.started_at.as_millis());
    let passed = Duration::from_millis(passed_millis.max(0).unsigned_abs());
    let begun = Instant::now();
    let allowed = Duration::from_secs(target.orders.timeout_secs);
    loop {
        let last = match timeout(TRY_TIMEOUT, ask(target)).await {
            Ok(Ok(status)) if is_ready(status, &target.orders.statuses) => {
                let source = format!("GET {} {}", target.orders.path, status.as_u16());
                return Outcome::Answered { at: Timestamp::now(), source };
            }
            Ok(Ok(status)) => format!("status {}", status.as_u16()),
            Ok(Err(reason)) => reason,
            Err(_) => "no answer".to_owned(),
        };
        let age = passed + begun.elapsed();
        if age >= allowed {
            return Outcome::Silent { last };
        }
        sleep((age / 20).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}

fn is_ready(status: StatusCode, expected: &[u16]) -> bool {
    if expected.is_empty() { status.as_u16() < 500 } else { expected.contains(&status.as_u16()) }
}

async fn ask(target: &Target) -> Result<StatusCode, String> {
    // The answer's body is of no interest.
    ask::get(&target.place, &target.orders.path, 0).await.map(|(status, _)| status)
}

#[cfg(test)]
mod tests;
