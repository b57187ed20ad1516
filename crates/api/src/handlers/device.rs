//! `/device`: letting a command line in by a browser (RFC 8628).
//!
//! The command line asks by [`start_device`] and then by [`fetch_device_token`]; its person decides in her session.

use axum::extract::State;
use http::StatusCode;
use myksc_core::{Scope, Timestamp, TokenId};
use myksc_identity::{Actor, DeviceWish, UserCode, audited};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Id, Json};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// What a command line asks for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceStart {
    /// What it calls itself, for example the machine it runs on; its token gets this name.
    #[schema(min_length = 1, max_length = 60)]
    client_name: String,
    /// What its token is to be good for.
    #[serde(default = "usual_scopes")]
    #[schema(default = json!(["read", "apps", "jobs", "files"]), min_items = 1)]
    scopes: Vec<Scope>,
    /// Days until its token ends.
    #[serde(default = "usual_days")]
    #[schema(minimum = 1, maximum = 365, default = 30)]
    expires_in_days: u32,
}

/// What a command line goes on with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DeviceCodes {
    /// For the command line alone, to ask with.
    device_code: String,
    /// What its person types at `verification_uri`, for example `WDJB-MJHT`.
    user_code: String,
    /// Where she types it.
    verification_uri: String,
    /// The same with the code filled in.
    verification_uri_complete: String,
    /// Seconds until both codes are over.
    expires_in_secs: i64,
    /// Seconds to wait from one question to the next.
    interval_secs: i64,
}

/// A command line that asks whether it was let in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DevicePoll {
    /// Its code.
    #[schema(format = Password)]
    device_code: String,
}

/// The token of a command line that was let in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DeviceToken {
    /// The token's id.
    id: TokenId,
    /// What goes into `Authorization: Bearer`. Given this once.
    token: String,
    /// When it ends.
    expires_at: Timestamp,
}

/// A command line that waits, as its person sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DeviceRequest {
    /// What it calls itself; nobody has checked that.
    client_name: String,
    /// Address it asked from.
    address: String,
    /// What its token is to be good for.
    scopes: Vec<Scope>,
    /// Days until its token ends.
    expires_in_days: u32,
    /// When it asked.
    created_at: Timestamp,
    /// When it can't be let in any more.
    expires_at: Timestamp,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(start_device))
        .routes(routes!(fetch_device_token))
        .routes(routes!(get_device))
        .routes(routes!(approve_device))
        .routes(routes!(deny_device))
}

/// Gives a command line its codes.
#[utoipa::path(
    post, path = "/device", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = DeviceStart, responses((status = 200, body = DeviceCodes))
)]
async fn start_device(
    State(state): State<AppState>,
    peer: PeerAddress,
    Json(request): Json<DeviceStart>,
) -> Result<axum::Json<DeviceCodes>, Problem> {
    let DeviceStart { client_name, scopes, expires_in_days } = request;
    let wish = DeviceWish { client_name, scopes, expires_in_days };
    let started = state.access.devices.start(&wish, peer.0).await?;
    let verification_uri = format!("{}/device", state.site.origin);
    Ok(axum::Json(DeviceCodes {
        device_code: started.device_code.expose().to_owned(),
        user_code: started.user_code.to_string(),
        verification_uri_complete: format!("{verification_uri}?code={}", started.user_code),
        verification_uri,
        expires_in_secs: started.expires_in_secs,
        interval_secs: started.interval_secs,
    }))
}

/// Whether a command line was let in: its token, once; 409 `device_pending`, `device_denied` or `device_expired`; 429
/// when it asks too soon.
#[utoipa::path(
    post, path = "/device/token", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = DevicePoll, responses((status = 200, body = DeviceToken))
)]
async fn fetch_device_token(
    State(state): State<AppState>,
    Json(request): Json<DevicePoll>,
) -> Result<axum::Json<DeviceToken>, Problem> {
    let fetched = state.access.devices.poll(&request.device_code).await?;
    let token = fetched.expose().to_owned();
    Ok(axum::Json(DeviceToken { id: fetched.id, token, expires_at: fetched.expires_at }))
}

/// The command line that waits with this code.
#[utoipa::path(
    get, path = "/device/{user_code}", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    params(("user_code" = String, Path)), responses((status = 200, body = DeviceRequest))
)]
async fn get_device(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(code): Id<UserCode>,
) -> Result<axum::Json<DeviceRequest>, Problem> {
    let session = caller.require_session()?;
    let device = state.access.devices.find(&session.user, &code, peer.0).await?;
    Ok(axum::Json(DeviceRequest {
        client_name: device.client_name,
        address: device.address,
        scopes: device.scopes,
        expires_in_days: device.expires_in_days,
        created_at: device.created_at,
        expires_at: device.expires_at,
    }))
}

/// Lets a command line in as the caller: it gets an API token of hers.
#[utoipa::path(
    post, path = "/device/{user_code}/approve", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    params(("user_code" = String, Path)), responses((status = 204))
)]
async fn approve_device(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(code): Id<UserCode>,
) -> Result<StatusCode, Problem> {
    let approve = state.access.devices.approve(caller.require_session()?, &code, peer.0);
    let actor = Actor::remote(&caller.user.name, peer.0);
    audited(&state.store, &actor, "approve_device", &code.to_string(), approve).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a command line.
#[utoipa::path(
    post, path = "/device/{user_code}/deny", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    params(("user_code" = String, Path)), responses((status = 204))
)]
async fn deny_device(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(code): Id<UserCode>,
) -> Result<StatusCode, Problem> {
    let deny = state.access.devices.deny(&caller.require_session()?.user, &code, peer.0);
    let actor = Actor::remote(&caller.user.name, peer.0);
    audited(&state.store, &actor, "deny_device", &code.to_string(), deny).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn usual_scopes() -> Vec<Scope> {
    Scope::USUAL.to_vec()
}

fn usual_days() -> u32 {
    30
}

#[cfg(test)]
mod tests;
