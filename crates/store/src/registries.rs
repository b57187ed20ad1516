//! Table `registries`: where people have stored passwords of image registries. No password is here.

use myksc_core::{Timestamp, UserId};
use sqlx::FromRow;

use crate::db::{Store, execute, fetch_all};
use crate::error::StoreError;

/// A registry that a person has stored a password for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The registry's host, with its port if it has one.
    pub host: String,
    /// Her account there.
    pub account: String,
    /// When the password was stored last.
    pub changed_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    host: String,
    account: String,
    changed_at: i64,
}

impl Store {
    /// A person's registries, by host.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn registries(&self, user: &UserId) -> Result<Vec<Registry>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT host, account, changed_at FROM registries WHERE user_id = $1 ORDER BY host";
        let rows = fetch_all!(reader, Row, sql, user.as_str())?;
        Ok(rows.into_iter().map(Row::read).collect())
    }

    /// Takes note of a password that was stored, in place of the one for this host.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn put_registry(&self, user: &UserId, registry: &Registry) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO registries (user_id, host, account, changed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, host) DO UPDATE
             SET account = excluded.account, changed_at = excluded.changed_at",
            user.as_str(),
            registry.host.as_str(),
            registry.account.as_str(),
            registry.changed_at.as_millis()
        )?;
        tx.commit().await
    }

    /// Forgets one; false when there was none.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn remove_registry(&self, user: &UserId, host: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM registries WHERE user_id = $1 AND host = $2";
        let deleted = execute!(tx, sql, user.as_str(), host)?;
        tx.commit().await?;
        Ok(deleted == 1)
    }
}

impl Row {
    fn read(self) -> Registry {
        let changed_at = Timestamp::from_millis(self.changed_at);
        Registry { host: self.host, account: self.account, changed_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    fn registry(host: &str, account: &str, changed_at: i64) -> Registry {
        let changed_at = Timestamp::from_millis(changed_at);
        Registry { host: host.to_owned(), account: account.to_owned(), changed_at }
    }

    #[tokio::test]
    async fn registries_are_each_person_s_own_and_known_once() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let (old, new, other) =
                (registry("r", "kim", 1), registry("r", "robot", 2), registry("a", "k", 3));
            for one in [&old, &new, &other] {
                store.put_registry(&kim.id, one).await.unwrap();
            }
            assert_eq!(store.registries(&kim.id).await.unwrap(), [other.clone(), new]);
            assert_eq!(store.registries(&lee.id).await.unwrap(), []);
            assert!(!store.remove_registry(&lee.id, "r").await.unwrap());
            assert!(store.remove_registry(&kim.id, "r").await.unwrap());
            assert!(!store.remove_registry(&kim.id, "r").await.unwrap());
            assert_eq!(store.registries(&kim.id).await.unwrap(), [other]);
        })
        .await;
    }
}
