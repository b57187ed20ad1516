//! `/sign-in`: the second step of a sign-in, bound to the cookie that the password earned.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, StatusCode};
use myksc_core::secret::Secret;
use myksc_core::{Error, Timestamp};
use myksc_identity::{FactorKind, NewTotp, Opened, SecondStep};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{COOKIE_NAME, cookie};
use crate::extract::Json;
use crate::handlers::session::{SessionView, client, signed_in};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Name of the pending sign-in's cookie. It opens nothing but this file's operations.
const PENDING_COOKIE: &str = "__Host-myksc-sign-in";

/// What a sign-in waits for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SignInStep {
    /// `factor`: one of the person's factors; `enrolment`: that she enrols her first one.
    step: &'static str,
    /// The kinds that will do: `totp`, `recovery_code`, `passkey`.
    factors: Vec<&'static str>,
    /// When it is over.
    expires_at: Timestamp,
}

/// A code that somebody typed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeRequest {
    /// Six digits of the authenticator app, or a recovery code.
    pub(super) code: String,
}

/// What the browser's authenticator answered.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialRequest {
    /// The `PublicKeyCredential` as `toJSON` gives it.
    #[schema(value_type = Object)]
    pub(super) credential: Value,
}

/// Options for the browser's `navigator.credentials`, binary values as URL-safe base64 (W3C Web Authentication).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(value_type = Object)]
pub(super) struct PasskeyOptions(pub(super) Value);

/// A secret to put into an authenticator app.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NewTotpView {
    /// The secret in base32, for typing.
    secret: String,
    /// The same as an `otpauth:` address.
    uri: String,
    /// That address as a QR code, an SVG document.
    qr_svg: String,
}

/// The first factor is enrolled and the person signed in.
#[derive(Serialize, utoipa::ToSchema)]
struct Enrolled {
    /// Who is signed in.
    session: SessionView,
    /// Codes for the day that the authenticator is lost, each good once. They are shown nowhere else.
    recovery_codes: Vec<String>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(get_sign_in, delete_sign_in))
        .routes(routes!(sign_in_by_totp))
        .routes(routes!(sign_in_by_recovery_code))
        .routes(routes!(passkey_options))
        .routes(routes!(sign_in_by_passkey))
        .routes(routes!(begin_enrolment))
        .routes(routes!(confirm_enrolment))
}

/// The answer that says that a second step is due.
pub(super) fn pending(secret: &Secret, step: SecondStep) -> Response {
    let cookie = AppendHeaders([pending_cookie(secret.expose(), "")]);
    (StatusCode::ACCEPTED, cookie, axum::Json(SignInStep::from(step))).into_response()
}

/// Recovery codes as they are shown once.
pub(super) fn shown(codes: &[SecretString]) -> Vec<String> {
    codes.iter().map(|code| code.expose_secret().to_owned()).collect()
}

/// What the sign-in of this browser waits for.
#[utoipa::path(
    get, path = "/sign-in", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 200, body = SignInStep))
)]
async fn get_sign_in(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<axum::Json<SignInStep>, Problem> {
    let step = state.access.sign_in.pending(held(&headers)?).await?.ok_or_else(none)?;
    Ok(axum::Json(step.into()))
}

/// Gives the sign-in of this browser up.
#[utoipa::path(
    delete, path = "/sign-in", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 204))
)]
async fn delete_sign_in(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Ok(cookie) = held(&headers) {
        state.access.sign_in.give_up(cookie).await?;
    }
    Ok((StatusCode::NO_CONTENT, AppendHeaders([without_pending()])).into_response())
}

/// Signs in by a code of the authenticator app.
#[utoipa::path(
    post, path = "/sign-in/totp", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = CodeRequest,
    responses((status = 200, body = SessionView))
)]
async fn sign_in_by_totp(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<CodeRequest>,
) -> Result<Response, Problem> {
    by_code(&state, peer, &headers, FactorKind::Totp, &request.code).await
}

/// Signs in by a recovery code, which is good once.
#[utoipa::path(
    post, path = "/sign-in/recovery-code", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = CodeRequest,
    responses((status = 200, body = SessionView))
)]
async fn sign_in_by_recovery_code(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<CodeRequest>,
) -> Result<Response, Problem> {
    by_code(&state, peer, &headers, FactorKind::RecoveryCode, &request.code).await
}

/// Asks for one of the person's passkeys.
#[utoipa::path(
    post, path = "/sign-in/passkey/options", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 200, body = PasskeyOptions))
)]
async fn passkey_options(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<axum::Json<PasskeyOptions>, Problem> {
    let options = state.access.sign_in.passkey_options(held(&headers)?).await?;
    Ok(axum::Json(PasskeyOptions(options)))
}

/// Signs in by the passkey's answer.
#[utoipa::path(
    post, path = "/sign-in/passkey", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = CredentialRequest,
    responses((status = 200, body = SessionView))
)]
async fn sign_in_by_passkey(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<CredentialRequest>,
) -> Result<Response, Problem> {
    let (cookie, replaced) = (held(&headers)?, cookie(&headers, COOKIE_NAME));
    let client = client(peer, &headers);
    let opened = state.access.sign_in.by_passkey(cookie, request.credential, &client, replaced).await?;
    Ok(complete(opened))
}

/// Begins the enrolment of the first factor, where the site demands one.
#[utoipa::path(
    post, path = "/sign-in/enrolment", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 200, body = NewTotpView))
)]
async fn begin_enrolment(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<axum::Json<NewTotpView>, Problem> {
    let new = state.access.sign_in.begin_enrolment(held(&headers)?).await?;
    Ok(axum::Json(new.into()))
}

/// Enrols the authenticator app that shows this code, and signs in.
#[utoipa::path(
    post, path = "/sign-in/enrolment/confirm", tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = CodeRequest,
    responses((status = 200, body = Enrolled))
)]
async fn confirm_enrolment(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<CodeRequest>,
) -> Result<Response, Problem> {
    let (cookie, replaced) = (held(&headers)?, cookie(&headers, COOKIE_NAME));
    let client = client(peer, &headers);
    let finished = state.access.sign_in.finish_enrolment(cookie, &request.code, &client, replaced);
    let (opened, codes) = finished.await?;
    let (cookie, session) = signed_in(opened);
    let enrolled = Enrolled { session, recovery_codes: shown(&codes) };
    Ok((cookie, AppendHeaders([without_pending()]), axum::Json(enrolled)).into_response())
}

impl From<SecondStep> for SignInStep {
    fn from(step: SecondStep) -> Self {
        Self {
            step: step.stage.as_str(),
            factors: step.factors.into_iter().map(FactorKind::as_str).collect(),
            expires_at: step.expires_at,
        }
    }
}

impl From<NewTotp> for NewTotpView {
    fn from(new: NewTotp) -> Self {
        Self {
            secret: new.secret.expose_secret().to_owned(),
            uri: new.uri.expose_secret().to_owned(),
            qr_svg: new.qr_svg.expose_secret().to_owned(),
        }
    }
}

async fn by_code(
    state: &AppState,
    peer: PeerAddress,
    headers: &HeaderMap,
    kind: FactorKind,
    code: &str,
) -> Result<Response, Problem> {
    let (pending, replaced) = (held(headers)?, cookie(headers, COOKIE_NAME));
    let client = client(peer, headers);
    let opened = state.access.sign_in.by_code(pending, kind, code, &client, replaced).await?;
    Ok(complete(opened))
}

/// The session's cookie comes, that of the pending sign-in goes.
fn complete(opened: Opened) -> Response {
    let (cookie, view) = signed_in(opened);
    (cookie, AppendHeaders([without_pending()]), axum::Json(view)).into_response()
}

fn held(headers: &HeaderMap) -> Result<&str, Problem> {
    cookie(headers, PENDING_COOKIE).ok_or_else(none)
}

fn none() -> Problem {
    Error::not_found("sign_in", "").into()
}

fn without_pending() -> (HeaderName, String) {
    pending_cookie("", "; Max-Age=0")
}

fn pending_cookie(value: &str, more: &str) -> (HeaderName, String) {
    let cookie = format!("{PENDING_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{more}");
    (SET_COOKIE, cookie)
}

#[cfg(test)]
mod tests;
