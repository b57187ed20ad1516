//! `/healthz`: whether the portal answers.

use axum::Router;
use axum::routing::get;

use crate::state::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(async || "ok"))
}
