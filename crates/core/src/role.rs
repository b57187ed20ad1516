//! What a person may do in the portal, and what an API token may.

use serde::{Deserialize, Serialize};

/// What a person is at the centre; each one may what those before it may.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works with apps, jobs and files of her own.
    #[default]
    User,
    /// Leads a project.
    ProjectLeader,
    /// Sees the states of what others run; no files, logs, scripts or apps.
    Support,
    /// Runs the portal.
    Operator,
}

/// What an API token is good for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Seeing the states of apps, jobs and the contract.
    Read,
    /// Launching and opening apps, which run as the person and so reach her files.
    Apps,
    /// Submitting jobs, which run as the person and so reach her files.
    Jobs,
    /// The person's files.
    Files,
    /// What operators do.
    Admin,
}

/// No role or scope has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is none of {known}")]
pub struct UnknownName {
    given: String,
    known: String,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 4] = [Self::User, Self::ProjectLeader, Self::Support, Self::Operator];

    /// Its name in the database, the configuration and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ProjectLeader => "project_leader",
            Self::Support => "support",
            Self::Operator => "operator",
        }
    }
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Apps, Self::Jobs, Self::Files, Self::Admin];
    /// What a token gets when nobody says.
    pub const USUAL: [Self; 4] = [Self::Read, Self::Apps, Self::Jobs, Self::Files];

    /// Its name in the database and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Apps => "apps",
            Self::Jobs => "jobs",
            Self::Files => "files",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownName {
            given: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| UnknownName {
            given: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_the_database_and_in_json() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
            assert_eq!(role.name().parse(), Ok(role));
        }
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        assert!("Operator".parse::<Role>().is_err());
    }
}
