//! What following a cluster by polls needs, whichever scheduler it has: a clock, a pause between two polls, the queues
//! as the last poll saw them, and patience with jobs that nobody knows.

mod misses;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::misses::Misses;
use crate::scheduler::{LookUp, Observation, Queue, SchedulerError};

/// The least time between two polls.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// How old the queues may get before a poll asks for them, too.
const QUEUES_AGE: Duration = Duration::from_secs(30);
/// How long somebody waits for the queues that nobody has seen yet.
const FIRST_QUEUES: Duration = Duration::from_secs(10);

/// Follows one cluster.
pub(crate) struct Follow {
    changed: watch::Sender<u64>,
    queues: watch::Sender<Option<(Vec<Queue>, Instant)>>,
    polled_at: Mutex<Option<Instant>>,
    misses: Mutex<Misses>,
    /// Ends the clock.
    _clock: DropGuard,
}

impl Follow {
    /// Begins to say when a poll is worth while.
    pub(crate) fn start(poll_every: Duration) -> Self {
        let (changed, _) = watch::channel(0);
        let end = CancellationToken::new();
        let ticks = changed.clone();
        let clock = async move {
            loop {
                tokio::time::sleep(poll_every).await;
                ticks.send_modify(|count| *count += 1);
            }
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(clock));
        let (queues, polled_at, misses) = (watch::Sender::new(None), Mutex::default(), Mutex::default());
        Self { changed, queues, polled_at, misses, _clock: end.drop_guard() }
    }

    /// Counts up when a poll is worth while.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Something was done that a poll will show.
    pub(crate) fn note_change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Polls, but not too soon after the last time.
    pub(crate) async fn poll<T>(&self, poll: impl Future<Output = T>) -> T {
        let last = *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last {
            tokio::time::sleep_until(last + POLL_PAUSE).await;
        }
        let polled = poll.await;
        *self.polled_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        polled
    }

    /// Whether the queues need not be asked for.
    pub(crate) fn has_fresh_queues(&self) -> bool {
        self.queues.borrow().as_ref().is_some_and(|(_, seen_at)| seen_at.elapsed() < QUEUES_AGE)
    }

    /// Keeps the queues for whoever asks.
    pub(crate) fn keep_queues(&self, queues: Vec<Queue>) {
        self.queues.send_replace(Some((queues, Instant::now())));
    }

    /// The queues as they were last seen; no command runs for this.
    pub(crate) async fn queues(&self) -> Result<Vec<Queue>, SchedulerError> {
        let mut queues = self.queues.subscribe();
        match tokio::time::timeout(FIRST_QUEUES, queues.wait_for(Option::is_some)).await {
            Ok(Ok(seen)) => Ok(seen.as_ref().map(|(queues, _)| queues.clone()).unwrap_or_default()),
            _ => Err(SchedulerError::Away("nothing is known of its queues yet".to_owned())),
        }
    }

    /// What was found, and of what was not found that which may still turn up.
    pub(crate) fn settle(&self, found: Vec<Observation>, mut unsettled: HashSet<String>) -> LookUp {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        unsettled.retain(|id| misses.is_unsettled(id, Instant::now()));
        found.iter().for_each(|one| misses.forget(&one.scheduler_id));
        LookUp { found, unsettled }
    }
}
