//! How many streams of events are open, and when they must end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use myksc_core::{Error, Result, UserId};
use tokio_util::sync::CancellationToken;

/// Streams of one person; a browser has one for all its tabs.
const MOST_EACH: usize = 32;

/// Seconds after which somebody with too many may try again.
const RETRY_SECS: u64 = 20;

/// The streams that are open; cheap to clone.
#[derive(Debug, Clone)]
pub struct EventStreams {
    open: Arc<Mutex<HashMap<UserId, usize>>>,
    stopping: CancellationToken,
}

/// One open stream; dropped with it.
#[derive(Debug)]
pub(crate) struct Place {
    streams: EventStreams,
    user: UserId,
}

impl EventStreams {
    /// No stream yet; all of them end when `stopping` is cancelled.
    #[must_use]
    pub fn new(stopping: CancellationToken) -> Self {
        Self { open: Arc::default(), stopping }
    }

    /// A place for one more stream of a person.
    pub(crate) fn take(&self, user: &UserId) -> Result<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user.clone()).or_default();
        if *count >= MOST_EACH {
            return Err(Error::TooMany { retry_after_secs: RETRY_SECS });
        }
        *count += 1;
        Ok(Place { streams: self.clone(), user: user.clone() })
    }
}

impl Place {
    /// Cancelled when the portal stops.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.streams.stopping.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_cannot_take_every_place() {
        let streams = EventStreams::new(CancellationToken::new());
        let (kim, lee) = (UserId::random(), UserId::random());
        let mut places: Vec<_> = (0..MOST_EACH).map(|_| streams.take(&kim).unwrap()).collect();
        assert!(streams.take(&kim).is_err());
        assert!(streams.take(&lee).is_ok());
        places.pop();
        assert!(streams.take(&kim).is_ok());
    }
}
