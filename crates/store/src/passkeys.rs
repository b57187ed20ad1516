//! Table `passkeys`: public keys of people's authenticators (W3C Web Authentication).

use myksc_core::id::InvalidId;
use myksc_core::{PasskeyId, Timestamp, UserId};

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;
use crate::factors::FactorRemoval;

/// One passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Id.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// What she calls it.
    pub name: String,
    /// What the authenticator calls it; nobody else has the same.
    pub credential_id: String,
    /// The public key and what else is kept of it, as JSON.
    pub body: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    name: String,
    credential_id: String,
    body: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl Store {
    /// Adds a passkey, unless the person is locked or has `most` of them already. Someone's credential a second time is
    /// a duplicate.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_passkey(&self, passkey: &Passkey, most: i64) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let held = tx.hold_account(&passkey.user).await?;
        let sql = "SELECT COUNT(*) FROM passkeys WHERE user_id = $1";
        let count = fetch_optional!(tx, (i64,), sql, passkey.user.as_str())?;
        if held.is_none() || count.is_some_and(|(count,)| count >= most) {
            return Ok(false);
        }
        execute!(
            tx,
            "INSERT INTO passkeys (id, user_id, name, credential_id, body, created_at, last_used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            passkey.id.as_str(),
            passkey.user.as_str(),
            passkey.name.as_str(),
            passkey.credential_id.as_str(),
            passkey.body.as_str(),
            passkey.created_at.as_millis(),
            passkey.last_used_at.map(Timestamp::as_millis)
        )?;
        tx.commit().await?;
        Ok(true)
    }

    /// A person's passkeys, the oldest first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn passkeys_of(&self, user: &UserId) -> Result<Vec<Passkey>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM passkeys WHERE user_id = $1 ORDER BY created_at, id";
        fetch_all!(reader, Row, sql, user.as_str())?.into_iter().map(Row::read).collect()
    }

    /// Notes a use of a passkey and what changed of it; false when it is gone.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn passkey_used(&self, id: &PasskeyId, body: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE passkeys SET body = $2, last_used_at = $3 WHERE id = $1";
        let changed = execute!(tx, sql, id.as_str(), body, at.as_millis())?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Takes a passkey of a person away; with `keep_last` not if it is her last factor.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn remove_passkey(
        &self,
        user: &UserId,
        id: &PasskeyId,
        keep_last: bool,
    ) -> Result<FactorRemoval, StoreError> {
        let mut tx = self.begin().await?;
        tx.hold_account(user).await?;
        let sql = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";
        if execute!(tx, sql, id.as_str(), user.as_str())? == 0 {
            return Ok(FactorRemoval::Absent);
        }
        tx.settle_removal(user, keep_last).await
    }
}

impl Row {
    fn read(self) -> Result<Passkey, StoreError> {
        let corrupt = |error: InvalidId| StoreError::corrupt("passkeys", error);
        Ok(Passkey {
            id: self.id.parse().map_err(corrupt)?,
            user: self.user_id.parse().map_err(corrupt)?,
            name: self.name,
            credential_id: self.credential_id,
            body: self.body,
            created_at: Timestamp::from_millis(self.created_at),
            last_used_at: self.last_used_at.map(Timestamp::from_millis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    fn passkey_of(user: &UserId, credential_id: &str) -> Passkey {
        Passkey {
            id: PasskeyId::random(),
            user: user.clone(),
            name: "열쇠".to_owned(),
            credential_id: credential_id.to_owned(),
            body: "{}".to_owned(),
            created_at: Timestamp::from_millis(1),
            last_used_at: None,
        }
    }

    #[tokio::test]
    async fn a_passkey_is_one_persons_and_only_she_removes_it() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let passkey = passkey_of(&kim.id, "a");
            assert!(store.create_passkey(&passkey, 2).await.unwrap());
            let again = store.create_passkey(&passkey_of(&lee.id, "a"), 2).await.unwrap_err();
            assert!(again.is_duplicate(), "{again:?}");
            let at = Timestamp::from_millis(9);
            assert!(store.passkey_used(&passkey.id, "{1}", at).await.unwrap());
            let used = Passkey { body: "{1}".to_owned(), last_used_at: Some(at), ..passkey };
            assert_eq!(store.passkeys_of(&kim.id).await.unwrap(), std::slice::from_ref(&used));
            assert_eq!(store.passkeys_of(&lee.id).await.unwrap(), []);
            assert!(store.create_passkey(&passkey_of(&kim.id, "b"), 2).await.unwrap());
            assert!(!store.create_passkey(&passkey_of(&kim.id, "c"), 2).await.unwrap());
            let absent = store.remove_passkey(&lee.id, &used.id, false).await.unwrap();
            assert_eq!(absent, FactorRemoval::Absent);
            let removed = store.remove_passkey(&kim.id, &used.id, true).await.unwrap();
            assert_eq!(removed, FactorRemoval::Removed);
            let last = store.passkeys_of(&kim.id).await.unwrap().remove(0);
            let kept = store.remove_passkey(&kim.id, &last.id, true).await.unwrap();
            assert_eq!(kept, FactorRemoval::IsLast);
            store.reset_factors(&kim.id).await.unwrap();
            assert_eq!(store.passkeys_of(&kim.id).await.unwrap(), []);
        })
        .await;
    }
}
