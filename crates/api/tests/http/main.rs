//! The portal's HTTP interface, asked over a real connection.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod access;
mod apps;
mod document;
mod events;
mod files;
mod idempotency;
mod jobs;
mod kims;
mod limits;
mod pages;
mod people;

/// Not a test by itself: the agents and supervisors of the others.
#[test]
fn child_process() {
    myksc_testkit::process::run_if_asked();
}
