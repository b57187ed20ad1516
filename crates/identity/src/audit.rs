//! The audit log's way: the intent is on record before an act, the outcome after it.

mod feed;
mod syslog;

use std::net::IpAddr;

use myksc_core::{Error, Result};
use myksc_store::{AuditFilter, AuditIntent, Store};

use crate::account::check_name;

pub use feed::AuditFeed;
pub use syslog::{InvalidAddress, Syslog, SyslogAddress};

/// Longest text of a column, in characters; names come from forms.
const MAX_CHARS: usize = 200;

/// Who asks for something, as the audit log names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    address: String,
}

impl Actor {
    /// Somebody at the other end of a connection.
    #[must_use]
    pub fn remote(name: &str, address: IpAddr) -> Self {
        Self { name: plain(name), address: address.to_canonical().to_string() }
    }

    /// Somebody at the other end of a connection by the name that was typed. What can't be an account's name is not
    /// written down: it may be a password in the wrong field.
    #[must_use]
    pub fn typed(name: &str, address: IpAddr) -> Self {
        Self::remote(if check_name(name).is_ok() { name } else { "?" }, address)
    }

    /// The operator on the portal's own machine, by the account she works as.
    #[must_use]
    pub fn operator(account: &str) -> Self {
        Self { name: plain(&format!("admin:{account}")), address: String::new() }
    }

    /// The portal itself.
    #[must_use]
    pub fn portal() -> Self {
        Self { name: "portal".to_owned(), address: String::new() }
    }
}

/// Does `act` between its intent and its outcome. Without a place for the intent nothing is done.
///
/// # Errors
/// What `act` says, or that the intent could not be written.
pub async fn audited<T>(
    store: &Store,
    actor: &Actor,
    action: &'static str,
    object: &str,
    act: impl Future<Output = Result<T>>,
) -> Result<T> {
    let object = plain(object);
    let intent = AuditIntent { actor: &actor.name, action, object: &object, address: &actor.address };
    let entry = store.begin_audit(intent).await?;
    let answer = act.await;
    let outcome = answer.as_ref().err().map_or("done", code);
    if let Err(error) = store.end_audit(entry, outcome).await {
        // The act is done; an entry without outcome says that much.
        tracing::error!(%error, action, outcome, "the audit log did not take an outcome");
    }
    answer
}

/// What is looked for, spelt as the log spells it, which has no control characters.
#[must_use]
pub fn searched(filter: AuditFilter) -> AuditFilter {
    let spelt = |text: Option<String>| text.map(|text| plain(&text));
    AuditFilter {
        actor: spelt(filter.actor),
        action: spelt(filter.action),
        object: spelt(filter.object),
        outcome: spelt(filter.outcome),
        ..filter
    }
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "invalid",
        Error::Unauthenticated => "unauthenticated",
        Error::WrongCredentials => "wrong_credentials",
        Error::NotFound { .. } => "not_found",
        Error::TooMany { .. } => "too_many",
        Error::Forbidden { code, .. } | Error::Conflict { code, .. } | Error::Unavailable { code, .. } => {
            code
        }
        Error::Internal(_) => "internal",
    }
}

/// A text that can't break a line of the log or a column.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use myksc_store::testing::each_engine;

    use super::*;

    #[tokio::test]
    async fn refusals_stand_in_the_log_by_their_code_and_hostile_names_as_plain_text() {
        each_engine(|store| async move {
            let actor = Actor::remote("kim\0\n2026 root signed in", "::ffff:192.0.2.7".parse().unwrap());
            let refused =
                audited(&store, &actor, "sign_in", "", async { Err::<(), _>(Error::WrongCredentials) });
            refused.await.unwrap_err();
            audited(&store, &Actor::operator("root"), "lock", &"x".repeat(999), async { Ok(()) })
                .await
                .unwrap();
            let entries = store.audit_entries(9).await.unwrap();
            assert_eq!(entries[1].actor, "kim\u{fffd}\u{fffd}2026 root signed in");
            assert_eq!(entries[1].address, "192.0.2.7");
            assert_eq!(entries[1].outcome.as_deref(), Some("wrong_credentials"));
            assert_eq!((entries[0].outcome.as_deref(), entries[0].object.len()), (Some("done"), MAX_CHARS));
        })
        .await;
    }
}
