//! What goes wrong often, told at most once a second.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use myksc_core::Timestamp;

const PAUSE: Duration = Duration::from_secs(1);

/// How often one thing happened since it was last told.
pub(super) struct Tally {
    what: &'static str,
    count: u64,
    last: String,
    quiet_until: Instant,
}

impl Tally {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, count: 0, last: String::new(), quiet_until: Instant::now() }
    }

    /// Counts it once more; `detail` is told if nothing follows.
    pub(super) fn add(&mut self, detail: impl Display) {
        self.count += 1;
        self.last = detail.to_string();
    }

    /// Returns when there is something to tell.
    pub(super) async fn due(&self) {
        if self.count == 0 {
            std::future::pending::<()>().await;
        }
        sleep_until(self.quiet_until).await;
    }

    /// Tells what there is on standard error.
    pub(super) fn tell(&mut self) {
        if self.count > 0 {
            // Nobody may be there to read it.
            let _ = writeln!(
                io::stderr(),
                "{} {}: {}, last {}",
                Timestamp::now(),
                self.what,
                self.count,
                self.last
            );
        }
        self.count = 0;
        self.quiet_until = Instant::now() + PAUSE;
    }
}
