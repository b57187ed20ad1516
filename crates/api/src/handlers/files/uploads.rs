//! `/files/uploads`: resumable uploads by the tus protocol 1.0.0, with creation and termination.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use myksc_core::wire::{NewUpload, Upload};
use myksc_core::{Error, FieldProblem, UploadId};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::record::Recorder;
use super::{parse_path, to_problem};
use crate::caller::Caller;
use crate::extract::{Id, PathId};
use crate::lease;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const PLACE: &str = "/api/v1/files/uploads";
const PATCH_TYPE: &str = "application/offset+octet-stream";

/// Uploads that are not finished.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UploadList {
    /// Oldest first.
    items: Vec<Upload>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

impl PathId for UploadId {
    const KIND: &'static str = "upload";
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_uploads, create_upload, describe_uploads)).routes(routes!(
        find_upload,
        append_upload,
        end_upload
    ))
}

/// Middleware: answers about uploads say the version of tus, refusals too.
pub(crate) async fn tell_version(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_tus = path.strip_prefix(PLACE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut response = next.run(request).await;
    if is_tus {
        response.headers_mut().insert(TUS_RESUMABLE, VERSION);
        if response.status() == StatusCode::PRECONDITION_FAILED {
            response.headers_mut().insert(TUS_VERSION, VERSION);
        }
    }
    response
}

/// What is understood of tus.
#[utoipa::path(
    options, path = "/files/uploads", tag = "files",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 204))
)]
async fn describe_uploads() -> Response {
    let headers = [(TUS_VERSION, VERSION), (TUS_EXTENSION, HeaderValue::from_static("creation,termination"))];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Uploads that are not finished.
#[utoipa::path(
    get, path = "/files/uploads", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    responses((status = 200, body = UploadList))
)]
async fn list_uploads(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<UploadList>, Problem> {
    let items = state.files.list_uploads(&caller.user.identity()).await.map_err(to_problem)?;
    Ok(axum::Json(UploadList { items, next_cursor: None }))
}

/// Begins an upload. `Upload-Metadata` has `path` and, if a file there may be replaced, `overwrite` (`true`), each
/// in base64.
#[utoipa::path(
    post, path = "/files/uploads", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(("Tus-Resumable" = String, Header), ("Upload-Length" = u64, Header), ("Upload-Metadata" = String, Header)),
    responses((status = 201, headers(("Location" = String))))
)]
async fn create_upload(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_version(&headers)?;
    let order = new_upload(&headers)?;
    let identity = caller.user.identity();
    let create = state.files.create_upload(&identity, &order);
    let upload = if order.size_bytes == 0 {
        // There are no bytes to wait for: the file is there.
        let recorder = Recorder::new(&state.store, &caller, &peer);
        recorder.record_upload(&order.path, create).await?
    } else {
        create.await.map_err(to_problem)?
    };
    let place = format!("{PLACE}/{}", upload.id);
    let place = HeaderValue::try_from(place).map_err(Error::internal)?;
    let headers = [(LOCATION, place), (UPLOAD_OFFSET, upload.offset_bytes.into())];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// How far an upload is.
#[utoipa::path(
    head, path = "/files/uploads/{id}", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(("id" = UploadId, Path), ("Tus-Resumable" = String, Header)),
    responses((status = 200, headers(("Upload-Offset" = u64), ("Upload-Length" = u64))))
)]
async fn find_upload(
    State(state): State<AppState>,
    caller: Caller,
    Id(id): Id<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_version(&headers)?;
    let upload = state.files.find_upload(&caller.user.identity(), &id).await.map_err(to_problem)?;
    let headers = [
        (UPLOAD_OFFSET, upload.offset_bytes.into()),
        (UPLOAD_LENGTH, upload.size_bytes.into()),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(headers.into_response())
}

/// Sends bytes from `Upload-Offset` on. With the last of them the file gets its name.
#[utoipa::path(
    patch, path = "/files/uploads/{id}", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(("id" = UploadId, Path), ("Tus-Resumable" = String, Header), ("Upload-Offset" = u64, Header)),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, headers(("Upload-Offset" = u64))))
)]
async fn append_upload(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_version(&headers)?;
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != PATCH_TYPE) {
        let detail = "send the bytes as application/offset+octet-stream";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bytes_expected", detail));
    }
    let offset = number(&headers, &UPLOAD_OFFSET)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let identity = caller.user.identity();
    let known = state.files.find_upload(&identity, &id).await.map_err(to_problem)?;
    let append = state.files.append_upload(&identity, &id, offset, length, body);
    // Bytes whose number nobody says may be the last ones, too.
    let may_be_last = length.is_none_or(|length| offset.saturating_add(length) >= known.size_bytes);
    let upload = if may_be_last {
        let recorder = Recorder::new(&state.store, &caller, &peer);
        let append = recorder.record_upload(&known.path, append);
        Box::pin(lease::during(&state, &caller, append)).await??
    } else {
        lease::during(&state, &caller, append).await?.map_err(to_problem)?
    };
    let headers = [(UPLOAD_OFFSET, HeaderValue::from(upload.offset_bytes))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Gives an upload up and removes what arrived of it.
#[utoipa::path(
    delete, path = "/files/uploads/{id}", tag = "files",
    extensions(("x-access" = json!({"role": "user", "scopes": ["files"]}))),
    params(("id" = UploadId, Path), ("Tus-Resumable" = String, Header)), responses((status = 204))
)]
async fn end_upload(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UploadId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_version(&headers)?;
    let identity = caller.user.identity();
    let known = state.files.find_upload(&identity, &id).await.map_err(to_problem)?;
    let end = state.files.end_upload(&identity, &id);
    let recorder = Recorder::new(&state.store, &caller, &peer);
    recorder.record("end_upload", &known.path.to_string(), end).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn require_version(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(TUS_RESUMABLE) == Some(&VERSION) {
        return Ok(());
    }
    let detail = "send Tus-Resumable: 1.0.0";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "tus_version_unknown", detail))
}

fn new_upload(headers: &HeaderMap) -> Result<NewUpload, Problem> {
    let size_bytes = number(headers, &UPLOAD_LENGTH)?;
    let metadata = metadata(headers)?;
    let path = metadata.get("path").ok_or_else(|| header_problem(&UPLOAD_METADATA, "it has no path"))?;
    let overwrite = match metadata.get("overwrite").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(header_problem(&UPLOAD_METADATA, "overwrite is true or false")),
    };
    Ok(NewUpload { path: parse_path("path", path)?, size_bytes, overwrite })
}

/// `Upload-Metadata`: pairs of a key and a value in base64, with commas between; a key alone has an empty value.
fn metadata(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Problem> {
    let text = headers.get(UPLOAD_METADATA).map(HeaderValue::to_str).transpose();
    let text = text.map_err(|_| header_problem(&UPLOAD_METADATA, "it is not ASCII"))?.unwrap_or_default();
    let mut metadata = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let bytes = BASE64_STANDARD.decode(value.trim());
        let value = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value =
            value.ok_or_else(|| header_problem(&UPLOAD_METADATA, "a value is not UTF-8 in base64"))?;
        if metadata.insert(key.to_owned(), value).is_some() {
            return Err(header_problem(&UPLOAD_METADATA, "a key is there twice"));
        }
    }
    Ok(metadata)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| header_problem(name, "it is missing or not a number"))
}

fn header_problem(name: &HeaderName, detail: &str) -> Problem {
    let problem = FieldProblem::new(name.as_str(), "header_invalid", detail).with("header", name.as_str());
    Problem::from(Error::invalid(problem)).with_status(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(length: &'static str, metadata: &'static str) -> HeaderMap {
        let pairs = [(UPLOAD_LENGTH, length), (UPLOAD_METADATA, metadata)];
        pairs.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_creation_says_path_size_and_whether_to_replace() {
        // home/결과 1.csv, true
        let order =
            new_upload(&headers("5", "path aG9tZS/qsrDqs7wgMS5jc3Y=, overwrite dHJ1ZQ==,other")).unwrap();
        let expected =
            NewUpload { path: "home/결과 1.csv".parse().unwrap(), size_bytes: 5, overwrite: true };
        assert_eq!(order, expected);
    }

    #[test]
    fn rubbish_creations_are_refused_with_the_header_that_is_wrong() {
        let cases = [
            ("", "path aG9tZS9h", "upload-length"),
            ("-1", "path aG9tZS9h", "upload-length"),
            ("+1", "path aG9tZS9h", "upload-length"),
            ("99999999999999999999", "path aG9tZS9h", "upload-length"),
            ("1", "", "upload-metadata"),
            ("1", "path !!", "upload-metadata"),
            ("1", "path /w==", "upload-metadata"),
            ("1", "path aG9tZS9h,path aG9tZS9i", "upload-metadata"),
            ("1", "path aG9tZS9h,overwrite eWVz", "upload-metadata"),
            ("1", "path aG9tZS8uLi9h", "path"),
        ];
        for (length, metadata, field) in cases {
            let problem = new_upload(&headers(length, metadata)).unwrap_err();
            assert_eq!(problem.fields()[0].field, field, "{length} {metadata}");
        }
    }
}
