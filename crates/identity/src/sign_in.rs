//! Signing in: slowed, audited, and always into a new session.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Semaphore;

use myksc_core::{Error, Result, User};
use myksc_store::Store;

use crate::audit::{Actor, audited};
use crate::clock::Clock;
use crate::password::busy;
use crate::provider::IdentityProvider;
use crate::sessions::{Client, Opened, Sessions};
use crate::throttle::{Attempt, Counted, Throttle};

/// Sign-ins under way at once, each with its writes to the database; more are told that it is busy.
const AT_ONCE: usize = 64;

/// The way in for people; cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    gate: Arc<Semaphore>,
    store: Store,
    provider: Arc<dyn IdentityProvider>,
    throttle: Throttle,
    sessions: Sessions,
    clock: Clock,
}

impl SignIn {
    /// By one provider, into `sessions`.
    #[must_use]
    pub fn new(store: Store, provider: Arc<dyn IdentityProvider>, sessions: Sessions, clock: Clock) -> Self {
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        Self { gate, throttle: Throttle::new(store.clone()), store, provider, sessions, clock }
    }

    /// Opens a session for whoever knows name and password. `replaced` is the cookie that the browser held
    /// before; its session ends, so that nobody can plant a session and wait for somebody to sign in to it.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`]; [`Error::TooMany`] before the delay after wrong ones is over; unavailable with
    /// `sign_in_busy` when too many wait.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &SecretString,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Opened> {
        let _under_way = self.gate.try_acquire().map_err(|_| busy())?;
        let attempt = Attempt::SignIn { name: name.to_owned(), address: client.address };
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let actor = Actor::remote(name, client.address);
        audited(&self.store, &actor, "sign_in", self.provider.id(), async {
            let user = self.authenticate(&counted, name, password).await?;
            if let Some(cookie) = replaced {
                self.sessions.end_replaced(cookie).await?;
            }
            self.sessions.open(user, client).await
        })
        .await
    }

    async fn authenticate(&self, counted: &Counted, name: &str, password: &SecretString) -> Result<User> {
        match self.provider.authenticate(name, password).await {
            Ok(Some(user)) => {
                self.throttle.succeeded(counted, self.clock.now()).await?;
                Ok(user)
            }
            Ok(None) => Err(Error::WrongCredentials),
            Err(error) => {
                self.throttle.not_looked_at(counted).await?;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
