//! The pages' files: what their build left in `web/dist-pages`, part of the program.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist-pages"]
struct Files;

pub(super) type Answer = Response<Full<Bytes>>;

/// Nothing comes from elsewhere. xterm.js makes its style sheets as it goes, noVNC its pictures.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// Vite names the files below this folder by their content, so they never change.
const HASHED: &str = "assets/";
const NOT_BUILT: &str = "The pages were not built: run `make web` and build the program again.\n";
/// The forms that the build left beside each text, the smallest first.
const FORMS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The page of that name.
pub(super) fn page(name: &str, asked: &HeaderMap) -> Answer {
    file(&format!("{name}.html"), asked).unwrap_or_else(|| text(StatusCode::NOT_FOUND, NOT_BUILT))
}

/// What belongs to a page, by its path without the first `/`.
pub(super) fn asset(path: &str, asked: &HeaderMap) -> Option<Answer> {
    let is_plain = path.starts_with(HASHED) && !FORMS.iter().any(|(_, suffix)| path.ends_with(suffix));
    is_plain.then(|| file(path, asked)).flatten()
}

/// A short answer in words.
pub(super) fn text(status: StatusCode, words: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(words));
    *answer.status_mut() = status;
    set(&mut answer, CONTENT_TYPE, "text/plain; charset=utf-8");
    answer
}

fn file(path: &str, asked: &HeaderMap) -> Option<Answer> {
    let plain = Files::get(path)?;
    let kind = match plain.metadata.mimetype() {
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" => "text/javascript; charset=utf-8",
        _ => "application/octet-stream",
    };
    let packed = FORMS
        .iter()
        .filter(|(name, _)| takes(asked, name))
        .find_map(|(name, suffix)| Some((Files::get(&format!("{path}{suffix}"))?, *name)));
    let (data, encoding) = match packed {
        Some((file, encoding)) => (file.data, Some(encoding)),
        None => (plain.data, None),
    };
    let mut answer = Response::new(Full::from(data.into_owned()));
    set(&mut answer, CONTENT_TYPE, kind);
    set(&mut answer, VARY, "accept-encoding");
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    set(&mut answer, CACHE_CONTROL, caching);
    if let Some(encoding) = encoding {
        set(&mut answer, CONTENT_ENCODING, encoding);
    }
    Some(answer)
}

/// What every answer tells the browser.
pub(super) fn guard(answer: &mut Answer) {
    set(answer, CONTENT_SECURITY_POLICY, POLICY);
    set(answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(answer, REFERRER_POLICY, "no-referrer");
    // By this the page tells our answers from the portal's.
    answer.headers_mut().insert("x-myksc-app", HeaderValue::from_static("page"));
}

fn set(answer: &mut Answer, name: http::HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Whether the browser takes an encoding. It says no by a weight of 0 (RFC 9110 section 12.5.3).
fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    let named = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let is_refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case(encoding) && !is_refused
    })
}
