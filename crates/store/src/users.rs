//! Table `users`: the local accounts, and the people whom a provider vouches for.

mod standing;

use std::path::PathBuf;

use myksc_core::user::Group;
use myksc_core::{Role, SessionId, Timestamp, User, UserId};

use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

pub use self::standing::{LockOutcome, Standing};

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

/// What became of a person whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VouchedOutcome {
    /// She is on record.
    Written,
    /// Her account name or subject is on record already.
    NameTaken,
    /// The person of this name has her UID.
    UidTaken(String),
    /// The person of this name has her home.
    HomeTaken(String),
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

    /// Adds a person whom a provider vouches for, by the name that it has for her for ever.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn create_vouched_user(
        &self,
        user: &User,
        subject: &str,
    ) -> Result<VouchedOutcome, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(taken) = tx.find_taken(user).await? {
            return Ok(taken);
        }
        match tx.insert_user(user, None, Some(subject)).await {
            Ok(()) => tx.commit().await.map(|()| VouchedOutcome::Written),
            Err(error) if error.is_duplicate() => Ok(VouchedOutcome::NameTaken),
            Err(error) => Err(error),
        }
    }

    /// Writes what a provider says of a person now: full name, groups, home, shell and role; she is let in again.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn update_vouched_user(&self, user: &User) -> Result<VouchedOutcome, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(taken) = tx.find_taken(user).await? {
            return Ok(taken);
        }
        execute!(
            tx,
            "UPDATE users SET display_name = $2, gid = $3, groups = $4, home = $5, shell = $6, role = $7,
                              shut_out = NULL, refreshed_at = $8
             WHERE id = $1",
            user.id.as_str(),
            user.display_name.as_str(),
            i64::from(user.gid),
            groups_text(&user.groups)?,
            path_text(&user.home)?,
            path_text(&user.shell)?,
            user.role.name(),
            Timestamp::now().as_millis()
        )?;
        tx.commit().await.map(|()| VouchedOutcome::Written)
    }

    /// Notes that the providers of these people were asked about them now.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn note_refreshed(&self, users: &[UserId]) -> Result<(), StoreError> {
        let now = Timestamp::now().as_millis();
        let mut tx = self.begin().await?;
        for user in users {
            execute!(tx, "UPDATE users SET refreshed_at = $2 WHERE id = $1", user.as_str(), now)?;
        }
        tx.commit().await
    }

    /// Shuts a person out for a reason and ends everything that she has open: says which sessions ended. Her API
    /// tokens are deleted, and what was begun before opens nothing more. None when she is shut out already, or there
    /// is no such person.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn shut_out(&self, id: &UserId, reason: &str) -> Result<Option<Vec<SessionId>>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE users SET shut_out = $2, credential_revision = credential_revision + 1
                   WHERE id = $1 AND shut_out IS NULL";
        if execute!(tx, sql, id.as_str(), reason)? == 0 {
            return Ok(None);
        }
        let ended = tx.delete_sessions(id, None).await?;
        execute!(tx, "DELETE FROM tokens WHERE user_id = $1", id.as_str())?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Takes back [`Store::shut_out`], as far as the person may come back.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn let_in(&self, id: &UserId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(tx, "UPDATE users SET shut_out = NULL WHERE id = $1", id.as_str())?;
        tx.commit().await
    }

    /// The people of other providers than the portal itself who have something open here (a session, an API token,
    /// an app that runs) or are shut out.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn vouched_users_at_work(&self) -> Result<Vec<UserWithPassword>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT * FROM users WHERE provider <> $1 AND (
                 shut_out IS NOT NULL
                 OR EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id)
                 OR EXISTS (SELECT 1 FROM tokens WHERE tokens.user_id = users.id)
                 OR EXISTS (SELECT 1 FROM apps WHERE apps.owner = users.id AND apps.phase IN ('starting', 'ready')))
             ORDER BY name",
            User::LOCAL
        )?;
        rows.into_iter().map(Row::read).collect()
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

    /// The person whom a provider calls so.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn user_by_subject(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<Option<UserWithPassword>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM users WHERE provider = $1 AND subject = $2";
        fetch_optional!(reader, Row, sql, provider, subject)?.map(Row::read).transpose()
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
    /// What of a person is somebody else's. Until the commit nobody else looks: two people who come at once must not
    /// both get a UID or home that neither has yet.
    async fn find_taken(&mut self, user: &User) -> Result<Option<VouchedOutcome>, StoreError> {
        execute!(self, "UPDATE revision SET value = value WHERE id = 1")?;
        let others = "SELECT * FROM users WHERE name <> $1 AND (uid = $2 OR home = $3) ORDER BY name LIMIT 1";
        let (uid, home) = (i64::from(user.uid), path_text(&user.home)?);
        let Some(other) = fetch_optional!(self, Row, others, user.name.as_str(), uid, home)? else {
            return Ok(None);
        };
        let other = other.read()?.user;
        let taken = if other.uid == user.uid { VouchedOutcome::UidTaken } else { VouchedOutcome::HomeTaken };
        Ok(Some(taken(other.name)))
    }

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
pub(crate) mod tests {
    use myksc_core::secret::Secret;

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::tokens::tests::token_of;

    /// An account that no other test has.
    pub(crate) fn someone(name: &str) -> User {
        User {
            id: UserId::random(),
            name: name.to_owned(),
            display_name: "김철수".to_owned(),
            uid: u32::MAX - 2 - name.bytes().map(u32::from).sum::<u32>(),
            gid: 1000,
            groups: vec![Group { gid: 1000, name: "hpc \"quoted\"".to_owned() }],
            home: format!("/home/김 {name}").into(),
            shell: "/bin/bash".into(),
            provider: User::LOCAL.to_owned(),
            role: Role::User,
            locked: false,
            created_at: Timestamp::from_millis(1_700_000_000_123),
        }
    }

    fn change(password_hash: &str) -> PasswordChange<'_> {
        PasswordChange { password_hash, checked_at: None, keep: None, revoke_tokens: false }
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
            assert_eq!(store.change_password(&kim.id, change("new")).await.unwrap(), Some(vec![]));
            assert!(store.set_locked(&kim.id, true).await.unwrap());
            let kim = store.user_by_name("kim").await.unwrap().unwrap();
            assert_eq!((kim.user.locked, kim.password_hash.as_deref()), (true, Some("new")));
            let lee = store.user_by_name("lee").await.unwrap().unwrap();
            assert_eq!((lee.user.locked, lee.password_hash.as_deref()), (false, Some("old")));
            assert!(!store.set_locked(&UserId::random(), true).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn a_changed_password_ends_what_the_older_one_opened_and_lets_nothing_more_of_it_in() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, Some("old")).await.unwrap();
            store.create_user(&lee, Some("old")).await.unwrap();
            let here = session_of(&kim.id, SessionKind::Browser);
            let there = session_of(&kim.id, SessionKind::Browser);
            let of_lee = session_of(&lee.id, SessionKind::Browser);
            for session in [&here, &there, &of_lee] {
                assert!(store.create_session(session, Secret::random().hash(), 0).await.unwrap());
            }
            let (first, second) = (token_of(&kim.id), token_of(&lee.id));
            for token in [&first, &second] {
                store.create_token(token, Secret::random().hash(), 9, None).await.unwrap();
            }
            let keep = PasswordChange { keep: Some(&here.id), checked_at: Some(0), ..change("new") };
            assert_eq!(store.change_password(&kim.id, keep).await.unwrap(), Some(vec![there.id]));
            assert_eq!(
                store.change_password(&kim.id, keep).await.unwrap(),
                None,
                "checked before the change"
            );
            assert_eq!(store.tokens_of(&kim.id).await.unwrap(), [first]);

            let late = session_of(&kim.id, SessionKind::Browser);
            assert!(!store.create_session(&late, Secret::random().hash(), 0).await.unwrap());
            assert_eq!(store.sessions_of(&kim.id).await.unwrap(), std::slice::from_ref(&here));
            let revoke = PasswordChange { revoke_tokens: true, ..change("newer") };
            assert_eq!(store.change_password(&kim.id, revoke).await.unwrap(), Some(vec![here.id]));
            assert_eq!(store.tokens_of(&kim.id).await.unwrap(), []);
            assert_eq!(store.sessions_of(&lee.id).await.unwrap(), [of_lee]);
            assert_eq!(store.tokens_of(&lee.id).await.unwrap(), [second]);
            assert_eq!(store.change_password(&UserId::random(), change("x")).await.unwrap(), None);
        })
        .await;
    }

    fn vouched(name: &str) -> User {
        User { provider: "centre".to_owned(), ..someone(name) }
    }

    #[tokio::test]
    async fn a_vouched_person_gets_nothing_that_is_somebody_elses() {
        each_engine(|store| async move {
            let (kim, lee) = (vouched("kim"), someone("lee"));
            store.create_user(&lee, None).await.unwrap();
            assert_eq!(store.create_vouched_user(&kim, "1").await.unwrap(), VouchedOutcome::Written);
            let with = |uid, home: &std::path::Path| User { uid, home: home.to_owned(), ..vouched("seo") };
            for (user, outcome) in [
                (with(kim.uid, "/home/seo".as_ref()), VouchedOutcome::UidTaken("kim".to_owned())),
                (with(lee.uid, "/home/seo".as_ref()), VouchedOutcome::UidTaken("lee".to_owned())),
                (with(77, &lee.home), VouchedOutcome::HomeTaken("lee".to_owned())),
                (User { id: UserId::random(), ..kim.clone() }, VouchedOutcome::NameTaken),
            ] {
                assert_eq!(store.create_vouched_user(&user, "2").await.unwrap(), outcome);
            }
            let seo = with(77, "/home/seo".as_ref());
            assert_eq!(store.create_vouched_user(&seo, "1").await.unwrap(), VouchedOutcome::NameTaken);
            assert_eq!(store.create_vouched_user(&seo, "2").await.unwrap(), VouchedOutcome::Written);

            let moved = User { home: kim.home.clone(), ..seo.clone() };
            let outcome = store.update_vouched_user(&moved).await.unwrap();
            assert_eq!(outcome, VouchedOutcome::HomeTaken("kim".to_owned()));
            let changed = User { home: "/home/new".into(), groups: vec![], role: Role::Support, ..seo };
            assert_eq!(store.update_vouched_user(&changed).await.unwrap(), VouchedOutcome::Written);
            let found = store.user_by_subject("centre", "2").await.unwrap().unwrap();
            assert_eq!(found.user, changed);
        })
        .await;
    }

    #[tokio::test]
    async fn it_is_on_record_when_a_provider_was_asked_about_a_person() {
        each_engine(|store| async move {
            let (kim, local) = (vouched("kim"), someone("local"));
            let asked_at = async |user: &User| store.standing(&user.id).await.unwrap().unwrap().refreshed_at;
            let before = Timestamp::now();
            store.create_vouched_user(&kim, "1").await.unwrap();
            store.create_user(&local, None).await.unwrap();
            let first = asked_at(&kim).await.unwrap();
            assert!(first >= before && asked_at(&local).await.is_none());
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            store.note_refreshed(&[kim.id.clone(), UserId::random()]).await.unwrap();
            assert!(asked_at(&kim).await.unwrap() > first);
        })
        .await;
    }

    #[tokio::test]
    async fn who_is_shut_out_has_nothing_left_and_opens_nothing_until_let_in() {
        each_engine(|store| async move {
            let (kim, lee) = (vouched("kim"), vouched("lee"));
            let names = || async {
                let found = store.vouched_users_at_work().await.unwrap();
                found.into_iter().map(|found| (found.user.name, found.shut_out)).collect::<Vec<_>>()
            };
            for (user, subject) in [(&kim, "1"), (&lee, "2")] {
                store.create_vouched_user(user, subject).await.unwrap();
            }
            store.create_user(&someone("local"), None).await.unwrap();
            assert_eq!(names().await, []);
            let session = session_of(&kim.id, SessionKind::Browser);
            assert!(store.create_session(&session, Secret::random().hash(), 0).await.unwrap());
            store.create_token(&token_of(&lee.id), Secret::random().hash(), 9, None).await.unwrap();
            assert_eq!(names().await, [("kim".to_owned(), None), ("lee".to_owned(), None)]);

            assert_eq!(store.shut_out(&kim.id, "gone").await.unwrap(), Some(vec![session.id]));
            assert_eq!(store.shut_out(&lee.id, "locked").await.unwrap(), Some(vec![]));
            assert_eq!(store.shut_out(&lee.id, "gone").await.unwrap(), None, "she is already");
            assert_eq!(names().await[1], ("lee".to_owned(), Some("locked".to_owned())));
            assert!(store.user(&kim.id).await.unwrap().unwrap().locked);
            assert_eq!(store.tokens_of(&lee.id).await.unwrap(), []);
            let again = session_of(&kim.id, SessionKind::Browser);
            assert!(!store.create_session(&again, Secret::random().hash(), 1).await.unwrap());
            store.let_in(&kim.id).await.unwrap();
            assert!(
                !store.create_session(&again, Secret::random().hash(), 0).await.unwrap(),
                "checked before"
            );
            assert!(store.create_session(&again, Secret::random().hash(), 1).await.unwrap());
        })
        .await;
    }
}
