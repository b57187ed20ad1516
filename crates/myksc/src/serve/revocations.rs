//! Tells the gateway which sessions ended, so that what they opened closes at once.

use myksc_gateway::Gateway;
use myksc_identity::Access;
use tokio::sync::broadcast::error::RecvError;

/// Pushes ended sessions for as long as it is polled.
pub(super) async fn push(access: Access, gateway: Gateway) {
    let mut ended = access.sessions.subscribe();
    loop {
        match ended.recv().await {
            Ok(ended) => gateway.revoke_session(&ended.session),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "too many sessions ended at once; every way into an app is looked at anew"
                );
                revoke_everybody(&access, &gateway).await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// The ways in of sessions that are not over come back by themselves, from the database.
async fn revoke_everybody(access: &Access, gateway: &Gateway) {
    match access.accounts.list().await {
        Ok(users) => users.iter().for_each(|user| gateway.revoke_user(&user.id)),
        Err(error) => tracing::error!(%error, "ended sessions could not be told to the gateway"),
    }
}
