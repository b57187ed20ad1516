//! `/password`: a person changes her own.

use axum::extract::State;
use http::StatusCode;
use myksc_identity::{Actor, NewPassword, audited};
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
    /// Whether the caller's API tokens are deleted, too.
    #[serde(default = "yes")]
    #[schema(default = true)]
    revoke_tokens: bool,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(change_password))
}

/// Changes the caller's password; her other sessions end, and her API tokens unless she keeps them.
#[utoipa::path(
    put,
    path = "/password",
    tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = PasswordChange,
    responses((status = 204))
)]
async fn change_password(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let session = caller.require_session()?;
    let change = NewPassword {
        current: SecretString::from(change.current),
        new: SecretString::from(change.new),
        keep: Some(&session.id),
        revoke_tokens: change.revoke_tokens,
    };
    let actor = Actor::remote(&caller.user.name, peer.0);
    let act = state.access.accounts.change_password(&caller.user, change);
    audited(&state.store, &actor, "change_password", caller.user.id.as_str(), act).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
