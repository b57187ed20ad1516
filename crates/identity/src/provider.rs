//! The seam to whoever knows the people: the portal's own accounts today, a directory later.

use std::pin::Pin;

use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::{Result, User};
use myksc_store::Store;

use crate::account::check_name;
use crate::password::Passwords;

/// What a provider answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Knows people by name and can tell whether somebody is who she says.
pub trait IdentityProvider: Send + Sync {
    /// The provider's id, as in the answer of `/site`.
    fn id(&self) -> &'static str;

    /// The person, if name and password are right and she may sign in. Which of these failed can't be told from
    /// the answer nor from the work it took.
    fn authenticate<'a>(&'a self, name: &'a str, password: &'a SecretString) -> Answer<'a, Option<User>>;

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

    async fn check(&self, name: &str, password: &SecretString) -> Result<Option<User>> {
        // What is no name is never sent to the database, but costs the same hash.
        let found = if check_name(name).is_ok() { self.store.user_by_name(name).await? } else { None };
        let (user, hash) = found.map(|found| (found.user, found.password_hash)).unzip();
        let password = SecretString::from(password.expose_secret());
        let matches = self.passwords.verify(password, hash.flatten()).await?;
        Ok(user.filter(|user| matches && !user.locked))
    }
}

impl IdentityProvider for Local {
    fn id(&self) -> &'static str {
        "local"
    }

    fn authenticate<'a>(&'a self, name: &'a str, password: &'a SecretString) -> Answer<'a, Option<User>> {
        Box::pin(self.check(name, password))
    }

    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<User>> {
        Box::pin(async move {
            if check_name(name).is_err() {
                return Ok(None);
            }
            Ok(self.store.user_by_name(name).await?.map(|found| found.user))
        })
    }
}
