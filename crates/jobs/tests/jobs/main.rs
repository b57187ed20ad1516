//! The jobs service with a real local queue, real supervisors and real processes, and clusters that fail.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed")]

mod arrays;
mod bench;
mod cancels;
mod clusters;
mod crashes;
mod elsewhere;
mod faults;
mod full;
mod local_queue;
mod rest;
mod service;

use std::path::Path;
use std::process::ExitCode;

/// Not a test by itself: the process that the others start as a supervisor. The folder is its last argument.
#[test]
fn supervisor_process() {
    let last = std::env::args().next_back().unwrap_or_default();
    if last.starts_with('/') && std::env::args().any(|argument| argument == "supervisor_process") {
        let code = myksc_agent::supervisor::run(Path::new(&last));
        std::process::exit(i32::from(code != ExitCode::SUCCESS));
    }
}
