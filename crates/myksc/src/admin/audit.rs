//! `admin audit`: the audit log.

use clap::{Args, Subcommand};
use myksc_core::{Error, Timestamp};
use myksc_identity::{audited, searched};
use myksc_store::AuditFilter;

use super::contract::parse_moment;
use super::{Desk, Refusal};

/// Entries that are read at once.
const PAGE: u32 = 500;

/// Commands of `admin audit`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the audit log to standard output: one JSON object a line, the oldest entry first.
    Export(Export),
}

/// Arguments of `admin audit export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Only this actor: an account's name, or admin: and the account of who worked on this machine.
    #[arg(long)]
    actor: Option<String>,
    /// Only this action, for example sign_in.
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to this object.
    #[arg(long)]
    object: Option<String>,
    /// Only this outcome: done, or the code of a refusal.
    #[arg(long)]
    outcome: Option<String>,
    /// First moment: a day (its beginning, here) or an RFC 3339 time.
    #[arg(long, value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// First moment that is left out: a day (its beginning, here) or an RFC 3339 time.
    #[arg(long, value_parser = parse_moment)]
    to: Option<Timestamp>,
}

impl Command {
    /// Runs one command.
    pub(super) async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        match self {
            Self::Export(export) => export.run(desk).await,
        }
    }
}

impl Export {
    async fn run(self, desk: &Desk) -> Result<(), Refusal> {
        // Who takes the whole log away stands in it.
        audited(&desk.store, &desk.actor, "export_audit", "", async { Ok(()) }).await?;
        let Self { actor, action, object, outcome, from, to } = self;
        let filter = searched(AuditFilter { actor, action, object, outcome, from, to });
        let mut last = 0;
        loop {
            let page = desk.store.audit_after(&filter, last, PAGE).await.map_err(Error::from)?;
            let Some(youngest) = page.last() else { return Ok(()) };
            last = youngest.id;
            let mut lines = Vec::new();
            for entry in &page {
                serde_json::to_writer(&mut lines, entry).map_err(Error::internal)?;
                lines.push(b'\n');
            }
            desk.out.raw(&lines)?;
        }
    }
}
