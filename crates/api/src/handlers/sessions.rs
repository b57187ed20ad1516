//! `/sessions`: where a person is signed in, and signing out there.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use myksc_core::{SessionId, Timestamp};
use myksc_identity::{Actor, audited};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::{SessionView, SignedOut, sign_out};
use crate::caller::{Caller, Credential};
use crate::extract::Id;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// A person's sessions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionList {
    /// The one used last first.
    items: Vec<SessionEntry>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// One session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionEntry {
    /// Its id.
    id: SessionId,
    /// Whether this request came by it.
    current: bool,
    /// When it was opened.
    created_at: Timestamp,
    /// When it was last used, to a minute.
    last_used_at: Timestamp,
    /// Address it was opened from.
    address: String,
    /// What the browser called itself.
    user_agent: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_sessions, delete_sessions))
        .routes(routes!(end_session))
        .routes(routes!(extend_session))
}

/// Where the caller is signed in.
#[utoipa::path(
    get, path = "/sessions", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = SessionList))
)]
async fn list_sessions(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<SessionList>, Problem> {
    let current = caller.session().map(|session| &session.id);
    let sessions = state.access.sessions.list(&caller.user.id).await?;
    let items = sessions.into_iter().map(|session| SessionEntry {
        current: Some(&session.id) == current,
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        address: session.address,
        user_agent: session.user_agent,
    });
    Ok(axum::Json(SessionList { items: items.collect(), next_cursor: None }))
}

/// Signs out everywhere: ends all sessions of the caller, this one included, and everything they opened. The answer is
/// that of `DELETE /session`.
#[utoipa::path(
    delete, path = "/sessions", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = SignedOut), (status = 204))
)]
async fn delete_sessions(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
) -> Result<Response, Problem> {
    let end = state.access.sessions.end_all(&caller.user.id, None);
    sign_out(&state, &caller, peer, "everywhere", end).await
}

/// Ends one session of the caller, and everything it opened; her own by this is a sign-out, with the answer of
/// `DELETE /session`.
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    params(("id" = SessionId, Path)),
    responses((status = 200, body = SignedOut), (status = 204))
)]
async fn end_session(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> Result<Response, Problem> {
    let end = state.access.sessions.end(&caller.user.id, &id);
    if caller.session().is_some_and(|session| session.id == id) {
        return sign_out(&state, &caller, peer, id.as_str(), end).await;
    }
    let actor = Actor::remote(&caller.user.name, peer.0);
    audited(&state.store, &actor, "sign_out", id.as_str(), end).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Starts the idle time of this session anew: its person says that she is there.
#[utoipa::path(
    post, path = "/session/extend", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = SessionView))
)]
async fn extend_session(
    State(state): State<AppState>,
    mut caller: Caller,
) -> Result<axum::Json<SessionView>, Problem> {
    let extended = state.access.sessions.extend(&caller.require_session()?.id).await?;
    if let Credential::Session { session, .. } = &mut caller.credential {
        *session = extended;
    }
    Ok(axum::Json(SessionView::of(&state, caller)))
}

#[cfg(test)]
mod idle_tests;
#[cfg(test)]
mod tests;
