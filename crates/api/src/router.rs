//! The layers around the handlers.
//!
//! From the outside in: request id, security headers, problem bodies, panics, the body's limit, the rule of the
//! same origin; then, for the operations of the API, who may; then, except where bytes stream, a deadline.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::origin;
use crate::policy::{self, Policy};
use crate::problem::{self, Problem};
use crate::state::AppState;
use crate::{handlers, request_id, security, web_ui};

/// The largest body of a request that is read whole: a batch script with room to spare.
const BODY_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// How long a handler may take until its answer begins, where no bytes stream in.
const DEADLINE: Duration = Duration::from_secs(30);

/// The portal's whole HTTP surface.
pub fn router(state: AppState) -> Router {
    let (api, document) = handlers::api().split_for_parts();
    let policy = Arc::new(Policy::of(&document));
    let api = api.layer(middleware::from_fn_with_state((state.clone(), policy), policy::enforce));
    Router::new()
        .merge(api)
        .merge(handlers::outside())
        .fallback(anything_else)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), origin::require_same_origin))
        .merge(handlers::told())
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(middleware::from_fn(problem::render))
        .layer(middleware::from_fn(handlers::files::tell_version))
        .layer(middleware::from_fn(security::add_headers))
        .layer(middleware::from_fn(request_id::assign))
        .with_state(state)
}

/// Middleware: gives up on a handler that does not begin its answer in time.
pub(crate) async fn deadline(request: Request, next: Next) -> Response {
    tokio::time::timeout(DEADLINE, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", "the portal could not answer in time")
            .into_response()
    })
}

async fn anything_else(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return Problem::not_found("operation", path).into_response();
    }
    web_ui::serve(&state.site, &request)
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this can't be done here")
}
