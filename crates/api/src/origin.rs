//! Whether a request was made by a page of the portal itself.
//!
//! A browser says so in `Sec-Fetch-Site` (W3C Fetch Metadata) and, on unsafe methods, in `Origin` (RFC 6454).
//! A request that shows neither is no proof and is refused; the command line sends `Origin`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::problem::Problem;
use crate::state::AppState;

/// Middleware: an unsafe request without an API token must come from the portal's own pages.
pub(crate) async fn require_same_origin(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let by_token = request.headers().contains_key(AUTHORIZATION);
    if by_token || is_safe(request.method()) || is_same_origin(request.headers(), &state.site.origin) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN, "cross_origin", "this request did not come from a page of the portal")
        .into_response()
}

/// Whether the method changes nothing (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn is_same_origin(headers: &HeaderMap, portal: &str) -> bool {
    if let Some(origin) = headers.get(ORIGIN) {
        return origin.as_bytes() == portal.as_bytes() || is_own_host(origin, headers, portal);
    }
    headers.get("sec-fetch-site").is_some_and(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// Whether the page came from the very host that is asked. Only hosts of the portal get here, such as 127.0.0.1
/// beside localhost.
fn is_own_host(origin: &HeaderValue, headers: &HeaderMap, portal: &str) -> bool {
    let scheme = portal.split_once("://").map_or("http", |(scheme, _)| scheme);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| origin.as_bytes() == format!("{scheme}://{host}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_portals_own_pages_are_of_the_same_origin() {
        let portal = "http://localhost:8080";
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "http://localhost:8080")], true),
            (&[("origin", "http://axxxxxxxxxxxxxxx.localhost:8080")], false),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], false),
        ];
        for (pairs, expected) in cases {
            assert_eq!(is_same_origin(&headers(pairs), portal), expected, "{pairs:?}");
        }
    }
}
