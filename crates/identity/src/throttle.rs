//! Slowing of wrong passwords by name and by address. Nobody is ever locked out: after its delay an attempt is
//! looked at again, and a right password takes the name's count away. Where somebody signed in before, she has a
//! count of her own, so that strangers who guess at her name do not slow her.
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

/// How long an address is remembered from which somebody signed in.
const KNOWN_SECS: i64 = 30 * 24 * 3600;

/// Counts attempts in the database, so that a restart or another replica forgets none.
#[derive(Clone)]
pub struct Throttle {
    store: Store,
}

/// Somebody tries a password or a code.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// To sign in.
    SignIn {
        /// The name that was typed.
        name: String,
        /// Where from.
        address: IpAddr,
    },
    /// To change it or what she signs in by, signed in already. Wrong sign-ins by others do not count here.
    ChangePassword(UserId),
    /// The code of a command line that waits, signed in already.
    DeviceCode {
        /// Who typed it.
        person: UserId,
        /// Where from.
        address: IpAddr,
    },
    /// A code of a second factor, the password being right.
    Factor(UserId),
}

/// An attempt that counts until it is taken back.
#[derive(Debug)]
pub struct Counted {
    /// What it counts against, each with how many are free; the one to start anew after success is the last.
    subjects: Vec<(String, u32)>,
    /// Remembered on success.
    known: Option<String>,
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
    pub async fn begin(&self, attempt: &Attempt, now: Timestamp) -> Result<Counted> {
        let counted = self.subjects(attempt, now).await?;
        // A storm of refused attempts only reads.
        for (subject, free) in &counted.subjects {
            check(&self.store.attempts(subject).await?, *free, now)?;
        }
        self.change(&counted, |records| {
            for (record, (_, free)) in records.iter().zip(&counted.subjects) {
                check(record, *free, now)?;
            }
            for record in records {
                let failures = if is_old(record, now) { 0 } else { record.failures };
                *record = Attempts { failures: failures.saturating_add(1), last_at: now };
            }
            Ok(())
        })
        .await?;
        Ok(counted)
    }

    /// The password was right: the name starts anew, the attempt no longer counts against the address, and the
    /// address is known as one of hers.
    ///
    /// # Errors
    /// What the database says.
    pub async fn succeeded(&self, counted: &Counted, now: Timestamp) -> Result<()> {
        self.take_back(counted, |_| 0).await?;
        if let Some(known) = &counted.known {
            let remember = |records: &mut [Attempts]| {
                records.fill(Attempts { failures: 1, last_at: now });
                Ok::<_, Error>(())
            };
            self.store.change_attempts(&[known], remember).await??;
        }
        Ok(())
    }

    /// The attempt was not looked at: it counts against nobody.
    ///
    /// # Errors
    /// What the database says.
    pub async fn not_looked_at(&self, counted: &Counted) -> Result<()> {
        self.take_back(counted, |failures| failures.saturating_sub(1)).await
    }

    /// Forgets what is old.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.store.delete_old_attempts("known:", now.plus_secs(-KNOWN_SECS)).await?;
        for prefix in ["address:", "change:", "device", "factor:", "name:", "pair:"] {
            self.store.delete_old_attempts(prefix, now.plus_secs(-FORGET_AFTER_SECS)).await?;
        }
        Ok(())
    }

    /// In ascending order, as the store asks.
    async fn subjects(&self, attempt: &Attempt, now: Timestamp) -> Result<Counted> {
        let (name, network) = match attempt {
            Attempt::SignIn { name, address } => (digest(name), network(*address)),
            Attempt::ChangePassword(user) => return Ok(Counted::of_one(format!("change:{user}"))),
            Attempt::DeviceCode { person, address } => {
                let by_address = (format!("device-address:{}", network(*address)), FREE_BY_ADDRESS);
                let subjects = vec![by_address, (format!("device:{person}"), FREE_BY_NAME)];
                return Ok(Counted { subjects, known: None });
            }
            Attempt::Factor(user) => return Ok(Counted::of_one(format!("factor:{user}"))),
        };
        let pair = digest(&format!("{name} {network}"));
        let known = format!("known:{pair}");
        let remembered = self.store.attempts(&known).await?;
        let is_known = remembered.failures > 0 && now.secs_since(remembered.last_at) < KNOWN_SECS;
        let by_name = if is_known { format!("pair:{pair}") } else { format!("name:{name}") };
        let subjects = vec![(format!("address:{network}"), FREE_BY_ADDRESS), (by_name, FREE_BY_NAME)];
        Ok(Counted { subjects, known: Some(known) })
    }

    async fn change(
        &self,
        counted: &Counted,
        decide: impl FnOnce(&mut [Attempts]) -> Result<()>,
    ) -> Result<()> {
        let subjects: Vec<&str> = counted.subjects.iter().map(|(subject, _)| subject.as_str()).collect();
        self.store.change_attempts(&subjects, decide).await?
    }

    async fn take_back(&self, counted: &Counted, of_name: impl Fn(u32) -> u32) -> Result<()> {
        self.change(counted, |records| {
            if let Some((by_name, by_address)) = records.split_last_mut() {
                by_name.failures = of_name(by_name.failures);
                for record in by_address {
                    record.failures = record.failures.saturating_sub(1);
                }
            }
            Ok(())
        })
        .await
    }
}

impl Counted {
    fn of_one(subject: String) -> Self {
        Self { subjects: vec![(subject, FREE_BY_NAME)], known: None }
    }
}

/// Keys of one length, whatever was typed.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn check(record: &Attempts, free: u32, now: Timestamp) -> Result<()> {
    let delay_secs = delay_secs(record.failures, free);
    // Of two at once the one that began first can be counted last: the record is then of a moment after its own.
    if delay_secs == 0 || is_old(record, now) {
        return Ok(());
    }
    let until = record.last_at.plus_secs(delay_secs);
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
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests;
