//! `/contract`: what a person may use, what she uses, and what the machine has.

use std::sync::OnceLock;

use axum::extract::State;
use myksc_core::{App, AppPhase, Contract, Error, Resources};
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
#[utoipa::path(get, path = "/contract", tag = "contract", responses((status = 200, body = ContractView)))]
async fn get_contract(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<ContractView>, Problem> {
    let contract = state.store.contract(&caller.user.id).await.map_err(Error::from)?;
    let apps = state.store.apps_of(&caller.user.id).await.map_err(Error::from)?;
    Ok(axum::Json(ContractView { contract, in_use: in_use(&apps), machine: machine() }))
}

fn in_use(apps: &[App]) -> Resources {
    let holds = |app: &&App| matches!(app.phase, AppPhase::Starting | AppPhase::Ready | AppPhase::Stopping);
    apps.iter().filter(holds).fold(Resources::default(), |sum, app| Resources {
        cpu_millis: sum.cpu_millis.saturating_add(app.resources.cpu_millis),
        memory_bytes: sum.memory_bytes.saturating_add(app.resources.memory_bytes),
        gpus: sum.gpus.saturating_add(app.resources.gpus),
    })
}

/// Cores this process may run on and memory of the machine. Apps of one machine get no GPUs.
fn machine() -> Resources {
    static MACHINE: OnceLock<Resources> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Resources {
            cpu_millis: u32::try_from(cores.saturating_mul(1000)).unwrap_or(u32::MAX),
            memory_bytes: total_memory_bytes(&meminfo).unwrap_or_default(),
            gpus: 0,
        }
    })
}

/// `MemTotal` of proc_meminfo(5), which counts in KiB.
fn total_memory_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests;
