//! `agent …`: the processes that the portal starts for a user, and what stands beside her apps on a cluster.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use myksc_agent::{PageError, desktop, files, guard, supervisor, terminal};

use crate::exit::Exit;

/// What the portal starts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a user's files.
    #[command(disable_help_flag = true)]
    Files {
        /// As `myksc-agent files` takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Keep one local app or job.
    Supervise {
        /// Its folder.
        folder: PathBuf,
    },
    /// Let nobody but the gateway in to one app on a cluster.
    #[command(disable_help_flag = true)]
    Guard {
        /// As `myksc-agent guard` takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run a desktop and show it.
    #[command(disable_help_flag = true)]
    Desktop {
        /// As `myksc-agent desktop` takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run a shell and show it.
    #[command(disable_help_flag = true)]
    Terminal {
        /// As `myksc-agent terminal` takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

impl Command {
    /// Runs it to its end.
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Supervise { folder } => supervisor::run(&folder),
            Self::Files { args } => match files::Config::from_args(args).and_then(files::run) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => complain(Exit::Failed, error),
            },
            Self::Guard { args } => match guard::Config::from_args(args).and_then(guard::run) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error @ guard::GuardError::Usage(_)) => complain(Exit::Usage, error),
                Err(error) => complain(Exit::Failed, error),
            },
            Self::Desktop { args } => page_ended(desktop::Config::from_args(args).and_then(desktop::run)),
            Self::Terminal { args } => page_ended(terminal::Config::from_args(args).and_then(terminal::run)),
        }
    }
}

fn page_ended(ended: Result<(), PageError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ PageError::Usage(_)) => complain(Exit::Usage, error),
        Err(error) => complain(Exit::Failed, error),
    }
}

fn complain(exit: Exit, what: impl std::fmt::Display) -> ExitCode {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "myksc agent: {what}");
    ExitCode::from(exit as u8)
}
