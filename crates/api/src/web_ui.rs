//! The web UI: the files that its build left in `web/dist`, part of the binary.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{Method, StatusCode};
use rust_embed::RustEmbed;

use crate::problem::Problem;
use crate::state::Site;

use self::encoding::Encoding;

mod encoding;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Assets;

/// First parts of the paths that the web UI's own router knows.
const PAGES: &[&str] =
    &["", "sign-in", "apps", "jobs", "files", "account", "device", "people", "audit", "notices"];

/// Vite names the files below this folder by their content, so they never change.
const HASHED: &str = "assets/";

const NOT_BUILT: &str =
    "The web UI was not built: run `make web` (or `make run`) and start the portal again.\n";

/// Answers a request that no operation took.
pub(crate) fn serve(site: &Site, request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this can't be done here")
            .into_response();
    }
    if let Some(elsewhere) = canonical(site, request) {
        return Redirect::temporary(&elsewhere).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if path != "index.html"
        && let Some(answer) = asset(request, path)
    {
        return answer;
    }
    let first = path.split('/').next().unwrap_or_default();
    page(request, if PAGES.contains(&first) { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

/// The single page, which shows what its address says; 404 shows its page for unknown addresses.
pub(crate) fn page(request: &Request, status: StatusCode) -> Response {
    let Some(mut answer) = asset(request, "index.html") else {
        return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], NOT_BUILT)
            .into_response();
    };
    if answer.status() == StatusCode::OK {
        *answer.status_mut() = status;
    }
    answer
}

/// The same page under the portal's own name, when it was asked for under another: cookies and origins hold there.
fn canonical(site: &Site, request: &Request) -> Option<String> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let own = site.origin.split_once("://")?.1;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    (!host.eq_ignore_ascii_case(own)).then(|| format!("{}{path}", site.origin))
}

/// A file in the smallest form that the browser takes, if there is one of this name.
fn asset(request: &Request, path: &str) -> Option<Response> {
    if Encoding::is_form(path) {
        return None;
    }
    let plain = Assets::get(path)?;
    let kind = match plain.metadata.mimetype() {
        kind @ ("text/html" | "text/css" | "text/javascript") => format!("{kind}; charset=utf-8"),
        kind => kind.to_owned(),
    };
    let encoded = Encoding::accepted(request.headers())
        .find_map(|encoding| Some((Assets::get(&format!("{path}{}", encoding.suffix()))?, Some(encoding))));
    let (file, encoding) = encoded.unwrap_or((plain, None));
    // Each form has its own bytes, so its own tag.
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(VARY, "accept-encoding"), (ETAG, &tag), (CACHE_CONTROL, caching)];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    if is_known(request.headers(), &tag) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let mut answer = (headers, [(CONTENT_TYPE, kind)], file.data).into_response();
    if let Some(encoding) = encoding {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    Some(answer)
}

/// Whether the browser holds what has this tag (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_that_the_web_ui_knows_is_found() {
        let routes = include_str!("../../../web/src/routes/tree.tsx");
        let paths: Vec<_> =
            routes.split("path: \"/").skip(1).filter_map(|rest| rest.split(['"', '/']).next()).collect();
        assert!(paths.len() > 10, "{paths:?}");
        for path in &paths {
            assert!(PAGES.contains(path), "{path:?} is answered as unknown");
        }
        assert!(PAGES.iter().all(|page| paths.contains(page)), "{paths:?}");
    }
}
