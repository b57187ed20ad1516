//! An id for every request, in the log, in problems, and in `X-Request-Id` of the answer.

use std::fmt;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request; made here, never taken from the caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// Middleware that gives the request its id and a span that carries it.
pub(crate) async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::now_v7());
    let text = id.to_string();
    request.extensions_mut().insert(id);
    let span =
        tracing::info_span!("request", id = text, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
