//! `/preferences`: what a person has chosen for herself, and what follows from it when she signs out.

use axum::extract::State;
use myksc_core::{AppPhase, AppsAtSignOut, Preferences, Result, User};
use myksc_identity::{Actor, audited};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_preferences, put_preferences))
}

/// Does to a person's running apps what she has chosen for her sign-out. She is signed out in any case, so what goes
/// wrong here stands in the audit log and the portal's own.
pub(super) async fn apply_at_sign_out(state: &AppState, user: &User, actor: &Actor) {
    if let Err(error) = stop_if_chosen(state, user, actor).await {
        tracing::error!(%error, user = user.name, "apps were not stopped at sign-out");
    }
}

/// What the caller has chosen.
#[utoipa::path(
    get, path = "/preferences", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = Preferences))
)]
async fn get_preferences(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<Preferences>, Problem> {
    Ok(axum::Json(state.store.preferences(&caller.user.id).await.map_err(myksc_core::Error::from)?))
}

/// Keeps what the caller chooses.
#[utoipa::path(
    put, path = "/preferences", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = Preferences, responses((status = 200, body = Preferences))
)]
async fn put_preferences(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(chosen): Json<Preferences>,
) -> Result<axum::Json<Preferences>, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let object = match chosen.apps_at_sign_out {
        AppsAtSignOut::Keep => "apps at sign-out: keep",
        AppsAtSignOut::Stop => "apps at sign-out: stop",
    };
    let set = async { Ok(state.store.set_preferences(&caller.user.id, &chosen).await?) };
    audited(&state.store, &actor, "set_preferences", object, set).await?;
    Ok(axum::Json(chosen))
}

/// Stops every app that runs, also when one of them can't be; gives the first error.
async fn stop_if_chosen(state: &AppState, user: &User, actor: &Actor) -> Result<()> {
    if state.store.preferences(&user.id).await?.apps_at_sign_out == AppsAtSignOut::Keep {
        return Ok(());
    }
    let mut outcome = Ok(());
    for app in state.apps.list(user).await? {
        if matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
            let stop = state.apps.stop(user, &app.id);
            let stopped = audited(&state.store, actor, "stop_app", app.id.as_str(), stop).await;
            outcome = outcome.and(stopped.map(|_| ()));
        }
    }
    outcome
}

#[cfg(test)]
mod tests;
