//! `/templates`: what can be launched.

use axum::extract::State;
use myksc_apps::TemplateView;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::state::AppState;

/// Everything in the catalogue.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TemplateList {
    /// In the order of the page.
    items: Vec<TemplateView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_templates))
}

/// What can be launched, and what is missing here for the rest.
#[utoipa::path(
    get, path = "/templates", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps"]}))),
    responses((status = 200, body = TemplateList))
)]
async fn list_templates(State(state): State<AppState>, _caller: Caller) -> axum::Json<TemplateList> {
    axum::Json(TemplateList { items: state.apps.templates(), next_cursor: None })
}

#[cfg(test)]
mod tests;
