//! Table `users`: the local accounts.

use std::path::PathBuf;

use myksc_core::user::Group;
use myksc_core::{Timestamp, User, UserId};

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// An account together with what only sign-in may see.
#[derive(Clone)]
pub struct UserWithPassword {
    /// The account.
    pub user: User,
    /// PHC string of its password; none can sign in without one.
    pub password_hash: Option<String>,
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
    locked: i64,
    created_at: i64,
}

impl Store {
    /// Adds an account.
    ///
    /// # Errors
    /// A duplicate ([`StoreError::is_duplicate`]) when the name is taken.
    pub async fn create_user(&self, user: &User, password_hash: Option<&str>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO users (id, name, display_name, uid, gid, groups, home, shell, password_hash, locked,
                                created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
            user.created_at.as_millis()
        )?;
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

    /// Replaces the password's hash; false when there is no such account.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_password_hash(&self, id: &UserId, password_hash: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET password_hash = $2 WHERE id = $1";
        let changed = execute!(tx, sql, id.as_str(), password_hash)?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Locks or unlocks an account; false when there is none.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_locked(&self, id: &UserId, locked: bool) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET locked = $2 WHERE id = $1";
        let changed = execute!(tx, sql, id.as_str(), i64::from(locked))?;
        tx.commit().await?;
        Ok(changed == 1)
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
            locked: self.locked != 0,
            created_at: Timestamp::from_millis(self.created_at),
        };
        Ok(UserWithPassword { user, password_hash: self.password_hash })
    }
}

fn groups_text(groups: &[Group]) -> Result<String, StoreError> {
    serde_json::to_string(groups).map_err(|error| StoreError::corrupt("users", error))
}

fn path_text(path: &std::path::Path) -> Result<&str, StoreError> {
    path.to_str().ok_or_else(|| StoreError::corrupt("users", "a path that is not UTF-8"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::each_engine;

    /// An account that no other test has.
    pub(crate) fn someone(name: &str) -> User {
        User {
            id: UserId::random(),
            name: name.to_owned(),
            display_name: "김철수".to_owned(),
            uid: u32::MAX - 2,
            gid: 1000,
            groups: vec![Group { gid: 1000, name: "hpc \"quoted\"".to_owned() }],
            home: "/home/김 철수".into(),
            shell: "/bin/bash".into(),
            locked: false,
            created_at: Timestamp::from_millis(1_700_000_000_123),
        }
    }

    #[tokio::test]
    async fn an_account_comes_back_as_it_was_written() {
        each_engine(|store| async move {
            assert!(!store.has_users().await.unwrap());
            let kim = someone("kim");
            store.create_user(&kim, Some("$argon2id$…")).await.unwrap();
            let found = store.user_by_name("kim").await.unwrap().unwrap();
            assert_eq!((&found.user, found.password_hash.as_deref()), (&kim, Some("$argon2id$…")));
            assert_eq!(store.user(&kim.id).await.unwrap().as_ref(), Some(&kim));
            assert_eq!(store.users().await.unwrap(), [kim]);
            assert!(store.user_by_name("KIM").await.unwrap().is_none());
            assert!(store.has_users().await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn a_name_is_taken_once() {
        each_engine(|store| async move {
            store.create_user(&someone("kim"), None).await.unwrap();
            let error = store.create_user(&someone("kim"), None).await.unwrap_err();
            assert!(error.is_duplicate(), "{error:?}");
            assert_eq!(store.users().await.unwrap().len(), 1);
        })
        .await;
    }

    #[tokio::test]
    async fn password_and_lock_change_the_one_account_alone() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, Some("old")).await.unwrap();
            store.create_user(&lee, Some("old")).await.unwrap();
            assert!(store.set_password_hash(&kim.id, "new").await.unwrap());
            assert!(store.set_locked(&kim.id, true).await.unwrap());
            let kim = store.user_by_name("kim").await.unwrap().unwrap();
            assert_eq!((kim.user.locked, kim.password_hash.as_deref()), (true, Some("new")));
            let lee = store.user_by_name("lee").await.unwrap().unwrap();
            assert_eq!((lee.user.locked, lee.password_hash.as_deref()), (false, Some("old")));
            assert!(!store.set_locked(&UserId::random(), true).await.unwrap());
        })
        .await;
    }
}
