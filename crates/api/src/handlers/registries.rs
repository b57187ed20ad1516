//! `/registries`: a person's sign-ins at image registries. Passwords go in and never come out.

use axum::extract::{Path, State};
use http::StatusCode;
use myksc_core::Timestamp;
use myksc_identity::{Actor, audited};
use myksc_store::Registry;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// A person's registries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RegistryList {
    /// By host.
    items: Vec<RegistryView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// A registry that the person has stored a password for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RegistryView {
    /// Its host, with its port if it has one.
    host: String,
    /// The person's account there.
    account: String,
    /// When the password was stored last.
    changed_at: Timestamp,
}

/// What a person signs in with at a registry.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RegistryRequest {
    /// Her account there.
    #[schema(min_length = 1, max_length = 255)]
    account: String,
    /// Its password or token; it goes to a secret of her own on the cluster and is not kept here.
    #[schema(min_length = 1, max_length = 16384)]
    password: String,
}

impl From<Registry> for RegistryView {
    fn from(registry: Registry) -> Self {
        Self { host: registry.host, account: registry.account, changed_at: registry.changed_at }
    }
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_registries)).routes(routes!(put_registry, remove_registry))
}

/// Where the caller has stored a password.
#[utoipa::path(
    get, path = "/registries", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps"]}))),
    responses((status = 200, body = RegistryList))
)]
async fn list_registries(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<RegistryList>, Problem> {
    let registries = state.apps.registries(&caller.user).await?;
    let items = registries.into_iter().map(RegistryView::from).collect();
    Ok(axum::Json(RegistryList { items, next_cursor: None }))
}

/// Stores a password for a registry, in place of the one that is there.
#[utoipa::path(
    put, path = "/registries/{host}", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("host" = String, Path, description = "The registry's host, with its port if it has one.")),
    request_body = RegistryRequest, responses((status = 200, body = RegistryView))
)]
async fn put_registry(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Path(host): Path<String>,
    Json(request): Json<RegistryRequest>,
) -> Result<axum::Json<RegistryView>, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let password = SecretString::from(request.password);
    let put = state.apps.put_registry(&caller.user, &host, &request.account, password);
    let registry = audited(&state.store, &actor, "put_registry", &host, put).await?;
    Ok(axum::Json(registry.into()))
}

/// Removes the password for a registry.
#[utoipa::path(
    delete, path = "/registries/{host}", tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("host" = String, Path, description = "The registry's host, with its port if it has one.")),
    responses((status = 204))
)]
async fn remove_registry(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Path(host): Path<String>,
) -> Result<StatusCode, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let remove = state.apps.remove_registry(&caller.user, &host);
    audited(&state.store, &actor, "remove_registry", &host, remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
