//! Signing in: slowed, audited, and always into a new session, which opens only after the second factor where one is due.

mod second_step;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};

use myksc_core::secret::Secret;
use myksc_core::{Error, FieldProblem, Result, User};
use myksc_store::Store;

use crate::audit::{Actor, audited};
use crate::clock::Clock;
use crate::factors::Factors;
use crate::password::busy;
use crate::provider::{Authenticated, IdentityProvider};
use crate::sessions::{Client, Opened, Sessions};
use crate::throttle::{Attempt, Counted, Throttle};

pub use second_step::SecondStep;

/// Sign-ins under way at once by one provider, each with its writes to the database; more are told that it is busy.
const AT_ONCE: usize = 64;

/// The way in for people; cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    store: Store,
    /// The first is asked where nobody says which.
    ways: Vec<Way>,
    /// Second steps under way, of whichever provider's people: none of them asks a provider.
    second_steps: Arc<Semaphore>,
    factors: Factors,
    throttle: Throttle,
    sessions: Sessions,
    clock: Clock,
}

/// A provider, with a gate of its own: one that is slow keeps nobody out who signs in by another.
#[derive(Clone)]
struct Way {
    provider: Arc<dyn IdentityProvider>,
    gate: Arc<Semaphore>,
}

/// What somebody typed to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// Id of the provider that knows her; the first one where it is not said.
    pub provider: Option<&'a str>,
    /// Account name.
    pub name: &'a str,
    /// Password.
    pub password: &'a SecretString,
}

/// What a person who is signed in shows anew before she changes what she signs in by, so that nobody else does it at
/// her open browser.
#[derive(Debug)]
pub enum Proof {
    /// Her password.
    Password(SecretString),
    /// A code of her authenticator app, or a recovery code.
    Code(SecretString),
}

/// What a right password leads to.
#[derive(Debug)]
pub enum Step {
    /// She is signed in.
    Opened(Box<Opened>),
    /// A second step is due.
    Pending {
        /// For the cookie; it is nowhere else.
        secret: Secret,
        /// What it waits for.
        step: SecondStep,
    },
}

impl Step {
    /// The session, unless a second step is due.
    #[must_use]
    pub fn opened(self) -> Option<Opened> {
        match self {
            Self::Opened(opened) => Some(*opened),
            Self::Pending { .. } => None,
        }
    }
}

impl SignIn {
    /// By one provider, into `sessions`.
    #[must_use]
    pub fn new(
        store: Store,
        provider: Arc<dyn IdentityProvider>,
        factors: Factors,
        sessions: Sessions,
        clock: Clock,
    ) -> Self {
        let second_steps = Arc::new(Semaphore::new(AT_ONCE));
        let throttle = Throttle::new(store.clone());
        Self { second_steps, throttle, store, ways: vec![Way::by(provider)], factors, sessions, clock }
    }

    /// The same with one more provider.
    #[must_use]
    pub fn with_provider(mut self, provider: Arc<dyn IdentityProvider>) -> Self {
        self.ways.push(Way::by(provider));
        self
    }

    /// Lets in whoever knows name and password: into a session, or to the second step where one is due. `replaced` is
    /// the cookie of the session that the browser held before; that session ends, so that nobody can plant one and wait
    /// for somebody to sign in to it.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`]; [`Error::TooMany`] before the delay after wrong ones is over; unavailable with
    /// `sign_in_busy` when too many wait.
    pub async fn sign_in(
        &self,
        given: Credentials<'_>,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Step> {
        // Of a provider that there is not, nobody is asked for: that costs what an unknown name costs.
        let known = given.provider.map_or_else(|| self.ways.first(), |id| self.way(id));
        let (way, name) = match (known, self.ways.first()) {
            (Some(way), _) => (way, given.name),
            (None, Some(first)) => (first, ""),
            (None, None) => return Err(Error::WrongCredentials),
        };
        let _under_way = way.enter()?;
        let attempt = Attempt::SignIn { name: given.name.to_owned(), address: client.address };
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let actor = Actor::typed(given.name, client.address);
        let provider = given.provider.unwrap_or_else(|| way.provider.id());
        audited(&self.store, &actor, "sign_in", provider, async {
            let person = self.authenticate(&counted, way, name, given.password).await?;
            if let Some(pending) = self.second_step(&person).await? {
                return Ok(pending);
            }
            let opened = self.open(person, client, replaced).await?.ok_or(Error::WrongCredentials)?;
            Ok(Step::Opened(Box::new(opened)))
        })
        .await
    }

    /// Sees that it is she who asks for a change of what she signs in by.
    ///
    /// # Errors
    /// As [`SignIn::confirm_password`]; invalid at `code` with `code_wrong`.
    pub async fn confirm(&self, user: &User, proof: &Proof) -> Result<()> {
        match proof {
            Proof::Password(password) => self.confirm_password(user, password).await,
            Proof::Code(code) => self.factors.take_code(user, code.expose_secret()).await.map(|_| ()),
        }
    }

    /// Asks a person who is signed in for her password once more, as before a change of what she signs in by.
    ///
    /// # Errors
    /// Invalid at `password` with `password_wrong`; [`Error::TooMany`] after wrong ones; forbidden with
    /// `password_elsewhere` when her provider asks for it itself.
    pub async fn confirm_password(&self, user: &User, password: &SecretString) -> Result<()> {
        let way = self.way(&user.provider).ok_or_else(|| {
            let detail = "whoever signs this person in asks for her password, the portal does not".to_owned();
            Error::Forbidden { code: "password_elsewhere", detail }
        })?;
        let _under_way = way.enter()?;
        let attempt = Attempt::ChangePassword(user.id.clone());
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        match way.provider.authenticate(&user.name, password).await {
            Ok(Some(person)) if person.user.id == user.id => {
                self.throttle.succeeded(&counted, self.clock.now()).await
            }
            Ok(_) => {
                let detail = "this is not the present password";
                Err(Error::invalid(FieldProblem::new("password", "password_wrong", detail)))
            }
            Err(error) => {
                self.throttle.not_looked_at(&counted).await?;
                Err(error)
            }
        }
    }

    async fn authenticate(
        &self,
        counted: &Counted,
        way: &Way,
        name: &str,
        password: &SecretString,
    ) -> Result<Authenticated> {
        match way.provider.authenticate(name, password).await {
            Ok(Some(person)) => {
                self.throttle.succeeded(counted, self.clock.now()).await?;
                Ok(person)
            }
            Ok(None) => Err(Error::WrongCredentials),
            Err(error) => {
                self.throttle.not_looked_at(counted).await?;
                Err(error)
            }
        }
    }

    /// Opens the session that all of a sign-in was for; none when the password was changed or the account locked
    /// meanwhile.
    async fn open(
        &self,
        person: Authenticated,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Option<Opened>> {
        let Some(opened) = self.sessions.open(person, client).await? else { return Ok(None) };
        if let Some(cookie) = replaced {
            self.sessions.end_replaced(cookie).await?;
        }
        Ok(Some(opened))
    }

    fn way(&self, id: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.provider.id() == id)
    }
}

impl Way {
    fn by(provider: Arc<dyn IdentityProvider>) -> Self {
        Self { provider, gate: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A place for one more sign-in, for as long as it is held.
    fn enter(&self) -> Result<SemaphorePermit<'_>> {
        self.gate.try_acquire().map_err(|_| busy())
    }
}

#[cfg(test)]
mod tests;
