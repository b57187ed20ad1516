//! `admin notice`: what everybody is told on the sign-in page and the dashboard.

use clap::{Args, Subcommand};
use myksc_api::Notices;
use myksc_core::{Notice, NoticeId, NoticeKind, Timestamp, Translated};
use myksc_identity::audited;
use serde_json::{Value, json};

use super::contract::parse_moment;
use super::{Desk, Refusal};
use crate::client::output::text;

/// Commands of `admin notice`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a notice.
    Add(Add),
    /// List the notices, also those that hold no longer or not yet.
    List,
    /// Remove a notice.
    Remove {
        /// The notice's id.
        id: NoticeId,
    },
}

/// Arguments of `admin notice add`.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What it is about: failure, maintenance or system.
    #[arg(long)]
    kind: NoticeKind,
    /// The English text, one line.
    #[arg(long)]
    en: String,
    /// The Korean text, one line.
    #[arg(long)]
    ko: String,
    /// First moment it is shown: a day (its beginning, here) or an RFC 3339 time; at once when absent.
    #[arg(long, value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// First moment it is no longer shown: a day (its beginning, here) or an RFC 3339 time; until it is removed when
    /// absent.
    #[arg(long, value_parser = parse_moment)]
    until: Option<Timestamp>,
}

impl Command {
    /// Runs one command.
    pub(super) async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        match self {
            Self::Add(add) => add.run(desk).await,
            Self::List => list(desk).await,
            Self::Remove { id } => remove(desk, &id).await,
        }
    }
}

impl Add {
    async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        let Self { kind, en, ko, from, until } = self;
        let (id, created_at) = (NoticeId::random(), Timestamp::now());
        let text = Translated { en, ko };
        let notice = Notice { id: id.clone(), kind, text, starts_at: from, ends_at: until, created_at };
        let notices = Notices::new(desk.store.clone());
        let notice =
            audited(&desk.store, &desk.actor, "add_notice", id.as_str(), notices.add(notice)).await?;
        desk.out.value(&json!(notice), |_| format!("Wrote notice {id}."))?;
        Ok(())
    }
}

async fn list(desk: &Desk) -> Result<(), Refusal> {
    let notices = Notices::new(desk.store.clone()).all().await?;
    let items: Vec<_> = notices.iter().map(|notice| json!(notice)).collect();
    desk.out.list(&items, ["ID", "KIND", "FROM", "UNTIL", "ENGLISH", "KOREAN"], |notice: &Value| {
        ["/id", "/kind", "/starts_at", "/ends_at", "/text/en", "/text/ko"].map(|place| text(notice, place))
    })?;
    Ok(())
}

async fn remove(desk: &Desk, id: &NoticeId) -> Result<(), Refusal> {
    let notices = Notices::new(desk.store.clone());
    audited(&desk.store, &desk.actor, "remove_notice", id.as_str(), notices.remove(id)).await?;
    desk.out.value(&json!({ "id": id }), |_| format!("Removed notice {id}."))?;
    Ok(())
}
