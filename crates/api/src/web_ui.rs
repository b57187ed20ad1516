//! The web UI: the files that its build left in `web/dist`, part of the binary in a release build.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH};
use http::{Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;
use crate::state::Site;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Assets;

/// First parts of the paths that the web UI's own router knows.
const PAGES: &[&str] = &["", "sign-in", "apps", "jobs", "files", "account"];

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
        && let Some(file) = Assets::get(path)
    {
        return asset(request, path, file);
    }
    let first = path.split('/').next().unwrap_or_default();
    page(request, if PAGES.contains(&first) { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

/// The single page, which shows what its address says; 404 shows its page for unknown addresses.
pub(crate) fn page(request: &Request, status: StatusCode) -> Response {
    let Some(index) = Assets::get("index.html") else {
        return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], NOT_BUILT)
            .into_response();
    };
    let mut response = if status == StatusCode::OK {
        asset(request, "index.html", index)
    } else {
        (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], index.data).into_response()
    };
    response.headers_mut().insert(CACHE_CONTROL, http::HeaderValue::from_static("no-cache"));
    response
}

/// The same page under the portal's own name, when it was asked for under another: cookies and origins hold there.
fn canonical(site: &Site, request: &Request) -> Option<String> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let own = site.origin.split_once("://")?.1;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    (!host.eq_ignore_ascii_case(own)).then(|| format!("{}{path}", site.origin))
}

fn asset(request: &Request, path: &str, file: EmbeddedFile) -> Response {
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(ETAG, tag.clone()), (CACHE_CONTROL, caching.to_owned())];
    if request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = match file.metadata.mimetype() {
        kind @ ("text/html" | "text/css" | "text/javascript") => format!("{kind}; charset=utf-8"),
        kind => kind.to_owned(),
    };
    (headers, [(CONTENT_TYPE, kind)], file.data).into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
