//! The seam to whoever knows the people: the portal's own accounts today, a directory later.

use std::pin::Pin;

use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::{Result, User};
use myksc_store::{Store, UserWithPassword};

use crate::account::check_name;
use crate::password::Passwords;

/// What a provider answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A person who showed that she is who she says.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The person.
    pub user: User,
    /// The revision of her credentials, read before they were checked: a session opened for a later one is refused.
    pub credential_revision: i64,
    /// What the provider calls the session that it opened for her itself, if it did.
    pub provider_session: Option<String>,
}

/// Knows people by name and can tell whether somebody is who she says.
pub trait IdentityProvider: Send + Sync {
    /// The provider's id, as in the answer of `/site`.
    fn id(&self) -> &str;

    /// The person, if name and password are right and she may sign in. Which of these failed can't be told from
    /// the answer nor from the work it took.
    fn authenticate<'a>(
        &'a self,
        name: &'a str,
        password: &'a SecretString,
    ) -> Answer<'a, Option<Authenticated>>;

    /// The person as she is on record now, locked or not.
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<User>>;
}

/// The accounts in the portal's own database.
#[derive(Clone)]
pub struct Local {
    store: Store,
    passwords: Passwords,
}

impl Local {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, passwords: Passwords) -> Self {
        Self { store, passwords }
    }

    /// The local account of this name. Who comes from elsewhere is nobody here, whatever hash is on record: a password
    /// of the portal would get round her directory and her provider's second factor.
    async fn on_record(&self, name: &str) -> Result<Option<UserWithPassword>> {
        // What is no name is never sent to the database.
        if check_name(name).is_err() {
            return Ok(None);
        }
        let found = self.store.user_by_name(name).await?;
        Ok(found.filter(|found| found.user.provider == User::LOCAL))
    }

    async fn check(&self, name: &str, password: &SecretString) -> Result<Option<Authenticated>> {
        let found = self.on_record(name).await?;
        // Nobody costs the same hash.
        let hash = found.as_ref().and_then(|found| found.password_hash.clone());
        let password = SecretString::from(password.expose_secret());
        let matches = self.passwords.verify(password, hash).await?;
        Ok(found.filter(|found| matches && !found.user.locked).map(
            |UserWithPassword { user, credential_revision, .. }| Authenticated {
                user,
                credential_revision,
                provider_session: None,
            },
        ))
    }
}

impl IdentityProvider for Local {
    fn id(&self) -> &str {
        User::LOCAL
    }

    fn authenticate<'a>(
        &'a self,
        name: &'a str,
        password: &'a SecretString,
    ) -> Answer<'a, Option<Authenticated>> {
        Box::pin(self.check(name, password))
    }

    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<User>> {
        Box::pin(async move { Ok(self.on_record(name).await?.map(|found| found.user)) })
    }
}
