//! `/audit`: who did what to what, for operators.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use myksc_core::{Error, FieldProblem, Timestamp};
use myksc_identity::{Actor, audited, searched};
use myksc_store::{AuditEntry, AuditFilter, Store};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Query;
use crate::lease;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Entries on a page when nobody says how many, and the most.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 500;
/// Entries that an export reads at once.
const EXPORT_PAGE: u32 = 500;

/// A page of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AuditPage {
    /// The youngest first.
    items: Vec<AuditEntryView>,
    /// What to ask the next page with; null on the last.
    next_cursor: Option<String>,
}

/// One entry of the audit log, also as a line of the export.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
struct AuditEntryView {
    /// Number of the entry; grows.
    id: i64,
    /// When the act began.
    at: Timestamp,
    /// Account name, `admin:` and the operator's account on the command line, or the name that was typed.
    actor: String,
    /// What was done, for example `sign_in`.
    action: String,
    /// What it was done to.
    object: String,
    /// Address it was asked from; empty on the portal's own machine.
    address: String,
    /// `done`, or the code of the refusal; null when the act did not end.
    outcome: Option<String>,
    /// When the act ended.
    ended_at: Option<Timestamp>,
}

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Exactly this actor.
    actor: Option<String>,
    /// Exactly this action.
    action: Option<String>,
    /// Exactly this object.
    object: Option<String>,
    /// `done`, the code of a refusal, or an empty text for acts that did not end.
    outcome: Option<String>,
    /// Acts that began at this moment or later.
    from: Option<Timestamp>,
    /// Acts that began before this moment.
    to: Option<Timestamp>,
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditPageQuery {
    /// Entries on a page; 100 when absent, never more than 500.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The operation that answers at once.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_audit))
}

/// The operation that sends for as long as it takes.
pub(super) fn export_router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(export_audit))
}

/// Searches the audit log, the youngest entries first.
#[utoipa::path(
    get, path = "/audit", tag = "audit",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(AuditQuery, AuditPageQuery), responses((status = 200, body = AuditPage))
)]
async fn list_audit(
    State(state): State<AppState>,
    Query(query): Query<AuditQuery>,
    Query(page): Query<AuditPageQuery>,
) -> Result<axum::Json<AuditPage>, Problem> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let before = page.cursor.as_deref().map(parse_cursor).transpose()?;
    // One more tells whether there is a next page.
    let found = state.store.audit_before(&query.into(), before, limit + 1).await;
    let mut items = found.map_err(Error::from)?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| has_more).map(|entry| entry.id.to_string());
    Ok(axum::Json(AuditPage { items: items.into_iter().map(AuditEntryView::from).collect(), next_cursor }))
}

/// The audit log as JSON lines, the oldest entry first.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(AuditQuery),
    responses((status = 200, description = "One AuditEntry a line.", content_type = "application/jsonl", body = String))
)]
async fn export_audit(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    // Who takes the whole log away stands in it.
    audited(&state.store, &actor, "export_audit", "", async { Ok(()) }).await?;
    let headers =
        [(CONTENT_TYPE, "application/jsonl"), (CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\"")];
    let lines = Body::from_stream(lines(state.store.clone(), query.into()));
    Ok((headers, lease::body(&state, &caller, lines)).into_response())
}

/// The entries that a filter finds, read in pages as they are taken.
fn lines(store: Store, filter: AuditFilter) -> impl Stream<Item = Result<Bytes, Error>> {
    async_stream::try_stream! {
        let mut last = 0;
        loop {
            let page = store.audit_after(&filter, last, EXPORT_PAGE).await?;
            let Some(youngest) = page.last() else { return };
            last = youngest.id;
            let mut text = Vec::new();
            for entry in &page {
                serde_json::to_writer(&mut text, entry).map_err(Error::internal)?;
                text.push(b'\n');
            }
            yield Bytes::from(text);
        }
    }
}

fn parse_cursor(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| {
        let problem = FieldProblem::new("cursor", "cursor_invalid", "not a cursor of this list");
        Error::invalid(problem).into()
    })
}

impl From<AuditQuery> for AuditFilter {
    fn from(query: AuditQuery) -> Self {
        // A form sends the fields that nobody filled in, too.
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        searched(Self {
            actor: filled(query.actor),
            action: filled(query.action),
            object: filled(query.object),
            outcome: query.outcome,
            from: query.from,
            to: query.to,
        })
    }
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, actor, action, object, address, outcome, ended_at } = entry;
        Self { id, at, actor, action, object, address, outcome, ended_at }
    }
}

#[cfg(test)]
mod tests;
