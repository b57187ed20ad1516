//! The way from the portal into an app: a ticket of 30 seconds, spent once for a grant that ends with the session.

use myksc_core::grant::Grant;
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, Error, GrantId, Result, Timestamp};
use myksc_store::{Session, Store, Ticket};

use crate::clock::Clock;
use crate::sessions::Sessions;

/// How long a ticket lives.
const TICKET_SECS: i64 = 30;

/// Tickets and the grants they become; cheap to clone.
#[derive(Clone)]
pub struct Tickets {
    store: Store,
    sessions: Sessions,
    clock: Clock,
}

/// A ticket that was just made.
#[derive(Debug, Clone)]
pub struct IssuedTicket {
    /// For the address that the browser is sent to.
    pub secret: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Tickets {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, sessions: Sessions, clock: Clock) -> Self {
        Self { store, sessions, clock }
    }

    /// Makes a ticket into `app`, which the caller found to be the session's person's own. With `nonce` only the
    /// browser that holds the nonce of this hash can spend it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn issue(
        &self,
        session: &Session,
        app: &AppId,
        nonce: Option<SecretHash>,
    ) -> Result<IssuedTicket> {
        let secret = Secret::random();
        let expires_at = self.clock.now().plus_secs(TICKET_SECS).min(session.expires_at);
        let ticket = Ticket {
            app: app.clone(),
            user: session.user.clone(),
            session: session.id.clone(),
            nonce_hash: nonce.map(SecretHash::to_hex),
            expires_at,
        };
        self.store.create_ticket(&ticket, secret.hash()).await?;
        Ok(IssuedTicket { secret, expires_at })
    }

    /// Spends a ticket for a grant and its cookie's secret. None when it is no ticket, was spent, is over, is of
    /// another app or browser, or its session is over; it is spent all the same, unless it was made without
    /// nonce and a nonce is shown.
    ///
    /// # Errors
    /// What the database says.
    pub async fn redeem(
        &self,
        ticket: &str,
        app: &AppId,
        nonce: Option<SecretHash>,
    ) -> Result<Option<(Secret, Grant)>> {
        // A ticket without nonce must not pass where a nonce was shown: a page could send a browser in with it.
        // It stays for the second try, without nonce, of a navigation that no page started.
        let spent = self.store.spend_ticket(&SecretHash::of(ticket), nonce.is_some()).await?;
        let Some(ticket) = spent else { return Ok(None) };
        let is_bearers = match (ticket.nonce_hash.as_deref(), nonce) {
            (None, None) => true,
            (Some(expected), Some(shown)) => {
                SecretHash::from_hex(expected).is_some_and(|expected| expected.matches(&shown))
            }
            _ => false,
        };
        if !is_bearers || ticket.app != *app || self.clock.now() >= ticket.expires_at {
            return Ok(None);
        }
        let Some(session) = self.sessions.alive(&ticket.session).await? else { return Ok(None) };
        let secret = Secret::random();
        let grant = Grant {
            id: GrantId::random(),
            app: ticket.app,
            user: session.user,
            session: session.id,
            expires_at: session.expires_at,
        };
        let made = self.store.create_grant(&grant, secret.hash()).await?;
        Ok(made.then_some((secret, grant)))
    }

    /// The grant of a cookie, if neither it nor its session is over.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find_grant(&self, cookie: &SecretHash) -> Result<Option<Grant>, Error> {
        let found = self.store.grant_by_secret(cookie).await?;
        let Some(grant) = found.filter(|grant| self.clock.now() < grant.expires_at) else { return Ok(None) };
        Ok(self.sessions.alive(&grant.session).await?.map(|_| grant))
    }
}

#[cfg(test)]
mod tests;
