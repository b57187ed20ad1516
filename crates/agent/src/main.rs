//! `myksc-agent`: the user's own process, as a small program.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use myksc_agent::{PageError, desktop, files, guard, supervisor, terminal};

/// Exit code for arguments that are not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    match command.to_str() {
        Some("files") => run_files(args),
        Some("supervise") => match (args.next(), args.next()) {
            (Some(folder), None) => supervisor::run(folder.as_ref()),
            _ => complain(USAGE, "usage: myksc-agent supervise FOLDER"),
        },
        Some("guard") => run_guard(args),
        Some("desktop") => page_ended(desktop::Config::from_args(args).and_then(desktop::run)),
        Some("terminal") => page_ended(terminal::Config::from_args(args).and_then(terminal::run)),
        _ => complain(
            USAGE,
            "usage: myksc-agent files ... | supervise FOLDER | guard ... | desktop ... | terminal ...",
        ),
    }
}

fn run_files(args: impl Iterator<Item = OsString>) -> ExitCode {
    match files::Config::from_args(args).and_then(files::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ files::ServeError::Usage(_)) => complain(USAGE, error),
        Err(error) => complain(1, error),
    }
}

fn run_guard(args: impl Iterator<Item = OsString>) -> ExitCode {
    match guard::Config::from_args(args).and_then(guard::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ guard::GuardError::Usage(_)) => complain(USAGE, error),
        Err(error) => complain(1, error),
    }
}

fn page_ended(ended: Result<(), PageError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ PageError::Usage(_)) => complain(USAGE, error),
        Err(error) => complain(1, error),
    }
}

fn complain(code: u8, what: impl std::fmt::Display) -> ExitCode {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "myksc-agent: {what}");
    ExitCode::from(code)
}
