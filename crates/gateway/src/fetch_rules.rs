//! Who may send what to an app: sibling apps share a site, so `SameSite` alone protects nothing between them.
//!
//! Fetch Metadata Request Headers (W3C) tell where a request comes from; a WebSocket handshake carries only
//! `Origin` (RFC 6455 section 10.2).

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, request::Parts};

use crate::config::Config;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It comes from another site's or another app's page.
    OtherOrigin,
    /// It changes something and does not say where it comes from.
    UnknownOrigin,
}

/// Whether the method only reads (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a person's browser goes to this address, rather than a page fetching it.
pub(crate) fn is_navigation(parts: &Parts) -> bool {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return false;
    }
    match text(&parts.headers, &SEC_FETCH_MODE) {
        Some(mode) => {
            mode == "navigate" && text(&parts.headers, &SEC_FETCH_DEST).is_none_or(|dest| dest == "document")
        }
        None => text(&parts.headers, &header::ACCEPT).is_some_and(|accept| accept.contains("text/html")),
    }
}

/// Whether no page can have started this navigation: the person typed it, or a program sent it.
pub(crate) fn is_unprompted(headers: &HeaderMap) -> bool {
    match text(headers, &SEC_FETCH_SITE) {
        Some(site) => site == "none",
        // A browser sends it on every trustworthy origin, so without it there must be no trace of a browser.
        None => !headers.keys().any(|name| {
            name.as_str().starts_with("sec-fetch-") || *name == header::ORIGIN || *name == header::REFERER
        }),
    }
}

/// Whether the app may see this request; `host` is its `Host` header.
pub(crate) fn check(config: &Config, parts: &Parts, host: &str, websocket: bool) -> Result<(), Refusal> {
    let origin = parts.headers.get(header::ORIGIN);
    let is_own =
        |value: &http::HeaderValue| value.to_str().is_ok_and(|text| config.is_own_origin(text, host));
    if websocket {
        return match origin {
            Some(value) if is_own(value) => Ok(()),
            Some(_) => Err(Refusal::OtherOrigin),
            None => Err(Refusal::UnknownOrigin),
        };
    }
    match parts.headers.get(SEC_FETCH_SITE).map(http::HeaderValue::as_bytes) {
        Some(b"same-origin") => Ok(()),
        Some(b"none") if is_safe(&parts.method) => Ok(()),
        Some(_) if is_navigation(parts) => Ok(()),
        Some(_) => Err(Refusal::OtherOrigin),
        None => match origin {
            Some(value) if is_own(value) => Ok(()),
            Some(_) => Err(Refusal::OtherOrigin),
            None if is_safe(&parts.method) => Ok(()),
            None => Err(Refusal::UnknownOrigin),
        },
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
