//! `/users/{id}/activity`: the states of what a person runs, and nothing of what is in it.

use axum::extract::State;
use myksc_core::job::JobSize;
use myksc_core::{App, AppId, AppPhase, Job, JobId, JobPhase, Outcome, Resources, Timestamp, UserId};
use myksc_store::JobState;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::looked_up;
use crate::caller::Caller;
use crate::extract::Id;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Jobs that are shown at most.
const MAX_JOBS: u32 = 200;

/// What a person runs and ran lately.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Activity {
    /// Her apps, the oldest first.
    apps: Vec<AppOfPerson>,
    /// Her last jobs, the newest first; at most 200.
    jobs: Vec<JobOfPerson>,
}

/// The state of an app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AppOfPerson {
    /// Its id.
    id: AppId,
    /// The person's name for it.
    name: String,
    /// The template's id.
    template: String,
    /// Where it is in its life.
    phase: AppPhase,
    /// When it last took a step.
    since: Timestamp,
    /// What it asked for.
    resources: Resources,
}

/// The state of a job.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct JobOfPerson {
    /// Its id.
    id: JobId,
    /// Its name.
    name: String,
    /// The system it was given to.
    system: String,
    /// Queue or partition.
    queue: String,
    /// Where it is in its life.
    phase: JobPhase,
    /// How it ended, once it did.
    outcome: Option<Outcome>,
    /// When it was submitted, started or ended, whichever came last.
    since: Timestamp,
    /// What it asked for.
    size: JobSize,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_activity))
}

/// The states of a person's apps and jobs; no logs, scripts, outputs or files.
#[utoipa::path(
    get, path = "/users/{id}/activity", tag = "users",
    extensions(("x-access" = json!({"role": "support", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), responses((status = 200, body = Activity))
)]
async fn get_activity(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<axum::Json<Activity>, Problem> {
    let look = async {
        let apps = state.store.apps_of(&id).await?;
        let jobs = state.store.jobs_of(&id, JobState::All, None, MAX_JOBS).await?;
        Ok((apps, jobs))
    };
    let (apps, jobs) = looked_up(&state, peer, &caller, "view_activity", &id, look).await?;
    Ok(axum::Json(Activity {
        apps: apps.into_iter().map(AppOfPerson::from).collect(),
        jobs: jobs.into_iter().map(JobOfPerson::from).collect(),
    }))
}

impl From<App> for AppOfPerson {
    fn from(app: App) -> Self {
        let last_step = app.steps.last().map_or(app.launched_at, |step| step.at);
        Self {
            id: app.id,
            name: app.name.to_string(),
            template: app.template,
            phase: app.phase,
            since: app.ended_at.unwrap_or(last_step),
            resources: app.resources,
        }
    }
}

impl From<Job> for JobOfPerson {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            name: job.name,
            system: job.system,
            queue: job.queue,
            phase: job.phase,
            outcome: job.outcome,
            since: job.ended_at.or(job.started_at).unwrap_or(job.submitted_at),
            size: job.size,
        }
    }
}
