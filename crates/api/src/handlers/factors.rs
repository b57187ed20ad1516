//! `/factors`: a person's second factors, as she sees and changes them herself.

use axum::extract::State;
use http::StatusCode;
use myksc_core::{PasskeyId, Timestamp};
use myksc_identity::{Actor, Proof, audited};
use myksc_store::Passkey;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Id, Json};
use crate::handlers::sign_in::{CodeRequest, CredentialRequest, NewTotpView, PasskeyOptions, shown};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// A person's second factors.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct FactorsView {
    /// Her authenticator app; null without one.
    totp: Option<TotpView>,
    /// How many recovery codes she has left.
    recovery_codes_left: u32,
    /// Her passkeys, the oldest first.
    passkeys: Vec<PasskeyView>,
    /// Whether the site demands a second factor of her.
    required: bool,
}

/// An authenticator app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TotpView {
    /// Since when.
    enrolled_at: Timestamp,
}

/// A passkey.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PasskeyView {
    /// Id.
    id: PasskeyId,
    /// What its owner calls it.
    name: String,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last used.
    last_used_at: Option<Timestamp>,
}

/// A passkey that was just added.
#[derive(Serialize, utoipa::ToSchema)]
struct NewPasskeyView {
    /// The passkey.
    #[serde(flatten)]
    passkey: PasskeyView,
    /// The first recovery codes, when there were none; they are shown nowhere else.
    recovery_codes: Vec<String>,
}

/// Codes for the day that the authenticator is lost, each good once. They are shown nowhere else.
#[derive(Serialize, utoipa::ToSchema)]
struct RecoveryCodes {
    /// The codes.
    recovery_codes: Vec<String>,
}

/// The present password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordRequest {
    /// Password.
    #[schema(format = Password)]
    password: String,
}

/// A passkey to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyRequest {
    /// What to call it: 1 to 60 characters.
    name: String,
    /// Says that it is she.
    proof: ProofRequest,
}

/// What shows anew that a request is its person's own: one of these.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Proof)]
enum ProofRequest {
    /// The present password.
    #[schema(format = Password)]
    Password(String),
    /// Six digits of the authenticator app, or a recovery code.
    Code(String),
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(get_factors))
        .routes(routes!(begin_totp))
        .routes(routes!(confirm_totp))
        .routes(routes!(remove_totp))
        .routes(routes!(renew_recovery_codes))
        .routes(routes!(begin_passkey))
        .routes(routes!(add_passkey))
        .routes(routes!(remove_passkey))
}

/// The caller's second factors.
#[utoipa::path(
    get, path = "/factors", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = FactorsView))
)]
async fn get_factors(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<FactorsView>, Problem> {
    let of = state.access.factors.of(&caller.user).await?;
    Ok(axum::Json(FactorsView {
        totp: of.totp_since.map(|enrolled_at| TotpView { enrolled_at }),
        recovery_codes_left: of.recovery_codes_left,
        passkeys: of.passkeys.into_iter().map(PasskeyView::from).collect(),
        required: of.required,
    }))
}

/// Begins the enrolment of an authenticator app, in place of the present one if there is any.
#[utoipa::path(
    post, path = "/factors/totp", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = PasswordRequest,
    responses((status = 200, body = NewTotpView))
)]
async fn begin_totp(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<PasswordRequest>,
) -> Result<axum::Json<NewTotpView>, Problem> {
    let session = caller.require_session()?;
    let password = SecretString::from(request.password);
    let act = async {
        state.access.sign_in.confirm_password(&caller.user, &password).await?;
        state.access.factors.begin_totp(session.id.as_str(), &caller.user).await
    };
    let new = audited(&state.store, &actor(&caller, peer), "begin_factor", "totp", act).await?;
    Ok(axum::Json(new.into()))
}

/// Enrols the authenticator app that shows this code.
#[utoipa::path(
    post, path = "/factors/totp/confirm", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = CodeRequest,
    responses((status = 200, body = RecoveryCodes))
)]
async fn confirm_totp(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<CodeRequest>,
) -> Result<axum::Json<RecoveryCodes>, Problem> {
    let session = caller.require_session()?;
    let act = state.access.factors.confirm_totp(session.id.as_str(), &caller.user, &request.code);
    let codes = audited(&state.store, &actor(&caller, peer), "enrol_factor", "totp", act).await?;
    Ok(axum::Json(RecoveryCodes { recovery_codes: shown(&codes) }))
}

/// Takes the authenticator app away; a code of it or a recovery code says that it is she.
#[utoipa::path(
    post, path = "/factors/totp/remove", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = CodeRequest,
    responses((status = 204))
)]
async fn remove_totp(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<CodeRequest>,
) -> Result<StatusCode, Problem> {
    caller.require_session()?;
    let act = state.access.factors.remove_totp(&caller.user, &request.code);
    audited(&state.store, &actor(&caller, peer), "remove_factor", "totp", act).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the present ones, for whoever shows a code.
#[utoipa::path(
    post, path = "/factors/recovery-codes", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = CodeRequest,
    responses((status = 200, body = RecoveryCodes))
)]
async fn renew_recovery_codes(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<CodeRequest>,
) -> Result<axum::Json<RecoveryCodes>, Problem> {
    caller.require_session()?;
    let act = state.access.factors.renew_recovery_codes(&caller.user, &request.code);
    let codes = audited(&state.store, &actor(&caller, peer), "renew_recovery_codes", "", act).await?;
    Ok(axum::Json(RecoveryCodes { recovery_codes: shown(&codes) }))
}

/// Begins the adding of a passkey; the password or a code says that it is she.
#[utoipa::path(
    post, path = "/factors/passkeys/options", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = PasskeyRequest,
    responses((status = 200, body = PasskeyOptions))
)]
async fn begin_passkey(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<PasskeyRequest>,
) -> Result<axum::Json<PasskeyOptions>, Problem> {
    let session = caller.require_session()?;
    let proof = request.proof.into();
    let act = async {
        state.access.sign_in.confirm(&caller.user, &proof).await?;
        state.access.factors.begin_passkey(session.id.as_str(), &caller.user, &request.name).await
    };
    let options = audited(&state.store, &actor(&caller, peer), "begin_factor", "passkey", act).await?;
    Ok(axum::Json(PasskeyOptions(options)))
}

/// Adds the passkey that the browser made.
#[utoipa::path(
    post, path = "/factors/passkeys", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = CredentialRequest,
    responses((status = 201, body = NewPasskeyView))
)]
async fn add_passkey(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<CredentialRequest>,
) -> Result<(StatusCode, axum::Json<NewPasskeyView>), Problem> {
    let session = caller.require_session()?;
    let act = state.access.factors.finish_passkey(session.id.as_str(), &caller.user, request.credential);
    let added = audited(&state.store, &actor(&caller, peer), "enrol_factor", "passkey", act).await?;
    let (passkey, codes) = added;
    let view = NewPasskeyView { passkey: passkey.into(), recovery_codes: shown(&codes) };
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// Takes a passkey away; the password or a code says that it is she.
#[utoipa::path(
    post, path = "/factors/passkeys/{id}/remove", tag = "session",
    params(("id" = PasskeyId, Path)),
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = ProofRequest,
    responses((status = 204))
)]
async fn remove_passkey(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<PasskeyId>,
    Json(proof): Json<ProofRequest>,
) -> Result<StatusCode, Problem> {
    caller.require_session()?;
    let proof = proof.into();
    let act = async {
        state.access.sign_in.confirm(&caller.user, &proof).await?;
        state.access.factors.remove_passkey(&caller.user, &id).await
    };
    audited(&state.store, &actor(&caller, peer), "remove_factor", id.as_str(), act).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ProofRequest> for Proof {
    fn from(request: ProofRequest) -> Self {
        match request {
            ProofRequest::Password(password) => Self::Password(SecretString::from(password)),
            ProofRequest::Code(code) => Self::Code(SecretString::from(code)),
        }
    }
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

fn actor(caller: &Caller, peer: PeerAddress) -> Actor {
    Actor::remote(&caller.user.name, peer.0)
}

#[cfg(test)]
mod tests;
