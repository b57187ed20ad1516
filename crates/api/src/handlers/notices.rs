//! `/notices`: what the centre tells everybody, as operators write it. People read it in `/site`.

use axum::extract::State;
use http::StatusCode;
use myksc_core::{Notice, NoticeId, NoticeKind, Timestamp, Translated};
use myksc_identity::{Actor, audited};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Id, Json};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// The notices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NoticeList {
    /// The youngest first, also those that hold no longer or not yet.
    items: Vec<Notice>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// A notice to write.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNotice {
    /// What it is about.
    kind: NoticeKind,
    /// What it says: one line of at most 500 characters in each language.
    text: Translated,
    /// First moment it is shown; at once when absent.
    starts_at: Option<Timestamp>,
    /// First moment it is no longer shown; until it is removed when absent.
    ends_at: Option<Timestamp>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_notices, add_notice)).routes(routes!(remove_notice))
}

/// Every notice.
#[utoipa::path(
    get, path = "/notices", tag = "notices",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    responses((status = 200, body = NoticeList))
)]
async fn list_notices(State(state): State<AppState>) -> Result<axum::Json<NoticeList>, Problem> {
    Ok(axum::Json(NoticeList { items: state.notices.all().await?, next_cursor: None }))
}

/// Writes a notice for everybody, also for those who are not signed in. 409 `too_many_notices` when there are 50.
#[utoipa::path(
    post, path = "/notices", tag = "notices",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    request_body = NewNotice, responses((status = 201, body = Notice))
)]
async fn add_notice(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(NewNotice { kind, text, starts_at, ends_at }): Json<NewNotice>,
) -> Result<(StatusCode, axum::Json<Notice>), Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let (id, created_at) = (NoticeId::random(), Timestamp::now());
    let notice = Notice { id: id.clone(), kind, text, starts_at, ends_at, created_at };
    let add = state.notices.add(notice);
    let notice = audited(&state.store, &actor, "add_notice", id.as_str(), add).await?;
    Ok((StatusCode::CREATED, axum::Json(notice)))
}

/// Removes a notice.
#[utoipa::path(
    delete, path = "/notices/{id}", tag = "notices",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(("id" = NoticeId, Path)), responses((status = 204))
)]
async fn remove_notice(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<NoticeId>,
) -> Result<StatusCode, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let remove = state.notices.remove(&id);
    audited(&state.store, &actor, "remove_notice", id.as_str(), remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
