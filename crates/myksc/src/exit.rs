//! Exit codes, and errors that end a command with one line.

use std::fmt;
use std::process::ExitCode;

/// What a command's exit code says. Numbers never change; new ones are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was tried and failed.
    Failed = 1,
    /// The command line makes no sense (clap uses the same number).
    Usage = 2,
    /// Nobody is signed in, or the token is over.
    NotSignedIn = 3,
    /// There is no such thing.
    NotFound = 4,
    /// The portal refused it: invalid, forbidden, or not now.
    Refused = 5,
    /// The portal does not answer.
    Unreachable = 6,
    /// Name and password are not enough for this account.
    SecondFactor = 7,
    /// The configuration is broken.
    Configuration = 10,
    /// The state folder can't be used.
    StateFolder = 11,
    /// Another portal runs on the same state folder.
    AlreadyRunning = 12,
    /// The address to listen on is taken or not ours.
    Listen = 13,
    /// The database is from a newer version, or does not answer.
    Database = 14,
    /// Started by root without leave.
    Root = 15,
}

/// The table of exit codes for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done                       10  the configuration is broken
  1  failed                     11  the state folder can't be used
  2  wrong command line         12  another portal uses the state folder
  3  not signed in              13  the address to listen on is taken
  4  no such thing              14  the database is newer or does not answer
  5  refused by the portal      15  started by root without --allow-root
  6  the portal does not answer
  7  a second factor is needed: sign in by a browser";

/// An error that ends the command: one line for the person, a number for a script.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// An end with this code and line.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// An end with this code, what was tried, and why it failed with all causes.
    pub(crate) fn caused(exit: Exit, what: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        Self::new(exit, format!("{what}: {}", chain(error)))
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Gives an error its exit code, with words before it that say what was tried.
pub(crate) trait OrExit<T> {
    /// The value, or a failure with `exit` that reads `what: cause`.
    fn or_exit(self, exit: Exit, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::caused(exit, what, &error))
    }
}

/// An error and its causes in one line, without repeating what an outer one already says.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}
