//! One file a resource, each with its `router`.

mod apps;
mod audit;
mod contract;
mod device;
mod events;
mod factors;
pub(crate) mod files;
mod health;
mod jobs;
mod notices;
mod oidc;
mod open;
mod openapi;
mod password;
mod preferences;
mod registries;
mod session;
mod sessions;
mod sign_in;
mod site;
mod systems;
mod templates;
mod tokens;
mod users;

use axum::Router;
use axum::middleware;
use utoipa_axum::router::OpenApiRouter;

use crate::router::deadline;
use crate::state::AppState;

/// Every operation of `/api/v1`.
pub(crate) fn api() -> OpenApiRouter<AppState> {
    let answering = OpenApiRouter::default()
        .merge(apps::router())
        .merge(audit::router())
        .merge(contract::router())
        .merge(device::router())
        .merge(factors::router())
        .merge(jobs::router())
        .merge(notices::router())
        .merge(open::api_router())
        .merge(openapi::router())
        .merge(password::router())
        .merge(preferences::router())
        .merge(registries::router())
        .merge(session::router())
        .merge(sessions::router())
        .merge(sign_in::router())
        .merge(site::router())
        .merge(systems::router())
        .merge(templates::router())
        .merge(tokens::router())
        .merge(users::router())
        .layer(middleware::from_fn(deadline));
    // Bytes come and go here for as long as they take.
    let streaming =
        OpenApiRouter::default().merge(audit::export_router()).merge(events::router()).merge(files::router());
    OpenApiRouter::with_openapi(crate::openapi::base()).nest("/api/v1", answering.merge(streaming))
}

/// What lives beside the API.
pub(crate) fn outside() -> Router<AppState> {
    Router::new()
        .merge(health::router())
        .merge(oidc::router())
        .merge(open::router())
        .layer(middleware::from_fn(deadline))
}

/// What other servers ask for, which are no pages of the portal.
pub(crate) fn told() -> Router<AppState> {
    oidc::told_router().layer(middleware::from_fn(deadline))
}
