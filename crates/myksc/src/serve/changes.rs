//! Notices what other processes wrote into the database, such as `myksc admin` or another replica, and whether the
//! database answers at all.

use std::time::{Duration, Instant};

use myksc_gateway::Gateway;
use myksc_store::{Store, StoreError};
use tokio::time::MissedTickBehavior;

/// How often one query for everybody looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A database that takes longer is away.
const DEADLINE: Duration = Duration::from_secs(8);
/// It gets this long even when its time is nearly up.
const LEAST_DEADLINE: Duration = Duration::from_secs(1);

/// Whether the database answers, and since when it does not.
struct Watch {
    answered_at: Instant,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Answers,
    Away,
    /// It has been away for so long that nobody is let into apps any more.
    GivenUp,
}

/// Looks for as long as it is polled. Once the database has been away for `grace`, apps are closed to everybody until
/// it answers again.
pub(super) async fn notice(store: Store, gateway: Gateway, grace: Duration) {
    let mut ticks = tokio::time::interval(LOOK_EVERY.min(grace / 4).max(Duration::from_millis(50)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch { answered_at: Instant::now(), state: State::Answers };
    loop {
        ticks.tick().await;
        let left = grace.saturating_sub(watch.answered_at.elapsed());
        let deadline =
            if watch.state == State::Away { left.clamp(LEAST_DEADLINE, DEADLINE) } else { DEADLINE };
        match tokio::time::timeout(deadline, store.look_for_changes()).await {
            Ok(Ok(())) => watch.answered(&gateway),
            Ok(Err(error)) if !error.is_away() => {
                tracing::warn!(%error, "changes of other processes could not be looked for");
                watch.answered(&gateway);
            }
            Ok(Err(error)) => watch.failed(Some(&error), grace, &gateway),
            Err(_) => watch.failed(None, grace, &gateway),
        }
    }
}

impl Watch {
    fn answered(&mut self, gateway: &Gateway) {
        let away_secs = self.answered_at.elapsed().as_secs();
        self.answered_at = Instant::now();
        match std::mem::replace(&mut self.state, State::Answers) {
            State::Answers => {}
            State::Away => tracing::info!(away_secs, "the database answers again"),
            State::GivenUp => {
                tracing::info!(away_secs, "the database answers again; apps are open");
                gateway.resume();
            }
        }
    }

    fn failed(&mut self, error: Option<&StoreError>, grace: Duration, gateway: &Gateway) {
        if self.state == State::Answers {
            let error = error.map(tracing::field::display);
            tracing::error!(error, "the database does not answer; people who are signed in can still look");
            self.state = State::Away;
        }
        if self.state == State::Away && self.answered_at.elapsed() >= grace {
            tracing::error!("the database has been away for too long; apps are closed until it answers");
            self.state = State::GivenUp;
            gateway.suspend();
        }
    }
}
