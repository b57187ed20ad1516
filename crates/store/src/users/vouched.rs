//! The people whom a provider vouches for: coming, kept up to date, shut out and let in.

use myksc_core::{SessionId, Timestamp, User, UserId};

use super::{Row, UserWithPassword, groups_text, path_text};
use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

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

impl Store {
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
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use myksc_core::Role;
    use myksc_core::secret::Secret;

    use super::*;
    use crate::sessions::SessionKind;
    use crate::sessions::tests::session_of;
    use crate::testing::each_engine;
    use crate::tokens::tests::token_of;
    use crate::users::tests::someone;

    fn vouched(name: &str) -> User {
        User { provider: "centre".to_owned(), ..someone(name) }
    }

    #[tokio::test]
    async fn a_vouched_person_gets_nothing_that_is_somebody_elses() {
        each_engine(|store| async move {
            let (kim, lee) = (vouched("kim"), someone("lee"));
            store.create_user(&lee, None).await.unwrap();
            assert_eq!(store.create_vouched_user(&kim, "1").await.unwrap(), VouchedOutcome::Written);
            let with = |uid, home: &Path| User { uid, home: home.to_owned(), ..vouched("seo") };
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
