//! The interface as browsers and programs use it, over a real socket, with real agents and supervisors.

mod jobs;

use myksc_testkit::process;

/// Not a test by itself: what agents and supervisors are started as.
#[test]
fn child_process() {
    process::run_if_asked();
}
