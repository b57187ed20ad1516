//! What a person has chosen for herself.

use serde::{Deserialize, Serialize};

/// What a person has chosen for herself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// What becomes of her running apps when she signs out. A session that ends by itself stops none.
    pub apps_at_sign_out: AppsAtSignOut,
}

/// What becomes of running apps at sign-out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppsAtSignOut {
    /// They go on.
    #[default]
    Keep,
    /// They are stopped.
    Stop,
}
