//! Sending the audit log on to a receiver, from where it was left off.
//!
//! How far the receiver has the log is on record, written after it took the entries: what was sent shortly before
//! the portal died is sent again, and nothing is left out. An entry goes out when its act begins and once more with
//! its outcome.

use std::time::Duration;

use myksc_core::{Result, Timestamp};
use myksc_store::{AuditEntry, AuditFilter, AuditPosition, Store};

use super::syslog::Syslog;

/// Entries that are read and sent at once.
const PAGE: u32 = 200;
/// How often the log is looked at when there is nothing new.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest wait after the receiver did not take something.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// So long a number may be missing before the transaction that took it is believed to have failed: PostgreSQL shows
/// entries in the order of their commits.
const GAP_SECS: i64 = 60;
/// An act that has no outcome after so long has none because the portal died.
const OPEN_SECS: i64 = 3600;
/// Entries whose outcome is waited for at most.
const MAX_OPEN: usize = 1000;

/// Sends the log to one receiver.
pub struct AuditFeed {
    store: Store,
    receiver: String,
    syslog: Syslog,
}

/// What is to be sent, and how far the receiver has the log then.
struct News {
    entries: Vec<AuditEntry>,
    position: AuditPosition,
}

impl AuditFeed {
    /// To this receiver, from where it was left off.
    #[must_use]
    pub fn new(store: Store, syslog: Syslog) -> Self {
        Self { store, receiver: syslog.address().to_string(), syslog }
    }

    /// Sends what comes for as long as it is polled.
    pub async fn keep_sending(mut self) {
        let mut wait = LOOK_EVERY;
        loop {
            match self.send_news().await {
                // There may be more.
                Ok(true) => continue,
                Ok(false) => wait = LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, receiver = self.receiver, "the audit log could not be sent on");
                    wait = (wait * 2).min(MAX_WAIT);
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends what is new, a page at most; false when there is nothing.
    ///
    /// # Errors
    /// What the database says; unavailable with `audit_receiver_away` when the receiver does not take it.
    pub async fn send_news(&mut self) -> Result<bool> {
        let before = self.store.audit_position(&self.receiver).await?;
        let news = self.news(&before).await?;
        if !news.entries.is_empty() {
            self.syslog.send(&news.entries).await?;
        }
        if news.position != before {
            self.store.set_audit_position(&self.receiver, &news.position).await?;
        }
        Ok(!news.entries.is_empty())
    }

    async fn news(&self, before: &AuditPosition) -> Result<News> {
        let now = Timestamp::now();
        let mut news = News { entries: Vec::new(), position: AuditPosition::default() };
        for id in &before.open {
            match self.store.audit_entry(*id).await? {
                Some(entry) if entry.outcome.is_some() => news.entries.push(entry),
                Some(entry) if now.secs_since(entry.at) < OPEN_SECS => news.position.open.push(*id),
                _ => {}
            }
        }
        let further = self.store.audit_after(&AuditFilter::default(), before.last, PAGE).await?;
        let further = without_gap(before.last, further, now);
        news.position.last = further.last().map_or(before.last, |entry| entry.id);
        let open = further.iter().filter(|entry| entry.outcome.is_none()).map(|entry| entry.id);
        news.position.open.extend(open);
        let surplus = news.position.open.len().saturating_sub(MAX_OPEN);
        news.position.open.drain(..surplus);
        news.entries.extend(further);
        Ok(news)
    }
}

/// The entries up to the first number that is missing and may yet come.
fn without_gap(last: i64, mut entries: Vec<AuditEntry>, now: Timestamp) -> Vec<AuditEntry> {
    let mut expected = last + 1;
    let mut whole = entries.len();
    for (index, entry) in entries.iter().enumerate() {
        if entry.id != expected && now.secs_since(entry.at) < GAP_SECS {
            whole = index;
            break;
        }
        expected = entry.id + 1;
    }
    entries.truncate(whole);
    entries
}

#[cfg(test)]
mod tests;
