//! `/files`: the caller's files, through her own agent.

mod content;
mod record;
mod refusal;
mod uploads;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use myksc_core::wire::{self, Entry, EntryPage, MAX_PAGE_ENTRIES, MAX_REMOVED_PATHS};
use myksc_core::{Error, FieldProblem, Translated, UserPath};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::record::RecordedReads;
use self::record::Recorder;
use self::refusal::{remains, to_problem};
pub(crate) use self::uploads::tell_version;
use crate::caller::Caller;
use crate::extract::{Json, Query};
use crate::idempotency::{IdempotencyKey, KeyedJson};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Where a person has files.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RootList {
    /// The home folder first.
    items: Vec<Root>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// A tree of files.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Root {
    /// Its name, the first part of each path below it.
    id: String,
    /// What it is called.
    title: Translated,
    /// Its path.
    path: UserPath,
    /// Size of its file system in bytes; null when that does not answer.
    total_bytes: Option<u64>,
    /// Bytes that may still be written there.
    free_bytes: Option<u64>,
}

/// Which page of a folder.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The folder, for example `home/data`.
    path: String,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries on a page, at most 1,000.
    limit: Option<usize>,
}

/// One path.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PathQuery {
    /// For example `home/data/a.csv`.
    path: String,
}

/// Asks for a new folder.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFolder {
    /// Its path; the folder that will hold it must exist.
    path: String,
}

/// Asks for another name or place.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveOrder {
    /// What to move.
    from: String,
    /// Its new path, name included.
    to: String,
    /// Whether something there may be replaced.
    #[serde(default)]
    overwrite: bool,
}

/// Asks for the end of files and folders with all that is in them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RemoveOrder {
    /// At most 1,000.
    paths: Vec<String>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_roots))
        .routes(routes!(list_entries))
        .routes(routes!(make_folder))
        .routes(routes!(move_entry))
        .routes(routes!(remove_entries))
        .merge(content::router())
        .merge(uploads::router())
}

/// Where the caller has files.
#[utoipa::path(
    get, path = "/files/roots", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    responses((status = 200, body = RootList))
)]
async fn list_roots(State(state): State<AppState>, caller: Caller) -> Result<axum::Json<RootList>, Problem> {
    let roots = state.files.roots(&caller.user.identity()).await.map_err(to_problem)?;
    let items = roots.into_iter().map(|wire::Root { id, path, total_bytes, free_bytes }| Root {
        title: state.files.title(&id),
        id,
        path,
        total_bytes,
        free_bytes,
    });
    Ok(axum::Json(RootList { items: items.collect(), next_cursor: None }))
}

/// What is in a folder, sorted by the bytes of the names.
#[utoipa::path(
    get, path = "/files/entries", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(PageQuery), responses((status = 200, body = EntryPage))
)]
async fn list_entries(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<EntryPage>, Problem> {
    let path = parse_path("path", &query.path)?;
    let limit = query.limit.unwrap_or(MAX_PAGE_ENTRIES);
    let page = state.files.list(&caller.user.identity(), &path, query.cursor.as_deref(), limit).await;
    Ok(axum::Json(page.map_err(to_problem)?))
}

/// Makes a folder.
#[utoipa::path(
    post, path = "/files/folders", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(IdempotencyKey), request_body = NewFolder, responses((status = 201, body = Entry))
)]
async fn make_folder(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    KeyedJson(key, order): KeyedJson<NewFolder>,
) -> Result<Response, Problem> {
    let path = parse_path("path", &order.path)?;
    let (files, identity) = (state.files.clone(), caller.user.identity());
    let recorder = Recorder::new(&state.store, &caller, &peer);
    let make = async move {
        recorder.record("make_folder", &path.to_string(), files.make_folder(&identity, &path)).await
    };
    key.once(&state.store, &caller, "make_folder", StatusCode::CREATED, make).await
}

/// Moves or renames; 409 `file_exists` when something is there and `overwrite` is not set.
#[utoipa::path(
    post, path = "/files/move", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    request_body = MoveOrder, responses((status = 200, body = Entry))
)]
async fn move_entry(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(order): Json<MoveOrder>,
) -> Result<axum::Json<Entry>, Problem> {
    let (from, to) = (parse_path("from", &order.from)?, parse_path("to", &order.to)?);
    let object = format!("{from} → {to}");
    let order = wire::Move { from, to, overwrite: order.overwrite };
    let identity = caller.user.identity();
    let move_it = state.files.move_entry(&identity, &order);
    let recorder = Recorder::new(&state.store, &caller, &peer);
    Ok(axum::Json(recorder.record("move_file", &object, move_it).await?))
}

/// Removes files, and folders with all that is in them. What could not be removed is listed in `fields`, each as
/// `paths[i]` with its exact path in `params`; the rest is gone.
#[utoipa::path(
    post, path = "/files/remove", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    request_body = RemoveOrder, responses((status = 204))
)]
async fn remove_entries(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(order): Json<RemoveOrder>,
) -> Result<StatusCode, Problem> {
    if order.paths.len() > MAX_REMOVED_PATHS {
        let problem = FieldProblem::new("paths", "too_many_paths", "at most 1,000 paths are removed at once");
        return Err(Error::invalid(problem.with("max", MAX_REMOVED_PATHS)).into());
    }
    let parse = |(index, text): (usize, &String)| UserPath::parse_field(&format!("paths[{index}]"), text);
    let paths = order.paths.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>();
    let paths = paths.map_err(Error::invalid)?;
    let identity = caller.user.identity();
    let recorder = Recorder::new(&state.store, &caller, &peer);
    let report = recorder.record_removal(&paths, state.files.remove(&identity, paths.clone())).await?;
    if report.failed == 0 { Ok(StatusCode::NO_CONTENT) } else { Err(remains(report)) }
}

fn parse_path(field: &str, text: &str) -> Result<UserPath, Problem> {
    Ok(UserPath::parse_field(field, text).map_err(Error::invalid)?)
}
