//! A page of ours beside a program that speaks no HTTP: a small server on a Unix socket that has the page's files, and
//! leads the page's WebSocket to the program.
//!
//! ```text
//! GET  /         the page
//! GET  /assets/… what belongs to it
//! GET  /ready    204 when the program can be talked to, else 503
//! GET  /socket   a WebSocket
//! POST /used     204; by this the page tells the portal that somebody works here
//! ```

mod children;
mod files;
mod server;
mod socket;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::PathBuf;

use myksc_core::Timestamp;

pub(crate) use children::{Children, terminate};
pub(crate) use server::{Program, listen, serve};
pub(crate) use socket::{Pulse, Socket, close};

/// Says something in the app's log.
pub(crate) fn say(what: impl Display) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{} {what}", Timestamp::now());
}

/// Why a page could not be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The arguments are not understood.
    #[error("{0}")]
    Usage(String),
    /// The socket can't be had.
    #[error("can't listen at {}: {source}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The program beside the page can't be started.
    #[error("can't start {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What failed.
        source: io::Error,
    },
    /// The program beside the page has ended badly.
    #[error("the session ended {0}")]
    Ended(String),
    /// No more connections can be accepted, or there is no runtime.
    #[error("can't go on: {0}")]
    System(#[from] io::Error),
}
