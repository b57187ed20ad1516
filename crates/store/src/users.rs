//! Table `users`: the local accounts, and the people whom a provider vouches for.

mod standing;
mod vouched;

use std::path::PathBuf;

use myksc_core::user::Group;
use myksc_core::{Role, SessionId, Timestamp, User, UserId};

use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

pub use self::standing::{LockOutcome, Standing};
pub use self::vouched::VouchedOutcome;

/// An account together with what only sign-in may see.
#[derive(Clone)]
pub struct UserWithPassword {
    /// The account.
    pub user: User,
    /// PHC string of its password; none can sign in without one.
    pub password_hash: Option<String>,
    /// Grows with every change of the password.
    pub credential_revision: i64,
    /// What her provider calls her for ever; none of a local account.
    pub subject: Option<String>,
    /// Why her directory shut her out, if it did.
    pub shut_out: Option<String>,
}

/// A change of an account's password.
#[derive(Debug, Clone, Copy)]
pub struct PasswordChange<'a> {
    /// PHC string of the new one.
    pub password_hash: &'a str,
    /// The revision of the credentials at which the present one was checked; nothing changes when it is no longer
    /// that. None asks for no present one.
    pub checked_at: Option<i64>,
    /// The session that goes on; all others end.
    pub keep: Option<&'a SessionId>,
    /// Whether the API tokens are deleted.
    pub revoke_tokens: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    display_name: String,
    uid: i64,
    gid: i64,
    groups: String,
    home: String,
    shell: String,
    password_hash: Option<String>,
    credential_revision: i64,
    provider: String,
    subject: Option<String>,
    role: String,
    locked: i64,
    shut_out: Option<String>,
    created_at: i64,
}

impl Store {
    /// Adds an account.
    ///
    /// # Errors
    /// A duplicate ([`StoreError::is_duplicate`]) when the name is taken.
    pub async fn create_user(&self, user: &User, password_hash: Option<&str>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.insert_user(user, password_hash, None).await?;
        tx.commit().await
    }

    /// Whether any account exists.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        let mut reader = self.reader().await?;
        Ok(fetch_optional!(reader, (String,), "SELECT id FROM users LIMIT 1")?.is_some())
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(reader, Row, "SELECT * FROM users ORDER BY name")?;
        rows.into_iter().map(|row| Ok(row.read()?.user)).collect()
    }

    /// One account by id.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, Row, "SELECT * FROM users WHERE id = $1", id.as_str())?;
        row.map(|row| Ok(row.read()?.user)).transpose()
    }

    /// One account by name, with its password's hash.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<UserWithPassword>, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, Row, "SELECT * FROM users WHERE name = $1", name)?;
        row.map(Row::read).transpose()
    }

    /// Changes an account's password and ends what was opened by the older one; says which sessions ended. None,
    /// and nothing changes, when there is no such account or the change is out of date.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn change_password(
        &self,
        id: &UserId,
        change: PasswordChange<'_>,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut tx = self.begin().await?;
        let changed = execute!(
            tx,
            "UPDATE users SET password_hash = $2, credential_revision = credential_revision + 1
             WHERE id = $1 AND credential_revision = COALESCE($3, credential_revision)",
            id.as_str(),
            change.password_hash,
            change.checked_at
        )?;
        if changed == 0 {
            return Ok(None);
        }
        let ended = tx.delete_sessions(id, change.keep).await?;
        if change.revoke_tokens {
            execute!(tx, "DELETE FROM tokens WHERE user_id = $1", id.as_str())?;
        }
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Everybody who may not be here, by her directory's word or an operator's, and has an app that runs.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn locked_users_with_apps(&self) -> Result<Vec<User>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT * FROM users WHERE (shut_out IS NOT NULL OR locked <> 0)
                 AND EXISTS (SELECT 1 FROM apps WHERE apps.owner = users.id AND apps.phase IN ('starting', 'ready'))
             ORDER BY name"
        )?;
        rows.into_iter().map(|row| Ok(row.read()?.user)).collect()
    }

    /// Gives a person a role; false when there is no such person.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_role(&self, id: &UserId, role: Role) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed = execute!(tx, "UPDATE users SET role = $2 WHERE id = $1", id.as_str(), role.name())?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Everybody with this UID; one person, unless local accounts share it.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn users_with_uid(&self, uid: u32) -> Result<Vec<User>, StoreError> {
        let mut reader = self.reader().await?;
        let rows =
            fetch_all!(reader, Row, "SELECT * FROM users WHERE uid = $1 ORDER BY name", i64::from(uid))?;
        rows.into_iter().map(|row| Ok(row.read()?.user)).collect()
    }

    /// Locks or unlocks an account; false when there is none.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_locked(&self, id: &UserId, locked: bool) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET locked = $2, lock_reason = NULL WHERE id = $1";
        let changed = execute!(tx, sql, id.as_str(), i64::from(locked))?;
        tx.commit().await?;
        Ok(changed == 1)
    }
}

impl Tx {
    async fn insert_user(
        &mut self,
        user: &User,
        password_hash: Option<&str>,
        subject: Option<&str>,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO users (id, name, display_name, uid, gid, groups, home, shell, password_hash, locked,
                                created_at, provider, role, subject, refreshed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            user.id.as_str(),
            user.name.as_str(),
            user.display_name.as_str(),
            i64::from(user.uid),
            i64::from(user.gid),
            groups_text(&user.groups)?,
            path_text(&user.home)?,
            path_text(&user.shell)?,
            password_hash,
            i64::from(user.locked),
            user.created_at.as_millis(),
            user.provider.as_str(),
            user.role.name(),
            subject,
            // Whom a provider vouches for, it was asked about just now.
            subject.map(|_| Timestamp::now().as_millis())
        )?;
        Ok(())
    }
}

impl Row {
    fn read(self) -> Result<UserWithPassword, StoreError> {
        let corrupt = |source| StoreError::corrupt("users", source);
        let groups: Vec<Group> =
            serde_json::from_str(&self.groups).map_err(|error| StoreError::corrupt("users", error))?;
        let number = |value: i64| u32::try_from(value).map_err(|error| StoreError::corrupt("users", error));
        let user = User {
            id: self.id.parse().map_err(|error: myksc_core::id::InvalidId| corrupt(error))?,
            name: self.name,
            display_name: self.display_name,
            uid: number(self.uid)?,
            gid: number(self.gid)?,
            groups,
            home: PathBuf::from(self.home),
            shell: PathBuf::from(self.shell),
            provider: self.provider,
            role: self.role.parse::<Role>().map_err(|error| StoreError::corrupt("users", error))?,
            locked: self.locked != 0 || self.shut_out.is_some(),
            created_at: Timestamp::from_millis(self.created_at),
        };
        Ok(UserWithPassword {
            user,
            password_hash: self.password_hash,
            credential_revision: self.credential_revision,
            subject: self.subject,
            shut_out: self.shut_out,
        })
    }
}

fn groups_text(groups: &[Group]) -> Result<String, StoreError> {
    serde_json::to_string(groups).map_err(|error| StoreError::corrupt("users", error))
}

fn path_text(path: &std::path::Path) -> Result<&str, StoreError> {
    path.to_str().ok_or_else(|| StoreError::corrupt("users", "a path that is not UTF-8"))
}

#[cfg(test)]
pub(crate) mod tests;
