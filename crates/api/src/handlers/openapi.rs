//! `/openapi.json`: this interface, described.

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use myksc_core::Error;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::openapi;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_openapi))
}

/// The document that describes this interface.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "site",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 200, description = "An OpenAPI document.", content_type = "application/json", body = Object))
)]
async fn get_openapi() -> Result<Response, Problem> {
    let text = openapi::text().map_err(Error::internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}
