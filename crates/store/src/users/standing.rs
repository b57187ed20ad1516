//! What operators look people up for: finding them, why they are locked out, and locking them.

use myksc_core::{Role, SessionId, Timestamp, User, UserId};

use super::Row;
use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// Whether a person may be here, and by whose word not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// An operator locked her.
    pub locked: bool,
    /// Why, if the operator said so.
    pub lock_reason: Option<String>,
    /// Why her directory shut her out, if it did.
    pub shut_out: Option<String>,
    /// When her provider was last asked about her; none for a local account.
    pub refreshed_at: Option<Timestamp>,
}

/// What became of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOutcome {
    /// She is locked; these sessions ended.
    Locked(Vec<SessionId>),
    /// There is nobody of this id.
    NoSuchUser,
    /// Nobody would be left to unlock anybody.
    LastOperator,
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    locked: i64,
    lock_reason: Option<String>,
    shut_out: Option<String>,
    refreshed_at: Option<i64>,
}

impl Store {
    /// Up to `limit` people behind a name, by name, whose name or full name has `part` in it or whose UID it is;
    /// all of them when it is empty.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn find_users(&self, part: &str, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT * FROM users
             WHERE name > $1 AND (LOWER(name) LIKE $2 ESCAPE '!' OR LOWER(display_name) LIKE $2 ESCAPE '!'
                                  OR CAST(uid AS TEXT) = $3)
             ORDER BY name LIMIT $4",
            after,
            pattern(part),
            part,
            i64::from(limit)
        )?;
        rows.into_iter().map(|row| Ok(row.read()?.user)).collect()
    }

    /// Whether a person may be here; none when there is nobody of this id.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn standing(&self, id: &UserId) -> Result<Option<Standing>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT locked, lock_reason, shut_out, refreshed_at FROM users WHERE id = $1";
        let row = fetch_optional!(reader, StandingRow, sql, id.as_str())?;
        Ok(row.map(|row| Standing {
            locked: row.locked != 0,
            lock_reason: row.lock_reason,
            shut_out: row.shut_out,
            refreshed_at: row.refreshed_at.map(Timestamp::from_millis),
        }))
    }

    /// Locks a person and ends her sessions, unless she is the last operator who may be here.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn lock_user(&self, id: &UserId, reason: Option<&str>) -> Result<LockOutcome, StoreError> {
        let mut tx = self.begin().await?;
        // Its row is held until the commit, so two operators can't lock each other at once.
        tx.next_revision().await?;
        let sql =
            "UPDATE users SET locked = 1, lock_reason = $2, credential_revision = credential_revision + 1
             WHERE id = $1 RETURNING role";
        let Some((role,)) = fetch_optional!(tx, (String,), sql, id.as_str(), reason)? else {
            return Ok(LockOutcome::NoSuchUser);
        };
        if role == Role::Operator.name() && !tx.has_operator().await? {
            return Ok(LockOutcome::LastOperator);
        }
        let ended = tx.delete_sessions(id, None).await?;
        tx.commit().await?;
        Ok(LockOutcome::Locked(ended))
    }

    /// Takes back [`Store::lock_user`]; false when there is nobody of this id.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn unlock_user(&self, id: &UserId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET locked = 0, lock_reason = NULL WHERE id = $1";
        let changed = execute!(tx, sql, id.as_str())?;
        tx.commit().await?;
        Ok(changed == 1)
    }
}

impl Tx {
    /// Whether there is an operator who may be here.
    async fn has_operator(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM users WHERE role = $1 AND locked = 0 AND shut_out IS NULL LIMIT 1";
        Ok(fetch_optional!(self, (String,), sql, Role::Operator.name())?.is_some())
    }
}

/// What `LIKE` takes for a text anywhere in another, whatever characters it has.
fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    #[tokio::test]
    async fn people_are_found_by_a_part_of_a_name_or_by_their_uid_page_by_page() {
        each_engine(|store| async move {
            for (name, display_name, uid) in
                [("kim", "김철수", 5001), ("kim_2", "100%!", 5002), ("lee", "Lee Young", 5003)]
            {
                let display_name = display_name.to_owned();
                let user = User { display_name, uid, ..someone(name) };
                store.create_user(&user, None).await.unwrap();
            }
            for (part, expected) in [
                ("", vec!["kim", "kim_2", "lee"]),
                ("KIM", vec!["kim", "kim_2"]),
                ("철", vec!["kim"]),
                ("young", vec!["lee"]),
                ("5003", vec!["lee"]),
                ("500", vec![]),
                ("%", vec!["kim_2"]),
                ("_", vec!["kim_2"]),
                ("!", vec!["kim_2"]),
                ("' OR 1=1 --", vec![]),
            ] {
                let found = store.find_users(part, "", 9).await.unwrap();
                let found: Vec<_> = found.iter().map(|user| user.name.as_str()).collect();
                assert_eq!(found, expected, "{part:?}");
            }
            let page = store.find_users("", "kim", 1).await.unwrap();
            assert_eq!(page[0].name, "kim_2");
        })
        .await;
    }

    #[tokio::test]
    async fn a_lock_ends_sessions_and_leaves_one_operator() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            for user in [&kim, &lee] {
                store.create_user(user, None).await.unwrap();
                store.set_role(&user.id, Role::Operator).await.unwrap();
            }
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
            let locked = store.lock_user(&kim.id, Some("left the centre")).await.unwrap();
            assert_eq!(locked, LockOutcome::Locked(vec![session.id]));
            let standing = store.standing(&kim.id).await.unwrap().unwrap();
            assert_eq!((standing.locked, standing.lock_reason.as_deref()), (true, Some("left the centre")));
            assert_eq!(store.lock_user(&lee.id, None).await.unwrap(), LockOutcome::LastOperator);
            assert!(!store.standing(&lee.id).await.unwrap().unwrap().locked);
            let nobody = UserId::random();
            assert_eq!(store.lock_user(&nobody, None).await.unwrap(), LockOutcome::NoSuchUser);
            assert!(store.unlock_user(&kim.id).await.unwrap());
            let standing = store.standing(&kim.id).await.unwrap().unwrap();
            assert_eq!((standing.locked, standing.lock_reason), (false, None));
            assert_eq!(store.standing(&nobody).await.unwrap(), None);
            assert!(!store.unlock_user(&nobody).await.unwrap());
        })
        .await;
    }
}
