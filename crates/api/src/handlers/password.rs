//! `/password`: a person changes her own.

use axum::extract::State;
use http::StatusCode;
use myksc_core::Error;
use myksc_identity::{Actor, audited};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// The present password and the one to come.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The present password.
    #[schema(format = Password)]
    current: String,
    /// The new password: 8 characters or more.
    #[schema(format = Password)]
    new: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(change_password))
}

/// Changes the caller's password; her other sessions end.
#[utoipa::path(
    put,
    path = "/password",
    tag = "session",
    request_body = PasswordChange,
    responses((status = 204))
)]
async fn change_password(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let Some(session) = caller.session() else {
        let detail = "an API token can't change the password; sign in with it".to_owned();
        return Err(Error::Forbidden { code: "token_cannot_change_password", detail }.into());
    };
    let (current, new) = (SecretString::from(change.current), SecretString::from(change.new));
    let actor = Actor::remote(&caller.user.name, peer.0);
    let act = state.access.accounts.change_password(&caller.user, current, new, Some(&session.id));
    audited(&state.store, &actor, "change_password", caller.user.id.as_str(), act).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
