//! Launches of real programs: under a real supervisor, over a real database, with deaths in between.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should"
)]

mod checks;
mod deaths;
mod idle;
mod life;
mod rig;

use std::path::Path;

/// Not a test by itself: the processes that the others start.
#[test]
fn child_process() {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != "--").skip(1);
    match arguments.next().as_deref().and_then(|what| what.to_str()) {
        Some("supervise") => {
            let code = myksc_agent::supervisor::run(Path::new(&arguments.next().unwrap_or_default()));
            std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
        }
        Some("portal") => rig::launch_and_wait(Path::new(&arguments.next().unwrap())),
        _ => {}
    }
}
