//! How people sign in.

use myksc_identity::FactorRule;
use serde::{Deserialize, Serialize};

/// Signing in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// The second factor of people who sign in by a password here.
    pub(crate) second_factor: SecondFactor,
}

/// Whether people have a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecondFactor {
    /// Whoever enrolled one is asked for it.
    #[default]
    Optional,
    /// Nobody signs in without one.
    Required,
}

impl From<SecondFactor> for FactorRule {
    fn from(wanted: SecondFactor) -> Self {
        match wanted {
            SecondFactor::Optional => Self::Optional,
            SecondFactor::Required => Self::Required,
        }
    }
}
