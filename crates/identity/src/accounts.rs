//! Making and changing local accounts.

use secrecy::SecretString;

use myksc_core::{Error, FieldProblem, Result, Role, SessionId, Timestamp, User, UserId};
use myksc_store::{PasswordChange, Store};

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

/// A change that a person asks for.
pub struct NewPassword<'a> {
    /// The present password.
    pub current: SecretString,
    /// The one to come.
    pub new: SecretString,
    /// The session that goes on.
    pub keep: Option<&'a SessionId>,
    /// Whether her API tokens are deleted.
    pub revoke_tokens: bool,
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
    /// Invalid by the policy, at `uid` with `uid_is_taken`, or by the rule of passwords; conflict `user_name_taken`.
    pub async fn add(
        &self,
        account: PosixAccount,
        password: SecretString,
        policy: &AccountPolicy,
    ) -> Result<User> {
        self.add_as(Role::User, account, password, policy).await
    }

    async fn add_as(
        &self,
        role: Role,
        account: PosixAccount,
        password: SecretString,
        policy: &AccountPolicy,
    ) -> Result<User> {
        policy.check(&account)?;
        check_new_password("password", &password).map_err(Error::invalid)?;
        self.check_uid_is_free(&account, policy).await?;
        let user = User {
            id: UserId::random(),
            name: account.name,
            display_name: account.display_name,
            uid: account.uid,
            gid: account.gid,
            groups: account.groups,
            home: account.home,
            shell: account.shell,
            provider: User::LOCAL.to_owned(),
            role,
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

    /// Where everybody has a UID of her own, nobody gets somebody else's.
    async fn check_uid_is_free(&self, account: &PosixAccount, policy: &AccountPolicy) -> Result<()> {
        if policy.local {
            return Ok(());
        }
        match self.store.users_with_uid(account.uid).await?.first() {
            None => Ok(()),
            Some(other) => {
                let detail = format!("UID {} belongs to {:?}", account.uid, other.name);
                let problem = FieldProblem::new("uid", "uid_is_taken", detail);
                Err(Error::invalid(problem.with("uid", account.uid).with("name", other.name.as_str())))
            }
        }
    }

    /// On the very first start: the account of whoever runs the portal, an operator, with a generated password. None
    /// when there is any account.
    ///
    /// # Errors
    /// Invalid when the policy refuses that account.
    pub async fn ensure_first_user(&self, policy: &AccountPolicy) -> Result<Option<FirstUser>> {
        if self.store.has_users().await? {
            return Ok(None);
        }
        let password = generate_password();
        match self.add_as(Role::Operator, own_account(), password.clone(), policy).await {
            Ok(user) => Ok(Some(FirstUser { user, password })),
            // Another replica was faster; its password is the one that was printed.
            Err(Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a person's password without asking for the present one; all her sessions end and all her API tokens are
    /// deleted.
    ///
    /// # Errors
    /// Invalid at `password` by the rule; [`Error::NotFound`]; forbidden with `password_elsewhere` when her provider
    /// has her password.
    pub async fn reset_password(&self, user: &UserId, password: SecretString) -> Result<()> {
        let found = self.store.user(user).await?.ok_or_else(|| Error::not_found("user", user))?;
        check_is_local(&found)?;
        check_new_password("password", &password).map_err(Error::invalid)?;
        let hash = self.passwords.hash(password).await?;
        let change =
            PasswordChange { password_hash: &hash, checked_at: None, keep: None, revoke_tokens: true };
        let ended = self.store.change_password(user, change).await?;
        self.announce(user, ended.ok_or_else(|| Error::not_found("user", user))?);
        Ok(())
    }

    /// Changes a person's own password; her other sessions end.
    ///
    /// # Errors
    /// Invalid at `new` by the rule or at `current` with `password_wrong`; [`Error::TooMany`] after wrong ones;
    /// forbidden with `password_elsewhere` when her provider has her password.
    pub async fn change_password(&self, user: &User, change: NewPassword<'_>) -> Result<()> {
        check_is_local(user)?;
        let NewPassword { current, new, keep, revoke_tokens } = change;
        check_new_password("new", &new).map_err(Error::invalid)?;
        let checked_at = self.check_current(user, current).await?;
        let hash = self.passwords.hash(new).await?;
        let change =
            PasswordChange { password_hash: &hash, checked_at: Some(checked_at), keep, revoke_tokens };
        // Somebody else was faster: what was checked is the present password no longer.
        let ended = self.store.change_password(&user.id, change).await?.ok_or_else(wrong_password)?;
        self.announce(&user.id, ended);
        Ok(())
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

    /// The revision of a person's credentials if this is her password.
    async fn check_current(&self, user: &User, current: SecretString) -> Result<i64> {
        let attempt = Attempt::ChangePassword(user.id.clone());
        let counted = self.throttle.begin(&attempt, self.clock.now()).await?;
        let found = self.store.user_by_name(&user.name).await?;
        let hash = found.as_ref().and_then(|found| found.password_hash.clone());
        let is_right = match self.passwords.verify(current, hash).await {
            Ok(is_right) => is_right,
            Err(error) => {
                self.throttle.not_looked_at(&counted).await?;
                return Err(error);
            }
        };
        let found = found.filter(|_| is_right).ok_or_else(wrong_password)?;
        self.throttle.succeeded(&counted, self.clock.now()).await?;
        Ok(found.credential_revision)
    }

    fn announce(&self, user: &UserId, ended: Vec<SessionId>) {
        for session in ended {
            self.sessions.announce(session, user.clone());
        }
    }
}

/// A password of the portal signs in nobody whom another provider vouches for, so she is given none.
fn check_is_local(user: &User) -> Result<()> {
    if user.provider == User::LOCAL {
        return Ok(());
    }
    let detail = format!("{} signs in by {:?}, which has her password", user.name, user.provider);
    Err(Error::Forbidden { code: "password_elsewhere", detail })
}

fn wrong_password() -> Error {
    Error::invalid(FieldProblem::new("current", "password_wrong", "this is not the present password"))
}

#[cfg(test)]
mod tests;
