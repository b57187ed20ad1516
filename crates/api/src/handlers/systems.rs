//! `/systems`: where jobs can run, and the way from the batch form to a job.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use myksc_core::Job;
use myksc_identity::{Actor, audited};
use myksc_jobs::script::Rendered;
use myksc_jobs::{JobForm, ParsedScript, Queue, ScriptTemplate, SiteOption, SystemView};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::idempotency::{IdempotencyKey, KeyedJson};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// The systems of this portal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SystemList {
    /// By id.
    items: Vec<SystemView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// The queues of a system.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QueueList {
    /// In the order of the system.
    items: Vec<Queue>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// The fields that a site adds to the batch form of a system.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SiteOptionList {
    /// In the order of the form.
    items: Vec<SiteOption>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// Scripts to begin with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ScriptTemplateList {
    /// In the order of the catalogue.
    items: Vec<ScriptTemplate>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// A form to make a script of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RenderRequest {
    /// What the person filled in.
    form: JobForm,
}

/// A script to make a form of.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ParseRequest {
    /// The whole script.
    script: String,
}

/// A job to submit.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SubmitRequest {
    /// The whole script; its directives are the truth.
    script: String,
    /// Folder it runs in, for example `home/run1`.
    work_dir: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_systems))
        .routes(routes!(list_queues))
        .routes(routes!(list_site_options))
        .routes(routes!(list_script_templates))
        .routes(routes!(render_script))
        .routes(routes!(parse_script))
        .routes(routes!(submit_job))
}

/// The systems that take jobs.
#[utoipa::path(
    get, path = "/systems", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    responses((status = 200, body = SystemList))
)]
async fn list_systems(State(state): State<AppState>, _: Caller) -> axum::Json<SystemList> {
    axum::Json(SystemList { items: state.jobs.systems(), next_cursor: None })
}

/// The fields that the site adds to a system's batch form, with what the person may choose.
#[utoipa::path(
    get, path = "/systems/{system}/options", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("system" = String, Path)), responses((status = 200, body = SiteOptionList))
)]
async fn list_site_options(
    State(state): State<AppState>,
    caller: Caller,
    Path(system): Path<String>,
) -> Result<axum::Json<SiteOptionList>, Problem> {
    let items = state.jobs.options(&caller.user.identity(), &system).await?;
    Ok(axum::Json(SiteOptionList { items, next_cursor: None }))
}

/// The queues of a system with their limits and load.
#[utoipa::path(
    get, path = "/systems/{system}/queues", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    params(("system" = String, Path)), responses((status = 200, body = QueueList))
)]
async fn list_queues(
    State(state): State<AppState>,
    _: Caller,
    Path(system): Path<String>,
) -> Result<axum::Json<QueueList>, Problem> {
    let items = state.jobs.queues(&system).await?;
    Ok(axum::Json(QueueList { items, next_cursor: None }))
}

/// Scripts to begin with.
#[utoipa::path(
    get, path = "/systems/{system}/script-templates", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    params(("system" = String, Path)), responses((status = 200, body = ScriptTemplateList))
)]
async fn list_script_templates(
    State(state): State<AppState>,
    _: Caller,
    Path(system): Path<String>,
) -> Result<axum::Json<ScriptTemplateList>, Problem> {
    let items = state.jobs.script_templates(&system).await?;
    Ok(axum::Json(ScriptTemplateList { items, next_cursor: None }))
}

/// Makes a script of a form. What does not hold is listed; nothing is refused.
#[utoipa::path(
    post, path = "/systems/{system}/script", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("system" = String, Path)), request_body = RenderRequest, responses((status = 200, body = Rendered))
)]
async fn render_script(
    State(state): State<AppState>,
    caller: Caller,
    Path(system): Path<String>,
    Json(request): Json<RenderRequest>,
) -> Result<axum::Json<Rendered>, Problem> {
    let rendered = state.jobs.render_script(&caller.user.identity(), &system, &request.form).await?;
    Ok(axum::Json(rendered))
}

/// Makes a form of a script, keeping what it does not know.
#[utoipa::path(
    post, path = "/systems/{system}/script/parse", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("system" = String, Path)), request_body = ParseRequest, responses((status = 200, body = ParsedScript))
)]
async fn parse_script(
    State(state): State<AppState>,
    caller: Caller,
    Path(system): Path<String>,
    Json(request): Json<ParseRequest>,
) -> Result<axum::Json<ParsedScript>, Problem> {
    let parsed = state.jobs.parse_script(&caller.user.identity(), &system, &request.script).await?;
    Ok(axum::Json(parsed))
}

/// Submits a script; the job is on its way when the answer comes.
#[utoipa::path(
    post, path = "/systems/{system}/jobs", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("system" = String, Path), IdempotencyKey),
    request_body = SubmitRequest, responses((status = 202, body = Job))
)]
async fn submit_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Path(system): Path<String>,
    KeyedJson(key, request): KeyedJson<SubmitRequest>,
) -> Result<Response, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let (jobs, store, who) = (state.jobs.clone(), state.store.clone(), caller.user.identity());
    let id = key.new_id(&caller, "submit_job");
    let submit = async move {
        let SubmitRequest { script, work_dir } = request;
        let submit = jobs.submit_as(id, &who, &system, &script, &work_dir);
        Ok(audited(&store, &actor, "submit_job", &system, submit).await?)
    };
    key.once(&state.store, &caller, "submit_job", StatusCode::ACCEPTED, submit).await
}
