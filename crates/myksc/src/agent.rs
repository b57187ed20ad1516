//! `agent …`: the processes that the portal starts for a user.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use myksc_agent::{files, supervisor};

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
}

impl Command {
    /// Runs it to its end.
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Supervise { folder } => supervisor::run(&folder),
            Self::Files { args } => match files::Config::from_args(args).and_then(files::run) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    // Nobody may be there to read it.
                    let _ = writeln!(std::io::stderr(), "myksc agent: {error}");
                    ExitCode::FAILURE
                }
            },
        }
    }
}
