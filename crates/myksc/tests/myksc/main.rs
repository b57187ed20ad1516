//! The binary as people and scripts run it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod admin;
mod client;
mod device;
mod https;
mod portal;
mod run;
mod start;
