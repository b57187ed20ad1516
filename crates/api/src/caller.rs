//! Who makes a request.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use myksc_core::{Error, SessionId, TokenId, User};

use crate::problem::Problem;
use crate::state::AppState;

/// Name of the session's cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis).
pub(crate) const COOKIE_NAME: &str = "__Host-myksc";

/// A signed-in person; as an extractor it refuses everybody else with 401.
///
/// With the cookie an unsafe method also needs the session's `X-CSRF-Token`.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person.
    pub user: User,
    /// What she showed.
    pub credential: Credential,
}

/// What a caller showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The cookie of a session.
    Session(SessionId),
    /// An API token.
    Token(TokenId),
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let _ = (state, presented(&parts.headers));
        Err(Error::Unauthenticated.into())
    }
}

impl OptionalFromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Problem> {
        match <Self as FromRequestParts<AppState>>::from_request_parts(parts, state).await {
            Ok(caller) => Ok(Some(caller)),
            Err(problem) if problem.code() == "unauthenticated" => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// A credential as it came, not yet looked up.
enum Presented<'a> {
    Cookie(&'a str),
    Bearer(&'a str),
}

fn presented(headers: &HeaderMap) -> Option<Presented<'_>> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        // A wrong Authorization is no reason to fall back to the cookie: the caller meant the token.
        return value.to_str().ok().and_then(bearer).map(Presented::Bearer);
    }
    cookie(headers, COOKIE_NAME).map(Presented::Cookie)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie; `None` when it is not there or there twice.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}
