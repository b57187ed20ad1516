//! SQLite and PostgreSQL behind one interface, one file a table.
//!
//! [`Store`] opens the database and brings it up to date. Each table's file adds its operations to it. Every
//! write runs in a transaction; a write that people should see takes a revision in it, and the commit wakes
//! whoever waits in [`Store::subscribe`].

mod app_uses;
mod apps;
mod attempts;
mod audit;
mod contracts;
mod db;
mod devices;
mod error;
mod factors;
mod grants;
mod idempotency;
mod intents;
mod job_tasks;
mod jobs;
mod notices;
mod oidc;
mod passkeys;
mod preferences;
mod registries;
mod sessions;
mod sign_ins;
#[cfg(test)]
mod testing;
mod tickets;
mod tokens;
mod users;

pub use app_uses::AppUse;
pub use attempts::Attempts;
pub use audit::{AuditEntry, AuditFilter, AuditIntent, AuditPosition};
pub use db::{Reader, Store, Tx};
pub use devices::{Device, DeviceAnswer, DeviceLimits, DeviceOutcome};
pub use error::StoreError;
pub use factors::{Ceremony, FactorRemoval, Totp};
pub use idempotency::{Claim, StoredAnswer};
pub use intents::Intent;
pub use job_tasks::{TaskCounts, TaskState};
pub use jobs::{JobCursor, JobState};
pub use oidc::{OidcDue, OidcFlow, OidcLogout, OidcRefresh};
pub use passkeys::Passkey;
pub use registries::Registry;
pub use sessions::{Session, SessionKind};
pub use sign_ins::{PendingSignIn, SignInStage};
pub use tickets::Ticket;
pub use tokens::{Token, TokenOutcome};
pub use users::{LockOutcome, PasswordChange, Standing, UserWithPassword, VouchedOutcome};
