//! Signing in by the password that a directory knows.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, sleep_until};

use myksc_core::{Result, User};

use super::{People, Vouched};
use crate::ldap::LdapDirectory;
use crate::provider::{Answer, Authenticated, IdentityProvider};

/// A refusal takes a whole number of these, so that its time does not tell which names there are.
const REFUSAL_STEP: Duration = Duration::from_millis(250);

/// The people of an LDAP directory, who sign in by its passwords.
pub struct LdapProvider {
    id: String,
    directory: LdapDirectory,
    people: People,
}

impl LdapProvider {
    /// By the id that it has in the configuration.
    #[must_use]
    pub fn new(id: String, directory: LdapDirectory, people: People) -> Self {
        Self { id, directory, people }
    }

    async fn check(&self, name: &str, password: &SecretString) -> Result<Option<Authenticated>> {
        let began = Instant::now();
        let Some(entry) = self.directory.authenticate(name, password).await? else {
            sleep_until(began + refusal_due(began.elapsed())).await;
            return Ok(None);
        };
        let role = self.people.role_of(&entry.account);
        let vouched =
            Vouched { provider: self.id.clone(), subject: entry.subject, account: entry.account, role };
        let person = self.people.admit(&vouched).await?;
        Ok(Some(person).filter(|person| !person.user.locked))
    }
}

/// How long after the question a refusal is told that was known so long after it.
fn refusal_due(known_after: Duration) -> Duration {
    let steps = known_after.div_duration_f64(REFUSAL_STEP).ceil().max(1.0);
    REFUSAL_STEP.mul_f64(steps)
}

impl IdentityProvider for LdapProvider {
    fn id(&self) -> &str {
        &self.id
    }

    fn authenticate<'a>(
        &'a self,
        name: &'a str,
        password: &'a SecretString,
    ) -> Answer<'a, Option<Authenticated>> {
        Box::pin(self.check(name, password))
    }

    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<User>> {
        Box::pin(self.people.of_name(&self.id, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_that_are_known_sooner_or_later_are_told_at_the_same_time() {
        for (known_after_ms, told_after_ms) in
            [(0, 250), (1, 250), (80, 250), (249, 250), (251, 500), (499, 500), (1760, 2000)]
        {
            let told_after = refusal_due(Duration::from_millis(known_after_ms));
            assert_eq!(told_after, Duration::from_millis(told_after_ms), "{known_after_ms} ms");
        }
    }
}
