//! The portal's half of the way into an app.

use myksc_core::grant::Grant;
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, Result, SessionId};
use myksc_gateway::Portal;
use myksc_identity::Access;

/// Tickets, grants and sessions as the gateway asks for them.
pub struct Entrance {
    access: Access,
}

impl Entrance {
    /// Over the portal's sessions and tickets.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        Self { access: access.clone() }
    }
}

impl Portal for Entrance {
    async fn redeem(
        &self,
        ticket: &str,
        app: &AppId,
        nonce: Option<SecretHash>,
    ) -> Result<Option<(Secret, Grant)>> {
        self.access.tickets.redeem(ticket, app, nonce).await
    }

    async fn find_grant(&self, hash: SecretHash) -> Result<Option<Grant>> {
        self.access.tickets.find_grant(&hash).await
    }

    async fn touched(&self, session: &SessionId) {
        if let Err(error) = self.access.sessions.touched(session).await {
            tracing::warn!(%error, "the use of a session could not be noted");
        }
    }
}
