//! Jobs that the cluster knows nothing of: a while passes before one is given up.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Looks without a trace, and the time that has to pass.
const LOOKS_MIN: u32 = 3;
const AGE_MIN: Duration = Duration::from_secs(120);

/// Since when and how often each job was missed.
#[derive(Debug, Default)]
pub(super) struct Misses(HashMap<String, (Instant, u32)>);

impl Misses {
    /// Notes a miss; whether the job may still turn up.
    pub(super) fn is_unsettled(&mut self, id: &str, now: Instant) -> bool {
        let (since, looks) = self.0.entry(id.to_owned()).or_insert((now, 0));
        *looks += 1;
        let is_unsettled = *looks < LOOKS_MIN || now.duration_since(*since) < AGE_MIN;
        if !is_unsettled {
            self.0.remove(id);
        }
        is_unsettled
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.0.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_is_given_up_after_several_looks_and_two_minutes() {
        let mut misses = Misses::default();
        let start = Instant::now();
        assert!(misses.is_unsettled("7", start));
        assert!(misses.is_unsettled("7", start + AGE_MIN), "one look more");
        assert!(!misses.is_unsettled("7", start + AGE_MIN));
        assert!(misses.is_unsettled("7", start + AGE_MIN), "it begins anew");
        misses.forget("7");
        assert!((0..9).all(|_| misses.is_unsettled("7", start)), "no time passes");
    }
}
