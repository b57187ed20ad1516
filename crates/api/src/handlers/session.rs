//! `/session`: signing in and out, and who is signed in.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, StatusCode};
use myksc_core::user::Group;
use myksc_core::{Role, SessionId, Timestamp, User, UserId};
use myksc_identity::{Actor, Client, Credentials, Opened, Step, audited};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{COOKIE_NAME, Caller, Credential, cookie};
use crate::extract::Json;
use crate::handlers::preferences;
use crate::handlers::sign_in::{self, SignInStep};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Name and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    /// Id of the provider that knows the account, as `/site` lists them; the portal's first one when absent.
    provider: Option<String>,
    /// Account name.
    name: String,
    /// Password.
    #[schema(format = Password)]
    password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    /// The person.
    user: UserView,
    /// For the header `X-CSRF-Token` of unsafe requests; null with an API token, which needs none.
    csrf_token: Option<String>,
    /// Id of the session; null with an API token.
    session_id: Option<SessionId>,
    /// When the session, or the token, ends at the latest.
    expires_at: Timestamp,
    /// When the session ends if it is not used again; null with an API token.
    idle_ends_at: Option<Timestamp>,
    /// What the person is at the centre.
    role: Role,
    /// Who vouches for her: the id of one of the site's ways to sign in.
    provider: String,
}

/// Where somebody who signed out goes on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SignedOut {
    /// The address at which she signs out of her provider; it sends her back.
    continue_at: String,
}

/// The person who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = User)]
struct UserView {
    /// The portal's id of the person.
    id: UserId,
    /// Account name.
    name: String,
    /// Name as the person writes it.
    display_name: String,
    /// Numeric user id.
    uid: u32,
    /// Numeric id of the primary group.
    gid: u32,
    /// All groups, the primary one included.
    groups: Vec<Group>,
    /// Home folder, absolute.
    home: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(create_session, get_session, delete_session))
}

/// What is known of the other end, for the list of sessions and the slowing of wrong passwords.
pub(super) fn client(peer: PeerAddress, headers: &HeaderMap) -> Client {
    let user_agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    Client { address: peer.0, user_agent: user_agent.unwrap_or_default().into_owned() }
}

/// What a browser gets when its person is signed in: the cookie, and who she is.
pub(super) fn signed_in(opened: Opened) -> (AppendHeaders<[(HeaderName, String); 1]>, SessionView) {
    (session_cookie(&opened), SessionView::from(opened))
}

/// The cookie of a new session, for a browser that goes on to another page.
pub(super) fn session_cookie(opened: &Opened) -> AppendHeaders<[(HeaderName, String); 1]> {
    // Without Max-Age: it goes when the browser is closed.
    set_cookie(opened.secret.expose(), "")
}

/// Signs the caller out by what ends her sessions, the one that she asks by among them: first what she has chosen for
/// her apps, and then where her browser goes on.
pub(super) async fn sign_out(
    state: &AppState,
    caller: &Caller,
    peer: PeerAddress,
    object: &str,
    end: impl Future<Output = myksc_core::Result<()>>,
) -> Result<Response, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    Box::pin(preferences::apply_at_sign_out(state, &caller.user, &actor)).await;
    audited(&state.store, &actor, "sign_out", object, end).await?;
    Ok(match state.access.oidc.sign_out_address(&caller.user) {
        Some(continue_at) => (without_cookie(), axum::Json(SignedOut { continue_at })).into_response(),
        None => (StatusCode::NO_CONTENT, without_cookie()).into_response(),
    })
}

/// Takes the session's cookie from the browser.
fn without_cookie() -> AppendHeaders<[(HeaderName, String); 1]> {
    set_cookie("", "; Max-Age=0")
}

/// Signs in by name and password; the session's cookie comes along. Where a second step is due, the answer is 202 with
/// the cookie of the pending sign-in.
#[utoipa::path(
    post,
    path = "/session",
    tag = "session",
    extensions(("x-access" = json!({"role": "nobody"}))),
    request_body = SignInRequest,
    responses((status = 200, body = SessionView), (status = 202, body = SignInStep))
)]
async fn create_session(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<SignInRequest>,
) -> Result<Response, Problem> {
    let password = SecretString::from(request.password);
    let given =
        Credentials { provider: request.provider.as_deref(), name: &request.name, password: &password };
    let replaced = cookie(&headers, COOKIE_NAME);
    Ok(match state.access.sign_in.sign_in(given, &client(peer, &headers), replaced).await? {
        Step::Opened(opened) => {
            let (cookie, view) = signed_in(*opened);
            (cookie, axum::Json(view)).into_response()
        }
        Step::Pending { secret, step } => sign_in::pending(&secret, step),
    })
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/session", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps", "jobs", "files", "admin"]}))),
    responses((status = 200, body = SessionView))
)]
async fn get_session(State(state): State<AppState>, caller: Caller) -> axum::Json<SessionView> {
    axum::Json(SessionView::of(&state, caller))
}

/// Signs out: ends this session and everything it opened. Where the person signed in at a provider that wants to be
/// signed out of, too, the answer says where her browser goes on.
#[utoipa::path(
    delete, path = "/session", tag = "session",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = SignedOut), (status = 204))
)]
async fn delete_session(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
) -> Result<Response, Problem> {
    let session = caller.require_session()?;
    let end = state.access.sessions.end(&caller.user.id, &session.id);
    sign_out(&state, &caller, peer, session.id.as_str(), end).await
}

impl SessionView {
    /// What a caller is told of what she showed.
    pub(super) fn of(state: &AppState, caller: Caller) -> Self {
        let mut view = Self {
            csrf_token: None,
            session_id: None,
            expires_at: caller.expires_at(),
            idle_ends_at: None,
            role: caller.user.role,
            provider: caller.user.provider.clone(),
            user: caller.user.into(),
        };
        if let Credential::Session { session, csrf_token } = caller.credential {
            view.csrf_token = Some(csrf_token.expose().to_owned());
            view.idle_ends_at = Some(state.access.sessions.idle_ends_at(&session));
            view.session_id = Some(session.id);
        }
        view
    }
}

impl From<Opened> for SessionView {
    fn from(opened: Opened) -> Self {
        let verified = opened.verified;
        Self {
            role: verified.user.role,
            provider: verified.user.provider.clone(),
            user: verified.user.into(),
            csrf_token: Some(verified.csrf_token.expose().to_owned()),
            session_id: Some(verified.session.id),
            expires_at: verified.session.expires_at,
            idle_ends_at: Some(verified.idle_ends_at),
        }
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            display_name: user.display_name,
            uid: user.uid,
            gid: user.gid,
            groups: user.groups,
            home: user.home.to_string_lossy().into_owned(),
        }
    }
}

fn set_cookie(value: &str, more: &str) -> AppendHeaders<[(HeaderName, String); 1]> {
    let cookie = format!("{COOKIE_NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{more}");
    AppendHeaders([(SET_COOKIE, cookie)])
}

#[cfg(test)]
mod tests;
