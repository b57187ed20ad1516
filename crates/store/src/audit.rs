//! Tables `audit`: what was done, the intent before the act and the outcome after it; and `audit_receivers`: how far
//! each receiver of the log has it. The database itself refuses to change or remove entries.

use myksc_core::Timestamp;
use serde::Serialize;

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// Who does what to what.
#[derive(Debug, Clone, Copy)]
pub struct AuditIntent<'a> {
    /// Account name, `admin:` and the operator's account on the command line, or the name that was typed.
    pub actor: &'a str,
    /// What is done, for example `sign_in`.
    pub action: &'a str,
    /// What it is done to.
    pub object: &'a str,
    /// Address it was asked from; empty on the machine itself.
    pub address: &'a str,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Number of the entry; grows.
    pub id: i64,
    /// When the act began.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What is done.
    pub action: String,
    /// What it is done to.
    pub object: String,
    /// Address it was asked from.
    pub address: String,
    /// `done`, or the code of the refusal; none when the act did not end.
    pub outcome: Option<String>,
    /// When the act ended.
    pub ended_at: Option<Timestamp>,
}

/// Which entries are looked for; what is none asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this object.
    pub object: Option<String>,
    /// `done` or the code of a refusal; an empty text finds acts that did not end.
    pub outcome: Option<String>,
    /// Acts that began at this moment or later.
    pub from: Option<Timestamp>,
    /// Acts that began before this moment.
    pub to: Option<Timestamp>,
}

/// How far a receiver has the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPosition {
    /// It has every entry up to this one.
    pub last: i64,
    /// Entries that it has without their outcomes.
    pub open: Vec<i64>,
}

/// A statement about the entries that a filter finds.
macro_rules! entries {
    ($further:literal) => {
        concat!(
            "SELECT * FROM audit
             WHERE actor = COALESCE($1, actor) AND action = COALESCE($2, action) AND object = COALESCE($3, object)
               AND COALESCE(outcome, '') = COALESCE($4, outcome, '') AND at >= $5 AND at < $6 AND ",
            $further
        )
    };
}

/// Reads the entries that a filter finds.
macro_rules! fetch_entries {
    ($reader:expr, $sql:expr, $filter:expr $(, $bind:expr)*) => {
        fetch_all!(
            $reader, Row, $sql,
            $filter.actor.as_deref(), $filter.action.as_deref(), $filter.object.as_deref(),
            $filter.outcome.as_deref(),
            $filter.from.map_or(i64::MIN, Timestamp::as_millis),
            $filter.to.map_or(i64::MAX, Timestamp::as_millis)
            $(, $bind)*
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    object: String,
    address: String,
    outcome: Option<String>,
    ended_at: Option<i64>,
}

impl Store {
    /// Writes the intents of one act, all or none; the numbers are for [`Store::end_audit`].
    ///
    /// # Errors
    /// What the engine says; the act must not happen then.
    pub async fn begin_audit(&self, intents: &[AuditIntent<'_>]) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.begin().await?;
        let mut ids = Vec::with_capacity(intents.len());
        for intent in intents {
            let row = fetch_optional!(
                tx,
                (i64,),
                "INSERT INTO audit (at, actor, action, object, address) VALUES ($1, $2, $3, $4, $5) RETURNING id",
                Timestamp::now().as_millis(),
                intent.actor,
                intent.action,
                intent.object,
                intent.address
            )?;
            ids.push(row.map(|(id,)| id).ok_or(StoreError::Engine(sqlx::Error::RowNotFound))?);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Writes the outcomes of an act, each once.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn end_audit(&self, outcomes: &[(i64, &str)]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (id, outcome) in outcomes {
            let sql = "UPDATE audit SET outcome = $2, ended_at = $3 WHERE id = $1 AND outcome IS NULL";
            execute!(tx, sql, *id, *outcome, Timestamp::now().as_millis())?;
        }
        tx.commit().await
    }

    /// The last entries, the youngest first.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit_before(&AuditFilter::default(), None, limit).await
    }

    /// Up to `limit` entries that a filter finds, older than the one with the number `before`, the youngest first.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn audit_before(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = entries!("id < $7 ORDER BY id DESC LIMIT $8");
        let before = before.unwrap_or(i64::MAX);
        let rows = fetch_entries!(reader, sql, filter, before, i64::from(limit))?;
        Ok(rows.into_iter().map(Row::read).collect())
    }

    /// Up to `limit` entries that a filter finds, younger than the one with the number `after`, the oldest first.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn audit_after(
        &self,
        filter: &AuditFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = entries!("id > $7 ORDER BY id LIMIT $8");
        let rows = fetch_entries!(reader, sql, filter, after, i64::from(limit))?;
        Ok(rows.into_iter().map(Row::read).collect())
    }

    /// One entry.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn audit_entry(&self, id: i64) -> Result<Option<AuditEntry>, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, Row, "SELECT * FROM audit WHERE id = $1", id)?;
        Ok(row.map(Row::read))
    }

    /// How far a receiver has the log; nothing of it at first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn audit_position(&self, receiver: &str) -> Result<AuditPosition, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT position, open FROM audit_receivers WHERE name = $1";
        let Some((last, open)) = fetch_optional!(reader, (i64, String), sql, receiver)? else {
            return Ok(AuditPosition::default());
        };
        let open = serde_json::from_str(&open);
        Ok(AuditPosition { last, open: open.map_err(|error| StoreError::corrupt("audit_receivers", error))? })
    }

    /// Writes down how far a receiver has the log.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_audit_position(
        &self,
        receiver: &str,
        position: &AuditPosition,
    ) -> Result<(), StoreError> {
        let open = serde_json::to_string(&position.open);
        let open = open.map_err(|error| StoreError::corrupt("audit_receivers", error))?;
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO audit_receivers (name, position, open) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET position = excluded.position, open = excluded.open",
            receiver,
            position.last,
            open.as_str()
        )?;
        tx.commit().await
    }
}

impl Row {
    fn read(self) -> AuditEntry {
        AuditEntry {
            id: self.id,
            at: Timestamp::from_millis(self.at),
            actor: self.actor,
            action: self.action,
            object: self.object,
            address: self.address,
            outcome: self.outcome,
            ended_at: self.ended_at.map(Timestamp::from_millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    #[tokio::test]
    async fn an_act_has_an_intent_first_and_one_outcome() {
        each_engine(|store| async move {
            let intent = AuditIntent { actor: "kim", action: "sign_in", object: "kim", address: "192.0.2.7" };
            let [id] = store.begin_audit(&[intent]).await.unwrap()[..] else { panic!("one") };
            assert_eq!(store.audit_entries(9).await.unwrap()[0].outcome, None);
            store.end_audit(&[(id, "wrong_credentials")]).await.unwrap();
            store.end_audit(&[(id, "done")]).await.unwrap();
            let entries = store.audit_entries(9).await.unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].outcome.as_deref(), Some("wrong_credentials"));
            assert_eq!((entries[0].actor.as_str(), entries[0].address.as_str()), ("kim", "192.0.2.7"));
        })
        .await;
    }

    /// Writes an entry of kim's and gives its number.
    async fn entry(store: &Store, action: &str, object: &str) -> i64 {
        let intent = AuditIntent { actor: "kim", action, object, address: "192.0.2.7" };
        store.begin_audit(&[intent]).await.unwrap()[0]
    }

    #[tokio::test]
    async fn an_act_on_many_things_has_an_entry_for_each() {
        each_engine(|store| async move {
            let intent = |object| AuditIntent { actor: "kim", action: "remove_file", object, address: "" };
            let ids = store.begin_audit(&[intent("a"), intent("b")]).await.unwrap();
            store.end_audit(&[(ids[0], "done"), (ids[1], "permission_denied")]).await.unwrap();
            let entries = store.audit_after(&AuditFilter::default(), 0, 9).await.unwrap();
            let told: Vec<_> =
                entries.iter().map(|entry| (&*entry.object, entry.outcome.as_deref())).collect();
            assert_eq!(told, [("a", Some("done")), ("b", Some("permission_denied"))]);
        })
        .await;
    }

    #[tokio::test]
    async fn the_database_refuses_to_change_or_remove_an_entry() {
        each_engine(|store| async move {
            let (ended, open) = (entry(&store, "lock", "lee").await, entry(&store, "lock", "lee").await);
            store.end_audit(&[(ended, "done")]).await.unwrap();
            let before = store.audit_entries(9).await.unwrap();
            for sql in [
                "DELETE FROM audit",
                "UPDATE audit SET actor = 'lee'",
                "UPDATE audit SET outcome = 'done', ended_at = 1, object = 'kim'",
                "UPDATE audit SET outcome = NULL, ended_at = NULL",
                "UPDATE audit SET id = id + 100",
                "INSERT INTO audit (at, actor, action, object, address) VALUES (1, 'a', 'b', 'c', NULL)",
            ] {
                let mut tx = store.begin().await.unwrap();
                assert!(execute!(tx, sql).is_err(), "{sql}");
            }
            let further = match store.engine_name() {
                "postgres" => "TRUNCATE audit",
                _ => {
                    "INSERT OR REPLACE INTO audit (id, at, actor, action, object, address)
                      VALUES (1, 1, 'a', 'b', 'c', 'd')"
                }
            };
            let mut tx = store.begin().await.unwrap();
            assert!(execute!(tx, further).is_err(), "{further}");
            drop(tx);
            assert_eq!(store.audit_entries(9).await.unwrap(), before);
            store.end_audit(&[(open, "invalid")]).await.unwrap();
            assert_eq!(store.audit_entry(open).await.unwrap().unwrap().outcome.as_deref(), Some("invalid"));
        })
        .await;
    }

    #[tokio::test]
    async fn entries_are_found_by_what_is_known_of_them_page_by_page() {
        each_engine(|store| async move {
            let mut ids = Vec::new();
            for object in ["a", "b", "a", "b", "a"] {
                ids.push(entry(&store, "lock", object).await);
            }
            store.end_audit(&[(ids[0], "done")]).await.unwrap();
            let filter = AuditFilter { object: Some("a".to_owned()), ..AuditFilter::default() };
            let numbers = |entries: Vec<AuditEntry>| entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
            let first = numbers(store.audit_before(&filter, None, 2).await.unwrap());
            assert_eq!(first, [ids[4], ids[2]]);
            assert_eq!(numbers(store.audit_before(&filter, Some(ids[2]), 2).await.unwrap()), [ids[0]]);
            assert_eq!(numbers(store.audit_after(&filter, ids[0], 9).await.unwrap()), [ids[2], ids[4]]);
            for (outcome, expected) in [("", ids[1..].len()), ("done", 1), ("invalid", 0)] {
                let filter = AuditFilter { outcome: Some(outcome.to_owned()), ..AuditFilter::default() };
                assert_eq!(store.audit_after(&filter, 0, 9).await.unwrap().len(), expected, "{outcome:?}");
            }
            let at = store.audit_entry(ids[0]).await.unwrap().unwrap().at;
            let early = AuditFilter { to: Some(at), ..AuditFilter::default() };
            assert_eq!(store.audit_after(&early, 0, 9).await.unwrap(), []);
            let late =
                AuditFilter { from: Some(at), actor: Some("kim".to_owned()), ..AuditFilter::default() };
            assert_eq!(store.audit_after(&late, 0, 9).await.unwrap().len(), ids.len());
        })
        .await;
    }

    #[tokio::test]
    async fn a_receiver_goes_on_where_it_was() {
        each_engine(|store| async move {
            assert_eq!(store.audit_position("a").await.unwrap(), AuditPosition::default());
            for open in [vec![3, 5], vec![]] {
                let position = AuditPosition { last: 7, open };
                store.set_audit_position("a", &position).await.unwrap();
                assert_eq!(store.audit_position("a").await.unwrap(), position);
            }
            assert_eq!(store.audit_position("b").await.unwrap(), AuditPosition::default());
        })
        .await;
    }
}
