//! Errors as the browser and the command line get them: `application/problem+json` (RFC 9457).
//!
//! A [`Problem`] travels in the response's extensions up to [`render`], which knows the request's id, writes
//! the body, and logs what is our fault once.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use myksc_core::{Error, FieldProblem};
use serde::Serialize;

use crate::request_id::RequestId;
use crate::state::Params;

/// Seconds after which a caller may try again what did not answer.
const UNAVAILABLE_RETRY_SECS: u64 = 5;

/// Why a request was refused or failed.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    params: Params,
    detail: String,
    fields: Vec<FieldProblem>,
    retry_after_secs: Option<u64>,
    cause: Option<Arc<Error>>,
}

/// The body of a problem.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: `code` says what it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, in English.
    detail: String,
    /// A stable word for what happened.
    code: String,
    /// Values for a text in the reader's language.
    #[schema(value_type = Object)]
    params: Params,
    /// What is wrong with the fields of the request.
    fields: Vec<FieldProblem>,
    /// Id of the request, as in the log.
    request_id: String,
}

impl Problem {
    /// A problem whose text needs no values.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            params: Params::new(),
            detail: detail.into(),
            fields: Vec::new(),
            retry_after_secs: None,
            cause: None,
        }
    }

    /// There is no such thing, or it is another person's.
    #[must_use]
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Error::not_found(kind, id).into()
    }

    /// The same with one more value for the text.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The same with what is wrong with single fields, or with single things of many.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldProblem>) -> Self {
        self.fields = fields;
        self
    }

    /// The same under another status, for the few places where HTTP has a sharper word than the service.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong with single fields.
    #[must_use]
    pub fn fields(&self) -> &[FieldProblem] {
        &self.fields
    }

    /// The stable word for what happened.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    fn log(&self, request_id: &str) {
        if !self.status.is_server_error() {
            return;
        }
        let cause = self.cause.as_deref().map(chain).unwrap_or_default();
        tracing::error!(
            request_id,
            status = self.status.as_u16(),
            code = self.code,
            cause,
            "{}",
            self.detail
        );
    }

    fn body(&self, request_id: String) -> ProblemBody {
        ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.to_owned(),
            params: self.params.clone(),
            fields: self.fields.clone(),
            request_id,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(fields) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).with_fields(fields)
            }
            Error::Unauthenticated => Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail),
            Error::WrongCredentials => Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", detail),
            Error::Forbidden { code, .. } => Self::new(StatusCode::FORBIDDEN, code, detail),
            Error::NotFound { kind, id } => {
                Self::new(StatusCode::NOT_FOUND, "not_found", detail).with("kind", kind).with("id", id)
            }
            Error::Conflict { code, params, .. } => {
                Self { params, ..Self::new(StatusCode::CONFLICT, code, detail) }
            }
            Error::TooMany { retry_after_secs } => Self {
                retry_after_secs: Some(retry_after_secs),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail)
            }
            .with("retry_after_secs", retry_after_secs),
            Error::Unavailable { code: "disk_full", .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            Error::Unavailable { code, .. } => Self {
                retry_after_secs: Some(UNAVAILABLE_RETRY_SECS),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            },
            error @ Error::Internal(_) => Self {
                cause: Some(Arc::new(error)),
                ..Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "something went wrong in the portal",
                )
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware that writes the body of a problem and logs what is our fault.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.log(&request_id);
    let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    let mut rendered = (problem.status, body).into_response();
    for kept in [ALLOW, CONTENT_RANGE] {
        if let Some(value) = response.headers_mut().remove(&kept) {
            rendered.headers_mut().insert(kept, value);
        }
    }
    let headers = rendered.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after_secs {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    rendered
}

/// The answer after a handler panicked; the panic itself is already in the log.
pub(crate) fn after_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong in the portal")
        .into_response()
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source().and_then(std::error::Error::source);
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
