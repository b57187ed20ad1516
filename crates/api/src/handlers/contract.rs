//! `/contract`: what a person may use, what she uses, and what the machine has.

use axum::extract::State;
use myksc_core::{Contract, Error, Resources};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// What a person may use, what she uses, and what there is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ContractView {
    /// What was agreed with her; null where nothing was.
    contract: Option<Contract>,
    /// What her running apps asked for, together.
    in_use: Resources,
    /// What the machine has.
    machine: Resources,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_contract))
}

/// The caller's contract, what is in use of it, and what the machine has.
#[utoipa::path(
    get, path = "/contract", tag = "contract",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps", "jobs"]}))),
    responses((status = 200, body = ContractView))
)]
async fn get_contract(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<ContractView>, Problem> {
    let contract = state.store.contract(&caller.user.id).await.map_err(Error::from)?;
    let in_use = state.apps.usage(&caller.user).await?;
    Ok(axum::Json(ContractView { contract, in_use, machine: state.apps.machine() }))
}

#[cfg(test)]
mod tests;
