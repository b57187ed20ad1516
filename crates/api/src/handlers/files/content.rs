//! `/files/content`: the bytes of a file.
//!
//! Every header of a download is built here from what we know; the bytes are the user's and must never become a
//! page of the portal: attachment, no sniffing, and a sandbox should a browser show them all the same.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use myksc_core::wire::{Entry, FileCode, MAX_PUT_BYTES};
use myksc_core::{Error, UserPath};
use myksc_files::{Content, FilesError, Read, WriteConditions};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::record::Recorder;
use super::{PathQuery, parse_path, to_problem};
use crate::caller::Caller;
use crate::extract::Query;
use crate::lease;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

const DOWNLOAD_POLICY: &str = "sandbox; default-src 'none'";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(read_content, head_content, write_content))
}

/// The bytes of a file, or the part that `Range` names. It stands in the audit log; a file that is read in parts
/// stands there once.
#[utoipa::path(
    get, path = "/files/content", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))), params(PathQuery),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
    )
)]
async fn read_content(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = parse_path("path", &query.path)?;
    let identity = caller.user.identity();
    let read = state.files.read(&identity, &path, wanted(&headers, false));
    let leased = |answer: Response| answer.map(|body| lease::body(&state, &caller, body));
    if headers.contains_key(RANGE) && state.reads.know(&caller.user, &path) {
        return answer(&path, read.await, false).map(leased);
    }
    let recorder = Recorder::new(&state.store, &caller, &peer);
    let content = recorder.record_as_is("read_file", &path.to_string(), read).await?;
    if content.is_ok() {
        state.reads.note(&caller.user, &path);
    }
    answer(&path, content, false).map(leased)
}

/// Size and validator of a file.
#[utoipa::path(
    head, path = "/files/content", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(PathQuery), responses((status = 200))
)]
async fn head_content(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = parse_path("path", &query.path)?;
    let content = state.files.read(&caller.user.identity(), &path, wanted(&headers, true)).await;
    answer(&path, content, true)
}

/// Writes a file of at most 16 MiB, at once or not at all. `If-None-Match: *` writes a new file only (412
/// `file_exists`), `If-Match` replaces only the file that was read (412 `file_changed`).
#[utoipa::path(
    put, path = "/files/content", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))), params(PathQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Entry))
)]
async fn write_content(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let path = parse_path("path", &query.path)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > MAX_PUT_BYTES) {
        let problem =
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "larger than 16 MiB: upload it");
        return Err(problem.with("limit_bytes", MAX_PUT_BYTES));
    }
    let must_be_new = match headers.get(IF_NONE_MATCH) {
        None => false,
        Some(value) if value == "*" => true,
        Some(_) => {
            let detail = "If-None-Match takes * alone here";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "request_invalid", detail));
        }
    };
    let conditions = WriteConditions { must_be_new, must_be: headers.get(IF_MATCH) };
    let identity = caller.user.identity();
    let write = state.files.write(&identity, &path, conditions, body);
    let recorder = Recorder::new(&state.store, &caller, &peer);
    let object = path.to_string();
    let write = recorder.record_as_is("write_file", &object, write);
    let written = Box::pin(lease::during(&state, &caller, write)).await??;
    let (entry, etag) = written.map_err(|error| {
        let failed_condition = error.code() == Some(FileCode::FileExists);
        let problem = to_problem(error);
        if failed_condition { problem.with_status(StatusCode::PRECONDITION_FAILED) } else { problem }
    })?;
    Ok(([(ETAG, etag)], axum::Json(entry)).into_response())
}

fn wanted(headers: &HeaderMap, head: bool) -> Read<'_> {
    Read { range: headers.get(RANGE), if_range: headers.get(IF_RANGE), head }
}

fn answer(path: &UserPath, content: Result<Content, FilesError>, head: bool) -> Result<Response, Problem> {
    match content {
        Ok(content) => download(path, content, head).map_err(|error| Error::internal(error).into()),
        Err(FilesError::Refused(refusal)) if refusal.code == FileCode::RangeUnsatisfiable => {
            let size_bytes = refusal.params.get("size_bytes").and_then(serde_json::Value::as_u64);
            let size = size_bytes.map_or("*".to_owned(), |size| size.to_string());
            let problem = to_problem(FilesError::Refused(refusal));
            Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], problem).into_response())
        }
        Err(error) => Err(to_problem(error)),
    }
}

fn download(path: &UserPath, content: Content, head: bool) -> http::Result<Response> {
    let mut response = Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_DISPOSITION, disposition(path))
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CONTENT_SECURITY_POLICY, DOWNLOAD_POLICY)
        // Kept by the browser to go on with a download, asked about before each use.
        .header(CACHE_CONTROL, "private, no-cache")
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, content.etag);
    let length = match content.range {
        None => content.size_bytes,
        Some(range) => {
            let text = format!("bytes {}-{}/{}", range.first, range.last, content.size_bytes);
            response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, text);
            range.last - range.first + 1
        }
    };
    let body = if head { Body::empty() } else { Body::new(content.body) };
    response.header(CONTENT_LENGTH, length).body(body)
}

/// `attachment` with the name twice: plain for old readers, and as RFC 8187 says for all others.
fn disposition(path: &UserPath) -> HeaderValue {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_plain = |c: char| c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | '/'));
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let is_attr_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    let encoded = name.chars().filter(|c| !c.is_control()).collect::<String>();
    let encoded = encoded.bytes().fold(String::new(), |mut text, byte| {
        if is_attr_char(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    });
    HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_inside_the_disposition() {
        let cases = [
            ("home/a.csv", r#"attachment; filename="a.csv"; filename*=UTF-8''a.csv"#),
            ("home/결과.csv", r#"attachment; filename="__.csv"; filename*=UTF-8''%EA%B2%B0%EA%B3%BC.csv"#),
            ("home/a\"; x=\"b", r#"attachment; filename="a_; x=_b"; filename*=UTF-8''a%22%3B%20x%3D%22b"#),
            (
                "home/a%0D%0ASet-Cookie: b",
                r#"attachment; filename="a__Set-Cookie: b"; filename*=UTF-8''aSet-Cookie%3A%20b"#,
            ),
            ("home/%FF", r#"attachment; filename="_"; filename*=UTF-8''%EF%BF%BD"#),
        ];
        for (path, expected) in cases {
            assert_eq!(disposition(&path.parse().unwrap()), expected, "{path}");
        }
    }
}
