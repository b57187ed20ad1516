//! Making and changing local accounts.

use secrecy::SecretString;

use myksc_core::{Error, FieldProblem, Result, SessionId, Timestamp, User, UserId};
use myksc_store::Store;

use crate::account::AccountPolicy;
use crate::clock::Clock;
use crate::password::{Passwords, check_new_password, generate_password};
use crate::posix::{PosixAccount, own_account};
use crate::sessions::Sessions;
use crate::throttle::{Attempt, Throttle};

/// The local accounts; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    passwords: Passwords,
    sessions: Sessions,
    throttle: Throttle,
    clock: Clock,
}

/// The account that the very first start made.
#[derive(Debug)]
pub struct FirstUser {
    /// The account.
    pub user: User,
    /// Its generated password, to print once.
    pub password: SecretString,
}

impl Accounts {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, passwords: Passwords, sessions: Sessions, clock: Clock) -> Self {
        Self { throttle: Throttle::new(store.clone()), store, passwords, sessions, clock }
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self) -> Result<Vec<User>> {
        Ok(self.store.users().await?)
    }

    /// One account by name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn by_name(&self, name: &str) -> Result<User> {
        // What is no name is nobody's, and may hold bytes that a database does not take.
        let found = match crate::account::check_name(name) {
            Ok(()) => self.store.user_by_name(name).await?,
            Err(_) => None,
        };
        found.map(|found| found.user).ok_or_else(|| Error::not_found("user", name))
    }

    /// Adds an account.
    ///
    /// # Errors
    /// Invalid by the policy or the rule of passwords; conflict `user_name_taken`.
    pub async fn add(
        &self,
        account: PosixAccount,
        password: SecretString,
        policy: &AccountPolicy,
    ) -> Result<User> {
        policy.check(&account)?;
        check_new_password("password", &password).map_err(Error::invalid)?;
        let user = User {
            id: UserId::random(),
            name: account.name,
            display_name: account.display_name,
            uid: account.uid,
            gid: account.gid,
            groups: account.groups,
            home: account.home,
            shell: account.shell,
            locked: false,
            created_at: Timestamp::now(),
        };
        let hash = self.passwords.hash(password).await?;
        match self.store.create_user(&user, Some(&hash)).await {
            Ok(()) => Ok(user),
            Err(error) if error.is_duplicate() => {
                let params = [("name".to_owned(), user.name.clone().into())].into();
                let detail = format!("there is an account {:?} already", user.name);
                Err(Error::Conflict { code: "user_name_taken", params, detail })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// On the very first start: the account of whoever runs the portal, with a generated password. None when there
    /// is any account.
    ///
    /// # Errors
    /// Invalid when the policy refuses that account.
    pub async fn ensure_first_user(&self, policy: &AccountPolicy) -> Result<Option<FirstUser>> {
        if self.store.has_users().await? {
            return Ok(None);
        }
        let password = generate_password();
        match self.add(own_account(), password.clone(), policy).await {
            Ok(user) => Ok(Some(FirstUser { user, password })),
            // Another replica was faster; its password is the one that was printed.
            Err(Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a person's password without asking for the present one; all her sessions end.
    ///
    /// # Errors
    /// Invalid at `password` by the rule.
    pub async fn reset_password(&self, user: &UserId, password: SecretString) -> Result<()> {
        check_new_password("password", &password).map_err(Error::invalid)?;
        let hash = self.passwords.hash(password).await?;
        if !self.store.set_password_hash(user, &hash).await? {
            return Err(Error::not_found("user", user));
        }
        self.sessions.end_all(user, None).await
    }

    /// Changes a person's own password; her other sessions end.
    ///
    /// # Errors
    /// Invalid at `new` by the rule or at `current` with `password_wrong`; [`Error::TooMany`] after wrong ones.
    pub async fn change_password(
        &self,
        user: &User,
        current: SecretString,
        new: SecretString,
        keep: Option<&SessionId>,
    ) -> Result<()> {
        check_new_password("new", &new).map_err(Error::invalid)?;
        let attempt = Attempt::ChangePassword(user.id.clone());
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let stored = self.store.user_by_name(&user.name).await?.and_then(|found| found.password_hash);
        let is_right = match self.passwords.verify(current, stored).await {
            Ok(is_right) => is_right,
            Err(error) => {
                self.throttle.not_looked_at(&counted).await?;
                return Err(error);
            }
        };
        if !is_right {
            let problem = FieldProblem::new("current", "password_wrong", "this is not the present password");
            return Err(Error::invalid(problem));
        }
        self.throttle.succeeded(&counted, self.clock.now()).await?;
        let hash = self.passwords.hash(new).await?;
        self.store.set_password_hash(&user.id, &hash).await?;
        self.sessions.end_all(&user.id, keep).await
    }

    /// Locks an account, which ends its sessions, or unlocks it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_locked(&self, user: &UserId, locked: bool) -> Result<()> {
        if !self.store.set_locked(user, locked).await? {
            return Err(Error::not_found("user", user));
        }
        if locked {
            self.sessions.end_all(user, None).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
