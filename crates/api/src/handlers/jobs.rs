//! `/jobs`: a person's jobs on all systems.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use myksc_core::job::JobTask;
use myksc_core::wire::FileCode;
use myksc_core::{Error, FieldProblem, Job, JobId};
use myksc_identity::{Actor, audited};
use myksc_jobs::Stream;
use myksc_jobs::scheduler::Reading;
use myksc_store::{JobState, TaskState};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::chunk::{self, Chunk};
use crate::extract::{Id, Json, Query};
use crate::idempotency::IdempotencyKey;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

const PAGE_JOBS: u32 = 200;
const PAGE_TASKS: u32 = 100;

/// A page of jobs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JobList {
    /// The newest first.
    items: Vec<Job>,
    /// What to ask the next page with; null on the last.
    next_cursor: Option<String>,
}

/// A job in its scheduler's words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JobRecord {
    /// As the scheduler prints it.
    record: String,
}

/// The script of a job.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JobScript {
    /// As it was submitted.
    script: String,
}

/// Which jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct JobQuery {
    /// `active`, `ended` or `all`; all when absent.
    state: Option<String>,
    /// Jobs on a page; 200 when absent, never more than 500.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of an array's tasks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JobTaskList {
    /// By number.
    items: Vec<JobTask>,
    /// What to ask the next page with; null on the last.
    next_cursor: Option<String>,
}

/// Which tasks of an array.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TaskQuery {
    /// `active` (begun and not over), `succeeded`, `failed` (over in any other way) or `all`; all when absent.
    state: Option<String>,
    /// Tasks on a page; 100 when absent, never more than 500.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Another walltime.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct WalltimeRequest {
    /// How long the job may run from its start on.
    walltime_secs: u64,
}

/// Which piece of which output.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OutputQuery {
    /// `stdout` or `stderr`; the former when absent.
    stream: Option<String>,
    /// Where to begin, in bytes; a negative number counts from the end.
    offset: Option<i64>,
    /// Bytes at most; 65,536 when absent, never more than 262,144.
    limit: Option<u64>,
}

type Accepted = (StatusCode, axum::Json<Job>);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(get_job_script))
        .routes(routes!(get_job_record))
        .routes(routes!(get_job_output))
        .routes(routes!(list_job_tasks))
        .routes(routes!(get_job_task_output))
        .routes(routes!(cancel_job_task))
        .routes(routes!(cancel_job))
        .routes(routes!(hold_job))
        .routes(routes!(release_job))
        .routes(routes!(requeue_job))
        .routes(routes!(set_job_walltime))
        .routes(routes!(resubmit_job))
}

/// The caller's jobs, the newest first.
#[utoipa::path(
    get, path = "/jobs", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    params(JobQuery), responses((status = 200, body = JobList))
)]
async fn list_jobs(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<JobQuery>,
) -> Result<axum::Json<JobList>, Problem> {
    let which = match query.state.as_deref() {
        None | Some("all") => JobState::All,
        Some("active") => JobState::Active,
        Some("ended") => JobState::Ended,
        Some(_) => return Err(choice_unknown("state", "active, ended or all")),
    };
    let limit = query.limit.unwrap_or(PAGE_JOBS);
    let page = state.jobs.list(&caller.user.identity(), which, limit, query.cursor.as_deref()).await?;
    Ok(axum::Json(JobList { items: page.items, next_cursor: page.next_cursor }))
}

/// One job.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 200, body = Job))
)]
async fn get_job(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<axum::Json<Job>, Problem> {
    Ok(axum::Json(state.jobs.get(&caller.user.identity(), &id).await?))
}

/// The script of a job as it was submitted.
#[utoipa::path(
    get, path = "/jobs/{id}/script", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 200, body = JobScript))
)]
async fn get_job_script(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<axum::Json<JobScript>, Problem> {
    let script = state.jobs.script(&caller.user.identity(), &id).await?;
    Ok(axum::Json(JobScript { script }))
}

/// What the scheduler itself has on record of a job, asked for as its owner.
#[utoipa::path(
    get, path = "/jobs/{id}/record", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 200, body = JobRecord))
)]
async fn get_job_record(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<axum::Json<JobRecord>, Problem> {
    let record = state.jobs.record(&caller.user.identity(), &id).await?;
    Ok(axum::Json(JobRecord { record }))
}

/// A piece of a job's output, read as its owner; empty as long as there is none.
#[utoipa::path(
    get, path = "/jobs/{id}/output", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path), OutputQuery), responses((status = 200, body = Chunk))
)]
async fn get_job_output(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<JobId>,
    Query(query): Query<OutputQuery>,
) -> Result<axum::Json<Chunk>, Problem> {
    Ok(axum::Json(read_output(&state, &caller, &id, None, &query).await?))
}

/// A piece of the output of a job or of one of its tasks.
async fn read_output(
    state: &AppState,
    caller: &Caller,
    id: &JobId,
    task: Option<u32>,
    query: &OutputQuery,
) -> Result<Chunk, Problem> {
    let stream = match query.stream.as_deref() {
        None | Some("stdout") => Stream::Stdout,
        Some("stderr") => Stream::Stderr,
        Some(_) => return Err(choice_unknown("stream", "stdout or stderr")),
    };
    let who = caller.user.identity();
    let output = state.jobs.output(&who, id, task, stream).await?;
    let (offset, limit_bytes) = chunk::bounds(query.offset, query.limit);
    let missing = || Ok(Chunk::empty(output.is_complete));
    let text = match state.files.read_chunk(&who, &output.path, offset, limit_bytes).await {
        Ok(read) => output.chunk(&read.bytes, read.offset, read.size_bytes, offset < 0),
        Err(error) if error.code() == Some(FileCode::NotFound) => return missing(),
        Err(error) if error.code().is_some() => return Err(Error::from(error).into()),
        // Nobody reads her files here now; where the job runs, she reads them herself.
        Err(error) => match state.jobs.read_output(&who, id, &output, offset, limit_bytes).await? {
            Reading::NotHere => return Err(Error::from(error).into()),
            Reading::Missing => return missing(),
            Reading::Piece { offset: start, size_bytes, bytes } => {
                output.chunk(&bytes, start, size_bytes, offset < 0)
            }
        },
    };
    Ok(Chunk {
        offset: text.offset,
        next_offset: text.next_offset,
        size_bytes: text.size_bytes,
        text: text.text,
        ended: output.is_complete && text.next_offset >= text.size_bytes,
    })
}

/// The tasks of an array by their numbers, those that wait included; none for a job that is no array.
#[utoipa::path(
    get, path = "/jobs/{id}/tasks", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "jobs"]}))),
    params(("id" = JobId, Path), TaskQuery), responses((status = 200, body = JobTaskList))
)]
async fn list_job_tasks(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<JobId>,
    Query(query): Query<TaskQuery>,
) -> Result<axum::Json<JobTaskList>, Problem> {
    let which = match query.state.as_deref() {
        None | Some("all") => None,
        Some("active") => Some(TaskState::Active),
        Some("succeeded") => Some(TaskState::Succeeded),
        Some("failed") => Some(TaskState::Failed),
        Some(_) => return Err(choice_unknown("state", "active, succeeded, failed or all")),
    };
    let (who, limit) = (caller.user.identity(), query.limit.unwrap_or(PAGE_TASKS));
    let page = state.jobs.tasks(&who, &id, which, limit, query.cursor.as_deref()).await?;
    Ok(axum::Json(JobTaskList { items: page.items, next_cursor: page.next_cursor }))
}

/// A piece of the output of one task of an array, read as its owner; empty as long as there is none.
#[utoipa::path(
    get, path = "/jobs/{id}/tasks/{index}/output", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path), ("index" = u32, Path), OutputQuery), responses((status = 200, body = Chunk))
)]
async fn get_job_task_output(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, index)): Path<(String, String)>,
    Query(query): Query<OutputQuery>,
) -> Result<axum::Json<Chunk>, Problem> {
    let (id, index) = task_of(&id, &index)?;
    Ok(axum::Json(read_output(&state, &caller, &id, Some(index), &query).await?))
}

/// Asks for the end of one task of an array.
#[utoipa::path(
    post, path = "/jobs/{id}/tasks/{index}/cancel", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path), ("index" = u32, Path)), responses((status = 202, body = Job))
)]
async fn cancel_job_task(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Path((id, index)): Path<(String, String)>,
) -> Result<Accepted, Problem> {
    let (id, index) = task_of(&id, &index)?;
    let who = caller.user.identity();
    let subject = format!("{id}/{index}");
    let cancel = state.jobs.cancel_task(&who, &id, index);
    accepted(&state, peer, &caller, "cancel_job_task", &subject, cancel).await
}

/// Asks for the end of a job.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 202, body = Job))
)]
async fn cancel_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<Accepted, Problem> {
    let who = caller.user.identity();
    accepted(&state, peer, &caller, "cancel_job", id.as_str(), state.jobs.cancel(&who, &id)).await
}

/// Asks to keep a waiting job from starting.
#[utoipa::path(
    post, path = "/jobs/{id}/hold", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 202, body = Job))
)]
async fn hold_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<Accepted, Problem> {
    let who = caller.user.identity();
    accepted(&state, peer, &caller, "hold_job", id.as_str(), state.jobs.hold(&who, &id)).await
}

/// Asks to let a held job start.
#[utoipa::path(
    post, path = "/jobs/{id}/release", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 202, body = Job))
)]
async fn release_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<Accepted, Problem> {
    let who = caller.user.identity();
    accepted(&state, peer, &caller, "release_job", id.as_str(), state.jobs.release(&who, &id)).await
}

/// Asks to stop a running job and let it begin anew; what it did so far is lost, unless it saved it itself.
#[utoipa::path(
    post, path = "/jobs/{id}/requeue", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), responses((status = 202, body = Job))
)]
async fn requeue_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<Accepted, Problem> {
    let who = caller.user.identity();
    accepted(&state, peer, &caller, "requeue_job", id.as_str(), state.jobs.requeue(&who, &id)).await
}

/// Asks for another walltime. A running job's can only be made shorter.
#[utoipa::path(
    post, path = "/jobs/{id}/walltime", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path)), request_body = WalltimeRequest, responses((status = 202, body = Job))
)]
async fn set_job_walltime(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
    Json(request): Json<WalltimeRequest>,
) -> Result<Accepted, Problem> {
    let who = caller.user.identity();
    let set = state.jobs.set_walltime(&who, &id, request.walltime_secs);
    accepted(&state, peer, &caller, "set_job_walltime", id.as_str(), set).await
}

/// Submits the script of a job once more; the answer is the new job.
#[utoipa::path(
    post, path = "/jobs/{id}/resubmit", tag = "jobs",
    extensions(("x-access" = json!({"role": "user", "scopes": ["jobs"]}))),
    params(("id" = JobId, Path), IdempotencyKey),
    responses((status = 202, body = Job))
)]
async fn resubmit_job(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<JobId>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let (who, actor) = (caller.user.identity(), Actor::remote(&caller.user.name, peer.0));
    let (jobs, store) = (state.jobs.clone(), state.store.clone());
    let new = key.new_id(&caller, "resubmit_job");
    let resubmit = async move {
        let resubmit = jobs.resubmit_as(new, &who, &id);
        Ok(audited(&store, &actor, "resubmit_job", id.as_str(), resubmit).await?)
    };
    key.once(&state.store, &caller, "resubmit_job", StatusCode::ACCEPTED, resubmit).await
}

/// Has `act` done to the caller's job, under its word in the audit log.
async fn accepted(
    state: &AppState,
    peer: PeerAddress,
    caller: &Caller,
    action: &'static str,
    subject: &str,
    act: impl Future<Output = myksc_core::Result<Job>>,
) -> Result<Accepted, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let job = audited(&state.store, &actor, action, subject, act).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(job)))
}

/// Job and task of a path; what is none of them is not there.
fn task_of(id: &str, index: &str) -> Result<(JobId, u32), Problem> {
    let id = id.parse().map_err(|_| Problem::not_found("job", id))?;
    let index = index.parse().map_err(|_| Problem::not_found("task", index))?;
    Ok((id, index))
}

fn choice_unknown(field: &str, choices: &str) -> Problem {
    Error::invalid(FieldProblem::new(field, "choice_unknown", format!("one of {choices}"))).into()
}
