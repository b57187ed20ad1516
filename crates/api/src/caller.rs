//! Who makes a request.

use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use myksc_core::{Error, Scope, Timestamp, User};
use myksc_identity::{CsrfToken, Verified};
use myksc_store::{Session, Token};

use crate::origin::is_safe;
use crate::peer::PeerAddress;
use crate::policy;
use crate::problem::Problem;
use crate::state::AppState;

/// Name of the session's cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis).
pub(crate) const COOKIE_NAME: &str = "__Host-myksc";

/// The operation whose requests browsers repeat for as long as a page is open.
const EVENTS_PATH: &str = "/api/v1/events";
const BACKGROUND_HEADER: HeaderName = HeaderName::from_static("x-background");
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

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
#[derive(Debug, Clone)]
pub enum Credential {
    /// The cookie of a session.
    Session {
        /// The session.
        session: Session,
        /// What a page of the portal sends along to change something.
        csrf_token: CsrfToken,
    },
    /// An API token.
    Token(Token),
}

impl Caller {
    /// The session, unless an API token was shown.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.credential {
            Credential::Session { session, .. } => Some(session),
            Credential::Token(_) => None,
        }
    }

    /// The session.
    ///
    /// # Errors
    /// A problem when an API token was shown.
    pub fn require_session(&self) -> Result<&Session, Problem> {
        self.session().ok_or_else(policy::session_needed)
    }

    /// Whether what she showed is good for this: a session is good for everything that her role allows.
    #[must_use]
    pub fn has_scope(&self, scope: Scope) -> bool {
        match &self.credential {
            Credential::Session { .. } => true,
            Credential::Token(token) => token.scopes.contains(&scope),
        }
    }

    /// When what she showed is over.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        match &self.credential {
            Credential::Session { session, .. } => session.expires_at,
            Credential::Token(token) => token.expires_at,
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // Within `/api` it was asked before the handler.
        match parts.extensions.get::<Self>() {
            Some(caller) => Ok(caller.clone()),
            None => authenticate(parts, state).await,
        }
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

/// Whoever made this request, by what it shows.
pub(crate) async fn authenticate(parts: &Parts, state: &AppState) -> Result<Caller, Problem> {
    match presented(&parts.headers) {
        Some(Presented::Cookie(cookie)) => by_cookie(parts, state, cookie).await,
        Some(Presented::Bearer(token)) => by_token(parts, state, token).await,
        None => Err(Error::Unauthenticated.into()),
    }
}

async fn by_cookie(parts: &Parts, state: &AppState, cookie: &str) -> Result<Caller, Problem> {
    let mut verified = state.access.sessions.verify(cookie).await?.ok_or(Error::Unauthenticated)?;
    require_csrf_token(parts, &verified)?;
    require_database(parts, state)?;
    if !is_background(parts) && !state.access.sessions.is_database_away() {
        state.access.sessions.used(&mut verified.session).await;
    }
    let credential = Credential::Session { session: verified.session, csrf_token: verified.csrf_token };
    Ok(Caller { user: verified.user, credential })
}

async fn by_token(parts: &Parts, state: &AppState, token: &str) -> Result<Caller, Problem> {
    let address = PeerAddress::of(&parts.extensions).0;
    let (user, token) = state.access.tokens.verify(token, address).await?.ok_or(Error::Unauthenticated)?;
    require_database(parts, state)?;
    Ok(Caller { user, credential: Credential::Token(token) })
}

fn require_csrf_token(parts: &Parts, verified: &Verified) -> Result<(), Problem> {
    let presented = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_safe(&parts.method) || verified.csrf_token.matches(presented) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "csrf_invalid", "X-CSRF-Token is not the session's"))
}

/// While the database is away, people who were verified lately may look, but not change anything.
fn require_database(parts: &Parts, state: &AppState) -> Result<(), Problem> {
    if is_safe(&parts.method) || !state.access.sessions.is_database_away() {
        return Ok(());
    }
    let detail = "the database does not answer; nothing can be changed meanwhile".to_owned();
    Err(Error::Unavailable { code: "database_away", detail }.into())
}

/// Whether a page asks this by itself, so that it is no sign of a person: with `X-Background: 1`, or for the events,
/// whose request a browser makes without headers of the page.
fn is_background(parts: &Parts) -> bool {
    let is_stream = parts.extensions.get::<MatchedPath>().is_some_and(|path| path.as_str() == EVENTS_PATH);
    is_stream || parts.headers.get(BACKGROUND_HEADER).is_some_and(|value| value == "1")
}

/// A credential as it came, not yet looked up.
enum Presented<'a> {
    Cookie(&'a str),
    Bearer(&'a str),
}

fn presented(headers: &HeaderMap) -> Option<Presented<'_>> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        // A wrong Authorization is no reason to fall back to the cookie: the rule of the same origin was waived
        // for it.
        return value.to_str().ok().and_then(bearer).map(Presented::Bearer);
    }
    cookie(headers, COOKIE_NAME).map(Presented::Cookie)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie; `None` when it is not there or there twice.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_that_is_there_twice_is_nobodys() {
        for (lines, found) in [
            (&["__Host-myksc=a"][..], Some("a")),
            (&["x=1; __Host-myksc=a; y=2"], Some("a")),
            (&["x=1", "__Host-myksc=a"], Some("a")),
            (&["__Host-myksc=a=b"], Some("a=b")),
            (&[], None),
            (&["__Host-myksc"], None),
            (&["__host-myksc=a; __Host-myksc-sign-in=b; xx__Host-myksc=c"], None),
            // A host beside the portal's can plant one; which of two is the portal's own can't be told.
            (&["__Host-myksc=a; __Host-myksc=b"], None),
            (&["__Host-myksc=a; __Host-myksc=a"], None),
            (&["__Host-myksc=a", "__Host-myksc=b"], None),
            (&["__Host-myksc=; __Host-myksc=a"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_static(line));
            }
            assert_eq!(cookie(&headers, COOKIE_NAME), found, "{lines:?}");
        }
    }
}
