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
/// The same for objects, which paths are among.
const MAX_OBJECT_CHARS: usize = 1000;

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
pub fn audited<T>(
    store: &Store,
    actor: &Actor,
    action: &'static str,
    object: &str,
    act: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    let outcome = |_, answer: &Result<T>| answer.as_ref().err().map_or("done", code);
    let objects = [object.to_owned()];
    // On the heap, so that it is not once more in every future around it.
    let act = Box::pin(act);
    async move { audited_each(store, actor, action, &objects, act, outcome).await? }
}

/// The same for an act on several objects, each with an entry of its own; `outcome` says what became of the object
/// of an index.
///
/// # Errors
/// That the intents could not be written; nothing is done then.
pub fn audited_each<T>(
    store: &Store,
    actor: &Actor,
    action: &'static str,
    objects: &[String],
    act: impl Future<Output = T>,
    outcome: impl Fn(usize, &T) -> &'static str,
) -> impl Future<Output = Result<T>> {
    let act = Box::pin(act);
    async move {
        let objects: Vec<_> = objects.iter().map(|object| plain_object(object)).collect();
        let intent = |object| AuditIntent { actor: &actor.name, action, object, address: &actor.address };
        let intents: Vec<_> = objects.iter().map(|object| intent(object)).collect();
        let entries = store.begin_audit(&intents).await?;
        let answer = act.await;
        let entries = entries.into_iter().enumerate();
        let outcomes: Vec<_> = entries.map(|(index, entry)| (entry, outcome(index, &answer))).collect();
        if let Err(error) = store.end_audit(&outcomes).await {
            // The act is done; entries without outcome say that much.
            tracing::error!(%error, action, "the audit log did not take an outcome");
        }
        Ok(answer)
    }
}

/// What is looked for, spelt as the log spells it, which has no control characters.
#[must_use]
pub fn searched(filter: AuditFilter) -> AuditFilter {
    let spelt = |text: Option<String>| text.map(|text| plain(&text));
    AuditFilter {
        actor: spelt(filter.actor),
        action: spelt(filter.action),
        object: filter.object.map(|object| plain_object(&object)),
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
    without_controls(text, MAX_CHARS)
}

fn plain_object(text: &str) -> String {
    without_controls(text, MAX_OBJECT_CHARS)
}

fn without_controls(text: &str, max_chars: usize) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use myksc_testdb::each_engine;

    use super::*;

    #[tokio::test]
    async fn each_object_of_an_act_has_its_own_outcome_and_without_a_log_nothing_is_done() {
        each_engine(|store| async move {
            let actor = Actor::portal();
            let objects = ["a", "b"].map(str::to_owned);
            let outcome = |index, _: &u8| if index == 1 { "permission_denied" } else { "done" };
            let act = async { 7 };
            let answer = audited_each(&store, &actor, "remove_file", &objects, act, outcome).await;
            assert_eq!(answer.unwrap(), 7);
            let entries = store.audit_entries(9).await.unwrap();
            let told: Vec<_> =
                entries.iter().map(|entry| (&*entry.object, entry.outcome.as_deref())).collect();
            assert_eq!(told, [("b", Some("permission_denied")), ("a", Some("done"))]);

            store.close().await;
            let act = async { panic!("done without a log") };
            audited_each(&store, &actor, "remove_file", &objects, act, outcome).await.unwrap_err();
        })
        .await;
    }

    #[tokio::test]
    async fn refusals_stand_in_the_log_by_their_code_and_hostile_names_as_plain_text() {
        each_engine(|store| async move {
            let actor = Actor::remote("kim\0\n2026 root signed in", "::ffff:192.0.2.7".parse().unwrap());
            let refused =
                audited(&store, &actor, "sign_in", "", async { Err::<(), _>(Error::WrongCredentials) });
            refused.await.unwrap_err();
            audited(&store, &Actor::operator("root"), "lock", &"x".repeat(9999), async { Ok(()) })
                .await
                .unwrap();
            let entries = store.audit_entries(9).await.unwrap();
            assert_eq!(entries[1].actor, "kim\u{fffd}\u{fffd}2026 root signed in");
            assert_eq!(entries[1].address, "192.0.2.7");
            assert_eq!(entries[1].outcome.as_deref(), Some("wrong_credentials"));
            assert_eq!(
                (entries[0].outcome.as_deref(), entries[0].object.len()),
                (Some("done"), MAX_OBJECT_CHARS)
            );
        })
        .await;
    }
}
