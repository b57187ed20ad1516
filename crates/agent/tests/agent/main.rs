//! The agent as a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed")]

mod files;
mod guard;
mod page;
