//! One file a resource, each with its `router`.

mod apps;
mod contract;
mod events;
mod files;
mod health;
mod jobs;
mod open;
mod openapi;
mod password;
mod session;
mod sessions;
mod site;
mod systems;
mod templates;
mod tokens;

use axum::Router;
use axum::middleware;
use utoipa_axum::router::OpenApiRouter;

use crate::router::deadline;
use crate::state::AppState;

/// Every operation of `/api/v1`.
pub(crate) fn api() -> OpenApiRouter<AppState> {
    let answering = OpenApiRouter::default()
        .merge(apps::router())
        .merge(contract::router())
        .merge(jobs::router())
        .merge(open::api_router())
        .merge(openapi::router())
        .merge(password::router())
        .merge(session::router())
        .merge(sessions::router())
        .merge(site::router())
        .merge(systems::router())
        .merge(templates::router())
        .merge(tokens::router())
        .layer(middleware::from_fn(deadline));
    // Bytes come and go here for as long as they take.
    let streaming = OpenApiRouter::default().merge(events::router()).merge(files::router());
    OpenApiRouter::with_openapi(crate::openapi::base()).nest("/api/v1", answering.merge(streaming))
}

/// What lives beside the API.
pub(crate) fn outside() -> Router<AppState> {
    Router::new().merge(health::router()).merge(open::router()).layer(middleware::from_fn(deadline))
}
