//! People: the account of the portal and the POSIX identity behind it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::role::Role;
use crate::time::Timestamp;

/// A group of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Group {
    /// Numeric id.
    pub gid: u32,
    /// Name, as the directory spells it.
    pub name: String,
}

/// A person with a POSIX identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct User {
    /// The portal's id of the person.
    pub id: UserId,
    /// Account name.
    pub name: String,
    /// Name as the person writes it.
    pub display_name: String,
    /// Numeric user id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
    /// All groups, the primary one included.
    pub groups: Vec<Group>,
    /// Home folder, absolute.
    #[schema(value_type = String)]
    pub home: PathBuf,
    /// Login shell, absolute.
    #[schema(value_type = String)]
    pub shell: PathBuf,
    /// Who vouches for her: `local`, or the id of a configured provider.
    pub provider: String,
    /// What she is at the centre.
    pub role: Role,
    /// A person whom an operator locked, or whom her directory shut out, can't sign in.
    pub locked: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Whose rights a call runs with. Every call to a runtime, scheduler, transport or agent carries one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The portal's id of the person.
    pub user: UserId,
    /// Account name.
    pub name: String,
    /// Numeric user id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
    /// Numeric ids of all groups.
    pub gids: Vec<u32>,
    /// Home folder, absolute.
    pub home: PathBuf,
    /// Login shell, absolute.
    pub shell: PathBuf,
}

impl User {
    /// The provider of the accounts in the portal's own database.
    pub const LOCAL: &'static str = "local";

    /// The identity that the person's processes run with.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            user: self.id.clone(),
            name: self.name.clone(),
            uid: self.uid,
            gid: self.gid,
            gids: self.groups.iter().map(|group| group.gid).collect(),
            home: self.home.clone(),
            shell: self.shell.clone(),
        }
    }
}
