//! Which headers pass, and in which direction. RFC 9110 section 7.6 and the gateway's own rules.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::cookies;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers between two neighbours only.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// An app's word about anything wider than its own pages: other hosts, other apps, the browser's later visits.
///
/// `Clear-Site-Data` is among them because `"cookies"` clears the whole registrable domain, siblings included.
const DROPPED_FROM_APPS: [&str; 7] = [
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "strict-transport-security",
];

/// What a request is given on its way to the app.
pub(crate) struct Forwarded<'a> {
    /// Address of the browser.
    pub(crate) client: &'a HeaderValue,
    pub(crate) scheme: &'static str,
    /// The app's own credential.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// Whether the request asks for a WebSocket.
    pub(crate) websocket: bool,
}

/// Makes a browser's headers fit for the app.
pub(crate) fn prepare_request(headers: &mut HeaderMap, forwarded: &Forwarded<'_>) {
    drop_connection_named(headers);
    drop_where(headers, is_dropped_from_requests);
    cookies::strip_ours(headers);
    if let Some(authorization) = forwarded.authorization {
        headers.insert(header::AUTHORIZATION, authorization.clone());
    }
    headers.insert(X_FORWARDED_FOR, forwarded.client.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(forwarded.scheme));
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.insert(X_FORWARDED_HOST, host);
    }
    if forwarded.websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Makes an app's headers fit for the browser.
pub(crate) fn prepare_response(headers: &mut HeaderMap, websocket: bool) {
    drop_connection_named(headers);
    drop_where(headers, |name| HOP_BY_HOP.contains(&name) || DROPPED_FROM_APPS.contains(&name));
    cookies::tame_set_cookie(headers);
    if websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Whether the request asks to become a WebSocket (RFC 6455 section 4.1).
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && connection_tokens(headers).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// Whether a header tells of a client behind a proxy.
pub(crate) fn is_about_forwarding(name: &str) -> bool {
    name.starts_with("x-forwarded") || matches!(name, "forwarded" | "x-real-ip" | "x-scheme")
}

fn is_dropped_from_requests(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x') => {
            is_about_forwarding(name) || name.starts_with("x-remote-") || name.starts_with("x-auth-")
        }
        Some(b'a') => name == "authorization",
        Some(b'e') => name == "expect",
        Some(b'f') => is_about_forwarding(name),
        Some(b'h') => name == "http2-settings",
        Some(b'c' | b'k' | b'p' | b't' | b'u') => HOP_BY_HOP.contains(&name),
        _ => false,
    }
}

fn drop_where(headers: &mut HeaderMap, is_dropped: impl Fn(&str) -> bool) {
    // A request seldom has more than three of them; names of standard headers are copied without allocating.
    while let Some(name) = headers.keys().find(|name| is_dropped(name.as_str())).cloned() {
        headers.remove(name);
    }
}

/// Removes every header that a `Connection` header names, except those that carry the message itself.
fn drop_connection_named(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = connection_tokens(headers)
        .filter(|token| {
            !["close", "keep-alive", "upgrade"].iter().any(|usual| token.eq_ignore_ascii_case(usual))
        })
        .filter_map(|token| token.parse().ok())
        .filter(|name| ![header::HOST, header::CONTENT_LENGTH, header::COOKIE].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}
