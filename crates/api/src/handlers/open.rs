//! `/open/{app}`: the portal's side of the way into an app.

use axum::Router;

use crate::state::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
}
