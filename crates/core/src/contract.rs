//! Contracts: for how long and how much a person may use.

use serde::{Deserialize, Serialize};

use crate::app::Resources;
use crate::time::Timestamp;

/// Period and limits of a person; absent limits mean "none agreed", not "without end".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Contract {
    /// First moment it holds.
    pub starts_at: Timestamp,
    /// First moment it no longer holds.
    pub ends_at: Timestamp,
    /// What all running apps together may take.
    pub limits: Resources,
    /// SRU hours that may be used in the period, if a budget was agreed.
    pub budget_sru_hours: Option<f64>,
}
