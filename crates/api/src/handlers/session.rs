//! `/session`: signing in and out, and who is signed in.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, StatusCode};
use myksc_core::user::Group;
use myksc_core::{Error, SessionId, Timestamp, User, UserId};
use myksc_identity::{Actor, Client, audited};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{COOKIE_NAME, Caller, Credential, cookie};
use crate::extract::Json;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// Name and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    /// Account name.
    name: String,
    /// Password.
    #[schema(format = Password)]
    password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
struct SessionView {
    /// The person.
    user: UserView,
    /// For the header `X-CSRF-Token` of unsafe requests; null with an API token, which needs none.
    csrf_token: Option<String>,
    /// Id of the session; null with an API token.
    session_id: Option<SessionId>,
    /// When the session, or the token, ends at the latest.
    expires_at: Timestamp,
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

/// Takes the session's cookie from the browser.
pub(super) fn without_cookie() -> AppendHeaders<[(HeaderName, String); 1]> {
    set_cookie("", "; Max-Age=0")
}

/// Signs in by name and password; the session's cookie comes along.
#[utoipa::path(
    post,
    path = "/session",
    tag = "session",
    security(()),
    request_body = SignInRequest,
    responses((status = 200, body = SessionView))
)]
async fn create_session(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    Json(request): Json<SignInRequest>,
) -> Result<Response, Problem> {
    let password = SecretString::from(request.password);
    let replaced = cookie(&headers, COOKIE_NAME);
    let client = client(peer, &headers);
    let opened = state.access.sign_in.sign_in(&request.name, &password, &client, replaced).await?;
    let verified = opened.verified;
    let view = SessionView {
        user: verified.user.into(),
        csrf_token: Some(verified.csrf_token.expose().to_owned()),
        session_id: Some(verified.session.id),
        expires_at: verified.session.expires_at,
    };
    // Without Max-Age: it goes when the browser is closed.
    Ok((set_cookie(opened.secret.expose(), ""), axum::Json(view)).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = SessionView)))]
async fn get_session(caller: Caller) -> axum::Json<SessionView> {
    let user = caller.user.into();
    axum::Json(match caller.credential {
        Credential::Session { session, csrf_token } => SessionView {
            user,
            csrf_token: Some(csrf_token.expose().to_owned()),
            session_id: Some(session.id),
            expires_at: session.expires_at,
        },
        Credential::Token(token) => {
            SessionView { user, csrf_token: None, session_id: None, expires_at: token.expires_at }
        }
    })
}

/// Signs out: ends this session and everything it opened.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
async fn delete_session(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
) -> Result<Response, Problem> {
    let Some(session) = caller.session() else {
        let detail = "an API token is no session; delete the token instead".to_owned();
        return Err(Error::Forbidden { code: "token_has_no_session", detail }.into());
    };
    let actor = Actor::remote(&caller.user.name, peer.0);
    let end = state.access.sessions.end(&caller.user.id, &session.id);
    audited(&state.store, &actor, "sign_out", session.id.as_str(), end).await?;
    Ok((StatusCode::NO_CONTENT, without_cookie()).into_response())
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
