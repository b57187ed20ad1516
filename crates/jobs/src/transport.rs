//! The seam to the machine on which a scheduler's commands run: this one, or a login node over ssh.
//!
//! A command is a list of arguments; no shell is in between on this side. What comes back is untrusted text:
//! bounded, and given as bytes. slurmrestd, which runs no commands, stands beside it.

mod account;
mod exec;
mod rest;
mod ssh;

use std::time::Duration;

use futures_util::future::BoxFuture;
use myksc_core::Identity;

pub use self::exec::Exec;
pub(crate) use self::rest::{Answer, ApiError, Call, List, OnlyErrors, Rest, RestError, words};
pub use self::rest::{JwtKey, JwtKeyError, RestAddress, RestAddressError, RestConfig, RestConfigError};
pub use self::ssh::{HostKey, HostKeyError, SameIdentity, Ssh, SshConfig, UserCa, UserCaError};

/// Runs commands with a person's rights.
pub trait Transport: Send + Sync + 'static {
    /// Runs a command to its end, or to its deadline, after which nothing of it is left running.
    fn run<'a>(
        &'a self,
        who: &'a Identity,
        command: &'a Command,
    ) -> BoxFuture<'a, Result<Output, TransportError>>;
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments. No secret may stand here: other people can see it.
    pub argv: Vec<String>,
    /// The folder it runs in; `/` when absent.
    pub work_dir: Option<String>,
    /// Its whole standard input.
    pub stdin: Vec<u8>,
    /// How long it may take.
    pub deadline: Duration,
    /// Bytes of standard output and of standard error, each, that are read.
    pub output_bytes_max: usize,
}

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// Standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// Whether one of them was longer: what is there must not be taken for the whole.
    pub is_cut: bool,
}

/// Why a command could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It does not act for this person.
    #[error("commands run as UID {own} alone, not as {asked}")]
    NotAllowed {
        /// The UID it has.
        own: u32,
        /// The UID it was asked for.
        asked: u32,
    },
    /// The other side does not let this person in, or has another one there by her name.
    #[error("{0}")]
    NotLetIn(String),
    /// The other side was not reached: the command was certainly not started.
    #[error("{0}")]
    Unreachable(String),
    /// There is nothing to run.
    #[error("the command is empty or holds a NUL character")]
    NoCommand,
    /// It could not be started.
    #[error("{program} does not start: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was not done in time.
    #[error("{program} did not end in {deadline_secs} s")]
    TooSlow {
        /// The program.
        program: String,
        /// The deadline.
        deadline_secs: u64,
    },
    /// Its output could not be read, or it could not be waited for.
    #[error("{0}")]
    Lost(#[source] std::io::Error),
}
