//! How long a client may take for its next head, as a number that the worker looks at with every tick.
//!
//! hyper sets a timer before each request and drops it once the head is there. A timer of the runtime is listed and
//! taken off the list each time; this one is a store of eight bytes, and late by a tick at most.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// No head is waited for.
const NONE: u64 = u64::MAX;

/// The deadline of one connection; clones share it.
#[derive(Clone)]
pub(crate) struct HeadDeadline {
    connected: Instant,
    /// Milliseconds since `connected`.
    millis: Arc<AtomicU64>,
}

/// What hyper holds while it waits for a head; never ends by itself.
struct Waiting(Arc<AtomicU64>);

impl HeadDeadline {
    /// Whether a head is waited for that should have been there by `now`.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.millis_until(now) > self.millis.load(Ordering::Relaxed)
    }

    /// No head is waited for any more.
    pub(crate) fn clear(&self) {
        self.millis.store(NONE, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, deadline: Instant) {
        self.millis.store(self.millis_until(deadline), Ordering::Relaxed);
    }

    fn millis_until(&self, moment: Instant) -> u64 {
        let millis = moment.saturating_duration_since(self.connected).as_millis();
        u64::try_from(millis).unwrap_or(NONE)
    }
}

impl Default for HeadDeadline {
    fn default() -> Self {
        Self { connected: Instant::now(), millis: Arc::new(AtomicU64::new(NONE)) }
    }
}

impl Timer for HeadDeadline {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.set(deadline);
        Box::pin(Waiting(self.millis.clone()))
    }

    fn reset(&self, _: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.set(deadline);
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Waiting {}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(NONE, Ordering::Relaxed);
    }
}
