//! Sign-in, sessions, API tokens and POSIX identity.
//!
//! [`Access`] holds the services, wired over one [`Store`]: [`SignIn`] turns name and password into a session by an
//! [`IdentityProvider`]; [`Sessions`] and [`Tokens`] tell whose a cookie or an API token is; [`Tickets`] lets a
//! session into an app; [`Accounts`] makes and changes local accounts, within an [`AccountPolicy`]. Secrets are
//! given out once and kept as hashes.

mod account;
mod accounts;
mod audit;
mod clock;
mod password;
mod posix;
mod provider;
mod sessions;
mod sign_in;
#[cfg(test)]
mod testing;
mod throttle;
mod tickets;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use myksc_core::Result;
use myksc_store::Store;

pub use account::{AccountPolicy, check_name};
pub use accounts::{Accounts, FirstUser};
pub use audit::{Actor, audited};
pub use clock::Clock;
pub use password::{MAX_BYTES, MIN_CHARS, Passwords, check_new_password, generate_password};
pub use posix::{PosixAccount, account_by_name, group_name_of, own_account};
pub use provider::{Answer, IdentityProvider, Local};
pub use sessions::{Client, CsrfToken, Opened, SessionEnded, SessionLimits, Sessions, Verified};
pub use sign_in::SignIn;
pub use throttle::{Attempt, Counted, Throttle};
pub use tickets::{IssuedTicket, Tickets};
pub use tokens::{MAX_DAYS, MAX_TOKENS, NewToken, Tokens};

/// The services of this crate, wired; cheap to clone.
#[derive(Clone)]
pub struct Access {
    /// The way in for people.
    pub sign_in: SignIn,
    /// Who is signed in.
    pub sessions: Sessions,
    /// API tokens.
    pub tokens: Tokens,
    /// The way into apps.
    pub tickets: Tickets,
    /// Local accounts.
    pub accounts: Accounts,
    /// Hashing of passwords, bounded.
    pub passwords: Passwords,
    throttle: Throttle,
    clock: Clock,
}

/// How often what is over is cleared away, and what other processes ended is noticed.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

impl Access {
    /// With local accounts as the provider.
    #[must_use]
    pub fn new(store: &Store, limits: SessionLimits, clock: &Clock) -> Self {
        let passwords = Passwords::new();
        let sessions = Sessions::new(store.clone(), limits, clock.clone());
        let provider = Arc::new(Local::new(store.clone(), passwords.clone()));
        Self {
            sign_in: SignIn::new(store.clone(), provider, sessions.clone(), clock.clone()),
            tokens: Tokens::new(store.clone(), sessions.clone(), clock.clone()),
            tickets: Tickets::new(store.clone(), sessions.clone(), clock.clone()),
            accounts: Accounts::new(store.clone(), passwords.clone(), sessions.clone(), clock.clone()),
            throttle: Throttle::new(store.clone()),
            clock: clock.clone(),
            sessions,
            passwords,
        }
    }

    /// The same with a shorter longest life of new API tokens.
    #[must_use]
    pub fn with_token_max_days(mut self, max_days: u32) -> Self {
        self.tokens = self.tokens.with_max_days(max_days);
        self
    }

    /// Clears away what is over and announces the sessions that ended by it or by another process, every few
    /// seconds for as long as it is polled.
    pub async fn keep_swept(&self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "what is over could not be cleared away");
            }
        }
    }

    /// Does once what [`Access::keep_swept`] does every few seconds.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self) -> Result<()> {
        self.sessions.sweep().await?;
        self.throttle.sweep(self.clock.now()).await
    }
}
