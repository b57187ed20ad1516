//! `/oidc/{provider}`: the way to an OpenID provider and back, and what providers tell by themselves.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use myksc_core::Error;
use myksc_identity::{OIDC_FLOW_SECS, OidcAnswer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::session::{client, session_cookie};
use crate::caller::{COOKIE_NAME, cookie};
use crate::extract::Query;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::{AppState, Site};

/// Name of the cookie that ties a sign-in to the browser that began it.
const FLOW_COOKIE: &str = "__Host-myksc-oidc";

/// Where in the portal to go afterwards.
#[derive(Debug, Deserialize)]
struct StartQuery {
    next: Option<String>,
}

/// What a browser brings back. Providers add what they like.
#[derive(Deserialize)]
struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// What a person's browser asks for.
pub(super) fn router() -> Router<AppState> {
    Router::new().route("/oidc/{provider}/start", get(start)).route("/oidc/{provider}/callback", get(finish))
}

/// What a provider asks for. It is no page of the portal; the token that it shows says who it is.
pub(super) fn told_router() -> Router<AppState> {
    Router::new().route("/oidc/{provider}/back-channel-logout", post(log_out))
}

/// Sends somebody to a provider.
async fn start(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Query(query): Query<StartQuery>,
) -> Response {
    let next = query.next.as_deref();
    if let Some(address) = elsewhere(&state.site, &headers, &provider, next) {
        return go_to(&address);
    }
    match state.access.oidc.start(&provider, next, cookie(&headers, FLOW_COOKIE)).await {
        Ok(started) => {
            let cookie = format!(
                "{FLOW_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={OIDC_FLOW_SECS}",
                started.cookie.expose_secret()
            );
            ([(SET_COOKIE, cookie)], go_to(&started.address)).into_response()
        }
        Err(error) => give_up(error, &provider, next),
    }
}

/// Takes somebody back from a provider.
async fn finish(
    State(state): State<AppState>,
    peer: PeerAddress,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Response {
    let CallbackQuery { code, state: flow, iss: issuer, error } = query;
    let answer = OidcAnswer { code, state: flow, issuer, error };
    let (flow_cookie, replaced) = (cookie(&headers, FLOW_COOKIE), cookie(&headers, COOKIE_NAME));
    let client = client(peer, &headers);
    match state.access.oidc.finish(&provider, &answer, flow_cookie, &client, replaced).await {
        Ok(finished) => (session_cookie(&finished.opened), go_to(&finished.next)).into_response(),
        Err(error) => give_up(error, &provider, None),
    }
}

/// Ends the sessions that a provider says are over (OpenID Connect Back-Channel Logout 1.0, section 2.5).
async fn log_out(State(state): State<AppState>, Path(provider): Path<String>, body: Bytes) -> Response {
    let mut tokens = url::form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    let answer = match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => state.access.oidc.log_out(&provider, &token).await.map_err(Problem::from),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "oidc_token_invalid", "there is no logout_token")),
    };
    match answer {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) if problem.status() == StatusCode::FORBIDDEN => {
            problem.with_status(StatusCode::BAD_REQUEST).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// The same way under the portal's own name: a provider sends people back there, and a browser keeps the cookie for one
/// name alone.
fn elsewhere(site: &Site, headers: &HeaderMap, provider: &str, next: Option<&str>) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_own = site.origin.split_once("://").is_some_and(|(_, own)| own == host);
    let is_alias = host.starts_with("127.0.0.1") || host.starts_with("[::1]");
    (is_alias && !is_own).then(|| {
        let next = next.map(|next| format!("?next={}", encode(next))).unwrap_or_default();
        format!("{}/oidc/{}/start{next}", site.origin, encode(provider))
    })
}

/// Back to the sign-in page, which says what went wrong.
fn give_up(error: Error, provider: &str, next: Option<&str>) -> Response {
    let problem = Problem::from(error);
    if problem.status() == StatusCode::NOT_FOUND {
        return go_to("/sign-in");
    }
    if problem.status() == StatusCode::INTERNAL_SERVER_ERROR {
        return problem.into_response();
    }
    let next = next.map(|next| format!("&next={}", encode(next))).unwrap_or_default();
    go_to(&format!("/sign-in?problem={}&provider={}{next}", problem.code(), encode(provider)))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn go_to(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response()
}

#[cfg(test)]
mod tests;
