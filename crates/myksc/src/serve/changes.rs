//! Notices what other processes wrote into the database, such as `myksc admin` or another replica.

use std::time::Duration;

use myksc_store::Store;
use tokio::time::MissedTickBehavior;

/// How often one query for everybody looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks for as long as it is polled.
pub(super) async fn notice(store: Store) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = store.look_for_changes().await {
            tracing::warn!(%error, "changes of other processes could not be looked for");
        }
    }
}
