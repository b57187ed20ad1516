//! `/apps`: a person's apps.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use myksc_apps::LaunchRequest;
use myksc_core::{App, AppId};
use myksc_identity::{Actor, audited};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app_view::AppView;
use crate::caller::Caller;
use crate::chunk::{self, Chunk};
use crate::extract::{Id, Json, Query};
use crate::idempotency::{IdempotencyKey, KeyedJson};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// A person's apps.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AppList {
    /// The oldest first.
    items: Vec<AppView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// What can be changed of an app.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AppChange {
    /// Its new name: 3 to 40 characters of `a-z`, `0-9` and `-`.
    name: String,
}

/// Which piece of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Where to begin, in bytes; a negative number counts from the end.
    offset: Option<i64>,
    /// Bytes at most; 65,536 when absent, never more than 262,144.
    limit: Option<u64>,
}

/// An app on its way.
type Accepted = (StatusCode, axum::Json<AppView>);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_apps, launch_app))
        .routes(routes!(get_app, rename_app, delete_app))
        .routes(routes!(stop_app))
        .routes(routes!(keep_app))
        .routes(routes!(start_app))
        .routes(routes!(get_app_log))
}

/// The caller's apps, the oldest first.
#[utoipa::path(
    get, path = "/apps", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps"]}))),
    responses((status = 200, body = AppList))
)]
async fn list_apps(State(state): State<AppState>, caller: Caller) -> Result<axum::Json<AppList>, Problem> {
    let apps = state.apps.list(&caller.user).await?;
    let items = apps.into_iter().map(|app| AppView::new(&state.site, app)).collect();
    Ok(axum::Json(AppList { items, next_cursor: None }))
}

/// Launches a template.
#[utoipa::path(
    post, path = "/apps", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(IdempotencyKey),
    request_body = LaunchRequest, responses((status = 202, body = AppView))
)]
async fn launch_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    KeyedJson(key, request): KeyedJson<LaunchRequest>,
) -> Result<Response, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let (launcher, user) = (state.clone(), caller.user.clone());
    let id = key.new_id(&caller, "launch_app");
    let launch = async move {
        let name = request.name.clone();
        let launch = launcher.apps.launch_as(&user, id, request);
        let app = audited(&launcher.store, &actor, "launch_app", &name, launch).await?;
        Ok(AppView::new(&launcher.site, app))
    };
    key.once(&state.store, &caller, "launch_app", StatusCode::ACCEPTED, launch).await
}

/// One app.
#[utoipa::path(
    get, path = "/apps/{id}", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps"]}))),
    params(("id" = AppId, Path)), responses((status = 200, body = AppView))
)]
async fn get_app(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<axum::Json<AppView>, Problem> {
    let app = state.apps.get(&caller.user, &id).await?;
    Ok(axum::Json(AppView::new(&state.site, app)))
}

/// Gives an app another name.
#[utoipa::path(
    patch, path = "/apps/{id}", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)), request_body = AppChange, responses((status = 200, body = AppView))
)]
async fn rename_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<AppId>,
    Json(change): Json<AppChange>,
) -> Result<axum::Json<AppView>, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let rename = state.apps.rename(&caller.user, &id, &change.name);
    let app = audited(&state.store, &actor, "rename_app", id.as_str(), rename).await?;
    Ok(axum::Json(AppView::new(&state.site, app)))
}

/// Ends an app if it runs, and forgets it.
#[utoipa::path(
    delete, path = "/apps/{id}", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)), responses((status = 202, body = AppView))
)]
async fn delete_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<Accepted, Problem> {
    let delete = state.apps.delete(&caller.user, &id);
    accepted(&state, peer, &caller, "delete_app", &id, delete).await
}

/// Ends an app; its definition is kept.
#[utoipa::path(
    post, path = "/apps/{id}/stop", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)), responses((status = 202, body = AppView))
)]
async fn stop_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<Accepted, Problem> {
    let stop = state.apps.stop(&caller.user, &id);
    accepted(&state, peer, &caller, "stop_app", &id, stop).await
}

/// Lets an app go on that is about to end because nothing uses it.
#[utoipa::path(
    post, path = "/apps/{id}/keep", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)), responses((status = 200, body = AppView))
)]
async fn keep_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<axum::Json<AppView>, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let keep = state.apps.keep(&caller.user, &id);
    let app = audited(&state.store, &actor, "keep_app", id.as_str(), keep).await?;
    Ok(axum::Json(AppView::new(&state.site, app)))
}

/// Launches an ended app once more.
#[utoipa::path(
    post, path = "/apps/{id}/start", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)), responses((status = 202, body = AppView))
)]
async fn start_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<AppId>,
) -> Result<Accepted, Problem> {
    let start = state.apps.start_again(&caller.user, &id);
    accepted(&state, peer, &caller, "start_app", &id, start).await
}

/// A piece of an app's output.
#[utoipa::path(
    get, path = "/apps/{id}/log", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path), LogQuery), responses((status = 200, body = Chunk))
)]
async fn get_app_log(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<AppId>,
    Query(query): Query<LogQuery>,
) -> Result<axum::Json<Chunk>, Problem> {
    let (offset, limit_bytes) = chunk::bounds(query.offset, query.limit);
    let log = state.apps.log(&caller.user, &id, offset, limit_bytes).await?;
    Ok(axum::Json(Chunk {
        offset: log.offset,
        next_offset: log.next_offset,
        size_bytes: log.size_bytes,
        ended: log.ended && log.next_offset >= log.size_bytes,
        text: log.text,
    }))
}

/// Has `act` done to the caller's app, under its word in the audit log.
async fn accepted(
    state: &AppState,
    peer: PeerAddress,
    caller: &Caller,
    action: &'static str,
    id: &AppId,
    act: impl Future<Output = myksc_core::Result<App>>,
) -> Result<Accepted, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let app = audited(&state.store, &actor, action, id.as_str(), act).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(AppView::new(&state.site, app))))
}

#[cfg(test)]
mod tests;
