//! Tables `totps`, `recovery_codes` and `ceremonies`: second factors, and what waits to become one.

use myksc_core::{Timestamp, UserId};

use crate::db::{Store, Tx, execute, fetch_optional};
use crate::error::StoreError;

/// The time-based codes of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The secret, sealed.
    pub sealed_secret: String,
    /// The last step whose code was taken.
    pub last_step: u64,
    /// Since when.
    pub enrolled_at: Timestamp,
}

/// What came of taking a factor away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorRemoval {
    /// It is gone.
    Removed,
    /// It is the last one and must stay.
    IsLast,
    /// There is none.
    Absent,
}

/// Something begun that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Ceremony<'a> {
    /// The session's id, or the hash of the pending sign-in's cookie.
    pub holder: &'a str,
    /// What is begun; a holder has one of a kind.
    pub kind: &'static str,
}

impl Store {
    /// A person's time-based codes, if she has any.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn totp(&self, user: &UserId) -> Result<Option<Totp>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT sealed_secret, last_step, enrolled_at FROM totps WHERE user_id = $1";
        let row = fetch_optional!(reader, (String, i64, i64), sql, user.as_str())?;
        row.map(read_totp).transpose()
    }

    /// Takes the code of a step. False when its code or a later one was taken before, or the secret is another by now.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn take_totp_step(
        &self,
        user: &UserId,
        sealed_secret: &str,
        step: u64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql =
            "UPDATE totps SET last_step = $2 WHERE user_id = $1 AND last_step < $2 AND sealed_secret = $3";
        let taken = execute!(tx, sql, user.as_str(), step_number(step)?, sealed_secret)?;
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Gives a person time-based codes and recovery codes in place of those she had. False, and nothing changes, when
    /// she is locked, or when it is to be her first factor and she has one.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn enrol_totp(
        &self,
        user: &UserId,
        totp: &Totp,
        recovery_hashes: &[String],
        is_first: bool,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if tx.hold_account(user).await?.is_none() || (is_first && tx.has_factor(user).await?) {
            return Ok(false);
        }
        execute!(tx, "DELETE FROM totps WHERE user_id = $1", user.as_str())?;
        execute!(
            tx,
            "INSERT INTO totps (user_id, sealed_secret, last_step, enrolled_at) VALUES ($1, $2, $3, $4)",
            user.as_str(),
            totp.sealed_secret.as_str(),
            step_number(totp.last_step)?,
            totp.enrolled_at.as_millis()
        )?;
        tx.put_recovery_codes(user, recovery_hashes).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a person's time-based codes away; with `keep_last` not if they are her last factor. The recovery codes go
    /// with the last factor.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn remove_totp(&self, user: &UserId, keep_last: bool) -> Result<FactorRemoval, StoreError> {
        let mut tx = self.begin().await?;
        tx.hold_account(user).await?;
        if execute!(tx, "DELETE FROM totps WHERE user_id = $1", user.as_str())? == 0 {
            return Ok(FactorRemoval::Absent);
        }
        tx.settle_removal(user, keep_last).await
    }

    /// Gives a person recovery codes in place of those she had. False, and nothing changes, when she is locked or has no
    /// factor that they could stand in for.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn replace_recovery_codes(&self, user: &UserId, hashes: &[String]) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if tx.hold_account(user).await?.is_none() || !tx.has_factor(user).await? {
            return Ok(false);
        }
        tx.put_recovery_codes(user, hashes).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Spends a recovery code; false when she has no such.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn spend_recovery_code(&self, user: &UserId, hash: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2";
        let spent = execute!(tx, sql, user.as_str(), hash)?;
        tx.commit().await?;
        Ok(spent == 1)
    }

    /// How many recovery codes a person has left.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn recovery_codes_left(&self, user: &UserId) -> Result<u32, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1";
        let count = fetch_optional!(reader, (i64,), sql, user.as_str())?.map_or(0, |(count,)| count);
        u32::try_from(count).map_err(|error| StoreError::corrupt("recovery_codes", error))
    }

    /// Takes all factors of a person away, and what waits for one.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn reset_factors(&self, user: &UserId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.hold_account(user).await?;
        for sql in [
            "DELETE FROM totps WHERE user_id = $1",
            "DELETE FROM passkeys WHERE user_id = $1",
            "DELETE FROM recovery_codes WHERE user_id = $1",
            "DELETE FROM ceremonies WHERE user_id = $1",
            "DELETE FROM sign_ins WHERE user_id = $1",
        ] {
            execute!(tx, sql, user.as_str())?;
        }
        tx.commit().await
    }

    /// Keeps what a ceremony needs for its end; one of the same kind that the holder had begun is given up.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn put_ceremony(
        &self,
        ceremony: Ceremony<'_>,
        user: &UserId,
        sealed: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO ceremonies (holder, kind, user_id, sealed, expires_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (holder, kind) DO UPDATE
             SET user_id = excluded.user_id, sealed = excluded.sealed, expires_at = excluded.expires_at",
            ceremony.holder,
            ceremony.kind,
            user.as_str(),
            sealed,
            expires_at.as_millis()
        )?;
        tx.commit().await
    }

    /// What a ceremony of this person kept, unless it is over at `now`.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn ceremony(
        &self,
        ceremony: Ceremony<'_>,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT sealed FROM ceremonies
                   WHERE holder = $1 AND kind = $2 AND user_id = $3 AND expires_at > $4";
        let (holder, kind) = (ceremony.holder, ceremony.kind);
        let row = fetch_optional!(reader, (String,), sql, holder, kind, user.as_str(), now.as_millis())?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// Ends a ceremony whose state is still `sealed`: of two that come, one ends it.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn end_ceremony(&self, ceremony: Ceremony<'_>, sealed: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM ceremonies WHERE holder = $1 AND kind = $2 AND sealed = $3";
        let ended = execute!(tx, sql, ceremony.holder, ceremony.kind, sealed)?;
        tx.commit().await?;
        Ok(ended == 1)
    }
}

impl Tx {
    /// Ends the removal of one factor, as [`Store::remove_totp`] says.
    pub(crate) async fn settle_removal(
        mut self,
        user: &UserId,
        keep_last: bool,
    ) -> Result<FactorRemoval, StoreError> {
        if !self.has_factor(user).await? {
            if keep_last {
                return Ok(FactorRemoval::IsLast);
            }
            execute!(self, "DELETE FROM recovery_codes WHERE user_id = $1", user.as_str())?;
        }
        self.commit().await?;
        Ok(FactorRemoval::Removed)
    }

    /// Whether a person has a factor; recovery codes are none.
    pub(crate) async fn has_factor(&mut self, user: &UserId) -> Result<bool, StoreError> {
        let sql = "SELECT user_id FROM totps WHERE user_id = $1
                   UNION ALL SELECT user_id FROM passkeys WHERE user_id = $1";
        Ok(fetch_optional!(self, (String,), sql, user.as_str())?.is_some())
    }

    async fn put_recovery_codes(&mut self, user: &UserId, hashes: &[String]) -> Result<(), StoreError> {
        execute!(self, "DELETE FROM recovery_codes WHERE user_id = $1", user.as_str())?;
        for hash in hashes {
            let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)";
            execute!(self, sql, user.as_str(), hash.as_str())?;
        }
        Ok(())
    }
}

fn read_totp((sealed_secret, last_step, enrolled_at): (String, i64, i64)) -> Result<Totp, StoreError> {
    let last_step = u64::try_from(last_step).map_err(|error| StoreError::corrupt("totps", error))?;
    Ok(Totp { sealed_secret, last_step, enrolled_at: Timestamp::from_millis(enrolled_at) })
}

fn step_number(step: u64) -> Result<i64, StoreError> {
    i64::try_from(step).map_err(|error| StoreError::corrupt("totps", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    fn totp(sealed_secret: &str) -> Totp {
        let enrolled_at = Timestamp::from_millis(1);
        Totp { sealed_secret: sealed_secret.to_owned(), last_step: 7, enrolled_at }
    }

    fn hashes(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_step_is_taken_once_and_no_earlier_one_after_it() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            assert!(!store.take_totp_step(&kim.id, "a", 8).await.unwrap());
            assert!(store.enrol_totp(&kim.id, &totp("a"), &[], true).await.unwrap());
            assert_eq!(store.totp(&kim.id).await.unwrap(), Some(totp("a")));
            for (sealed, step, expected) in
                [("a", 7, false), ("b", 9, false), ("a", 9, true), ("a", 9, false), ("a", 8, false)]
            {
                let taken = store.take_totp_step(&kim.id, sealed, step).await.unwrap();
                assert_eq!(taken, expected, "{sealed} {step}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_first_factor_replaces_none_and_codes_are_spent_once() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let codes = hashes(&["x", "y"]);
            assert!(!store.replace_recovery_codes(&kim.id, &codes).await.unwrap());
            assert!(store.enrol_totp(&kim.id, &totp("a"), &codes, true).await.unwrap());
            assert!(!store.enrol_totp(&kim.id, &totp("b"), &[], true).await.unwrap());
            assert!(!store.spend_recovery_code(&lee.id, "x").await.unwrap());
            assert!(store.spend_recovery_code(&kim.id, "x").await.unwrap());
            assert!(!store.spend_recovery_code(&kim.id, "x").await.unwrap());
            assert_eq!(store.recovery_codes_left(&kim.id).await.unwrap(), 1);
            assert!(store.enrol_totp(&kim.id, &totp("b"), &hashes(&["z"]), false).await.unwrap());
            assert!(!store.spend_recovery_code(&kim.id, "y").await.unwrap());
            assert_eq!(store.remove_totp(&kim.id, true).await.unwrap(), FactorRemoval::IsLast);
            assert_eq!(store.totp(&kim.id).await.unwrap(), Some(totp("b")));
            assert_eq!(store.remove_totp(&kim.id, false).await.unwrap(), FactorRemoval::Removed);
            assert_eq!(store.remove_totp(&kim.id, false).await.unwrap(), FactorRemoval::Absent);
            assert_eq!(store.recovery_codes_left(&kim.id).await.unwrap(), 0);
        })
        .await;
    }

    #[tokio::test]
    async fn a_ceremony_is_its_holders_and_its_persons_and_ends_once() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let (now, end) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
            let ceremony = Ceremony { holder: "s1", kind: "totp" };
            store.put_ceremony(ceremony, &kim.id, "first", end).await.unwrap();
            store.put_ceremony(ceremony, &kim.id, "second", end).await.unwrap();
            assert_eq!(store.ceremony(ceremony, &lee.id, now).await.unwrap(), None);
            assert_eq!(store.ceremony(ceremony, &kim.id, end).await.unwrap(), None);
            let other = Ceremony { holder: "s2", kind: "totp" };
            assert_eq!(store.ceremony(other, &kim.id, now).await.unwrap(), None);
            assert_eq!(store.ceremony(ceremony, &kim.id, now).await.unwrap().as_deref(), Some("second"));
            assert!(!store.end_ceremony(ceremony, "first").await.unwrap());
            assert!(store.end_ceremony(ceremony, "second").await.unwrap());
            assert!(!store.end_ceremony(ceremony, "second").await.unwrap());
        })
        .await;
    }
}
