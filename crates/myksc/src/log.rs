//! The log, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, broken};
use crate::exit::Failure;

/// Starts the log of this process.
pub(crate) fn start(config: &Log) -> Result<(), Failure> {
    let filter =
        EnvFilter::try_new(&config.filter).map_err(|error| broken(format!("log.filter: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    let started = if config.json { log.json().try_init() } else { log.try_init() };
    started.map_err(|error| broken(format!("log: {error}")))
}
