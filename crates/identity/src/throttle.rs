//! Slowing of wrong passwords by name and by address. Nobody is ever locked out: after its delay an attempt is
//! looked at again, and a right password takes the name's count away.
//!
//! An attempt counts when it begins, so that many at once can't all be looked at before the first is found
//! wrong; a right one is taken back. What is counted went through a hash, so a storm of ever new names and
//! addresses grows the table no faster than hashes run, and quiet subjects are forgotten.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use myksc_core::{Error, Result, Timestamp, UserId};
use myksc_store::{Attempts, Store};

/// Wrong passwords in a row that cost nothing: of a name, and of an address, behind which many may sit.
const FREE_BY_NAME: u32 = 5;
const FREE_BY_ADDRESS: u32 = 30;
/// The longest delay.
const MAX_DELAY_SECS: i64 = 60;
/// After so long without an attempt a subject starts anew.
const FORGET_AFTER_SECS: i64 = 15 * 60;

/// Counts attempts in the database, so that a restart or another replica forgets none.
#[derive(Clone)]
pub struct Throttle {
    store: Store,
}

/// What one attempt counts against.
#[derive(Debug, Clone)]
pub struct Attempt {
    by_address: Option<String>,
    by_name: String,
}

impl Attempt {
    /// Somebody signs in.
    #[must_use]
    pub fn sign_in(name: &str, address: IpAddr) -> Self {
        let by_name = format!("name:{}", hex::encode(Sha256::digest(name.as_bytes())));
        Self { by_address: Some(format!("address:{}", network(address))), by_name }
    }

    /// A signed-in person gives her present password to change it. Wrong sign-ins by others do not count here.
    #[must_use]
    pub fn change_password(user: &UserId) -> Self {
        Self { by_address: None, by_name: format!("change:{user}") }
    }

    fn subjects(&self) -> Vec<(&str, u32)> {
        let by_address = self.by_address.as_deref().map(|subject| (subject, FREE_BY_ADDRESS));
        // Ascending, as the store asks: `address:` comes before `name:`.
        by_address.into_iter().chain([(self.by_name.as_str(), FREE_BY_NAME)]).collect()
    }
}

impl Throttle {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Counts an attempt, or says how long to wait.
    ///
    /// # Errors
    /// [`Error::TooMany`] before the delay is over; nothing is counted then.
    pub async fn begin(&self, attempt: &Attempt, now: Timestamp) -> Result<()> {
        let subjects = attempt.subjects();
        // A storm of refused attempts only reads.
        for (subject, free) in &subjects {
            check(&self.store.attempts(subject).await?, *free, now)?;
        }
        let names: Vec<&str> = subjects.iter().map(|(subject, _)| *subject).collect();
        let changed = self.store.change_attempts(&names, |records| {
            for (record, (_, free)) in records.iter().zip(&subjects) {
                check(record, *free, now)?;
            }
            for record in records {
                let failures = if is_old(record, now) { 0 } else { record.failures };
                *record = Attempts { failures: failures.saturating_add(1), last_at: now };
            }
            Ok(())
        });
        changed.await?
    }

    /// The password was right: the name starts anew, and the attempt no longer counts against the address.
    ///
    /// # Errors
    /// What the database says.
    pub async fn succeeded(&self, attempt: &Attempt) -> Result<()> {
        self.take_back(attempt, |_| 0).await
    }

    /// The attempt was not looked at: it counts against nobody.
    ///
    /// # Errors
    /// What the database says.
    pub async fn not_looked_at(&self, attempt: &Attempt) -> Result<()> {
        self.take_back(attempt, |failures| failures.saturating_sub(1)).await
    }

    /// Forgets what is old.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.store.delete_old_attempts(now.plus_secs(-FORGET_AFTER_SECS)).await?;
        Ok(())
    }

    async fn take_back(&self, attempt: &Attempt, of_name: impl Fn(u32) -> u32) -> Result<()> {
        let subjects = attempt.subjects();
        let names: Vec<&str> = subjects.iter().map(|(subject, _)| *subject).collect();
        let changed = self.store.change_attempts(&names, |records| {
            if let Some((by_name, by_address)) = records.split_last_mut() {
                by_name.failures = of_name(by_name.failures);
                for record in by_address {
                    record.failures = record.failures.saturating_sub(1);
                }
            }
            Ok::<_, Error>(())
        });
        changed.await?
    }
}

fn check(record: &Attempts, free: u32, now: Timestamp) -> Result<()> {
    if is_old(record, now) {
        return Ok(());
    }
    let until = record.last_at.plus_secs(delay_secs(record.failures, free));
    let remaining_millis = until.as_millis() - now.as_millis();
    if remaining_millis <= 0 {
        return Ok(());
    }
    Err(Error::TooMany { retry_after_secs: ((remaining_millis + 999) / 1000).unsigned_abs() })
}

fn is_old(record: &Attempts, now: Timestamp) -> bool {
    let age_secs = now.secs_since(record.last_at);
    // A record of the future comes from a clock that was set back; it must not keep anybody waiting for that.
    record.failures == 0 || !(-MAX_DELAY_SECS..FORGET_AFTER_SECS).contains(&age_secs)
}

/// How long to wait after so many attempts: 1 s after the last free one, doubled each time.
fn delay_secs(failures: u32, free: u32) -> i64 {
    match failures.checked_sub(free) {
        None => 0,
        Some(beyond) => {
            1i64.checked_shl(beyond).filter(|_| beyond < 32).unwrap_or(MAX_DELAY_SECS).min(MAX_DELAY_SECS)
        }
    }
}

/// What one person can be expected to hold of the address space: an IPv4 address, an IPv6 /64.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use myksc_store::testing::each_engine;

    use super::*;

    const T0: i64 = 1_000_000_000_000;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(T0).plus_secs(secs)
    }

    fn kim_from(address: &str) -> Attempt {
        Attempt::sign_in("kim", address.parse().unwrap())
    }

    fn wait_of(answer: Result<()>) -> Option<u64> {
        match answer {
            Ok(()) => None,
            Err(Error::TooMany { retry_after_secs }) => Some(retry_after_secs),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_delay_doubles_up_to_a_minute() {
        let delays: Vec<i64> = [0, 4, 5, 6, 7, 10, 11, 40, u32::MAX].map(|n| delay_secs(n, 5)).into();
        assert_eq!(delays, [0, 0, 1, 2, 4, 32, 60, 60, 60]);
    }

    #[test]
    fn one_person_s_addresses_count_as_one() {
        let cases = [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ];
        for (address, expected) in cases {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }

    #[tokio::test]
    async fn a_name_is_slowed_whatever_the_address_and_never_locked() {
        each_engine(|store| async move {
            let throttle = Throttle::new(store);
            for n in 0..5 {
                let attempt = kim_from(&format!("192.0.2.{n}"));
                assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
            }
            let attempt = kim_from("192.0.2.99");
            assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), Some(1));
            let other = Attempt::sign_in("lee", "192.0.2.1".parse().unwrap());
            assert_eq!(wait_of(throttle.begin(&other, at(0)).await), None);
            // Refused attempts do not lengthen the delay.
            assert_eq!(wait_of(throttle.begin(&attempt, at(1)).await), None);
            assert_eq!(wait_of(throttle.begin(&attempt, at(1)).await), Some(2));
            throttle.succeeded(&attempt).await.unwrap();
            assert_eq!(wait_of(throttle.begin(&attempt, at(1)).await), None);
        })
        .await;
    }

    #[tokio::test]
    async fn an_address_is_slowed_whatever_the_name_and_right_passwords_do_not_count() {
        each_engine(|store| async move {
            let throttle = Throttle::new(store);
            for n in 0..FREE_BY_ADDRESS {
                let attempt = Attempt::sign_in(&format!("user{n}"), "192.0.2.7".parse().unwrap());
                assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
                let right = kim_from("192.0.2.7");
                if n + 1 < FREE_BY_ADDRESS {
                    assert_eq!(wait_of(throttle.begin(&right, at(0)).await), None, "{n}");
                    throttle.succeeded(&right).await.unwrap();
                }
            }
            assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.7"), at(0)).await), Some(1));
            assert_eq!(wait_of(throttle.begin(&kim_from("192.0.2.8"), at(0)).await), None);
        })
        .await;
    }

    #[tokio::test]
    async fn many_at_once_do_not_slip_through() {
        each_engine(|store| async move {
            let throttle = Throttle::new(store);
            let tasks: Vec<_> = (0..40)
                .map(|_| {
                    let throttle = throttle.clone();
                    tokio::spawn(async move { throttle.begin(&kim_from("192.0.2.7"), at(0)).await.is_ok() })
                })
                .collect();
            let mut passed = 0;
            for task in tasks {
                passed += u32::from(task.await.unwrap());
            }
            assert_eq!(passed, FREE_BY_NAME);
        })
        .await;
    }

    #[tokio::test]
    async fn a_quiet_quarter_of_an_hour_forgets_and_an_unlooked_attempt_does_not_count() {
        each_engine(|store| async move {
            let throttle = Throttle::new(store.clone());
            let attempt = kim_from("192.0.2.7");
            for _ in 0..50 {
                throttle.begin(&attempt, at(0)).await.unwrap();
                throttle.not_looked_at(&attempt).await.unwrap();
            }
            for n in 0..9 {
                throttle.begin(&attempt, at(100 * n)).await.unwrap();
            }
            assert!(wait_of(throttle.begin(&attempt, at(800)).await).is_some());
            throttle.sweep(at(800 + FORGET_AFTER_SECS - 1)).await.unwrap();
            assert_eq!(store.attempts(&attempt.by_name).await.unwrap().failures, 9);
            assert_eq!(wait_of(throttle.begin(&attempt, at(800 + FORGET_AFTER_SECS)).await), None);
            assert_eq!(store.attempts(&attempt.by_name).await.unwrap().failures, 1);
            throttle.sweep(at(801 + 2 * FORGET_AFTER_SECS)).await.unwrap();
            assert_eq!(store.attempts(&attempt.by_name).await.unwrap().failures, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn a_clock_set_back_keeps_nobody_waiting() {
        each_engine(|store| async move {
            let throttle = Throttle::new(store);
            let attempt = kim_from("192.0.2.7");
            for n in 0..9 {
                throttle.begin(&attempt, at(100_000 + 100 * n)).await.unwrap();
            }
            assert_eq!(wait_of(throttle.begin(&attempt, at(0)).await), None);
        })
        .await;
    }
}
