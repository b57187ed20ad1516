//! SQLite and PostgreSQL behind one interface, one file a table.
//!
//! [`Store`] opens the database and brings it up to date. Each table's file adds its operations to it. Every
//! write runs in a transaction; a write that people should see takes a revision in it, and the commit wakes
//! whoever waits in [`Store::subscribe`].

mod db;
mod error;
mod idempotency;
#[cfg(feature = "testing")]
pub mod testing;

pub use db::{Reader, Store, Tx};
pub use error::StoreError;
pub use idempotency::{Claim, StoredAnswer};
