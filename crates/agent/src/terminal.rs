//! A person's terminal: one shell, shown by any number of pages, that goes on without any.
//!
//! Over the WebSocket, bytes are what the shell says and what is typed. Texts are JSON:
//!
//! ```text
//! from us    {"begin": N}   N bytes follow that were said before; what they ask of a terminal was answered then
//!            "ended"        the shell has ended; who connects again gets a new one
//!            "failed"       no shell could be started
//! from her   {"size": {"columns": N, "rows": N}}
//!            {"taken": N}   N bytes were shown; no more than a window of them is sent ahead
//! ```

mod backlog;
mod client;
mod pty;
mod shell;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::page::{self, Children, PageError};

use shell::Terminal;

const USAGE: &str = "usage: terminal --listen SOCKET [-- PROGRAM [ARGUMENT…]]";
/// How long the shell and what it runs may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What a terminal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the page is served.
    pub listen: PathBuf,
    /// Program and arguments; without any, the person's login shell.
    pub command: Vec<OsString>,
}

impl Config {
    /// Reads `--listen SOCKET [-- PROGRAM [ARGUMENT…]]`.
    ///
    /// # Errors
    /// When an argument is missing or unknown.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, PageError> {
        let usage = |text: String| PageError::Usage(format!("{text}; {USAGE}"));
        let mut listen = None;
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            match option.to_str() {
                Some("--listen") => {
                    let path = args.next().ok_or_else(|| usage("an option has no value".to_owned()))?;
                    listen = Some(PathBuf::from(path));
                }
                Some("--") => break,
                _ => return Err(usage(format!("unknown option {}", option.display()))),
            }
        }
        let listen = listen.ok_or_else(|| usage("--listen is missing".to_owned()))?;
        Ok(Self { listen, command: args.collect() })
    }
}

/// Serves a terminal until SIGTERM.
///
/// # Errors
/// When the socket can't be had or accepting fails for good.
pub fn run(config: Config) -> Result<(), PageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), PageError> {
    let mut children = Children::new()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = page::listen(&config.listen)?;
    let terminal = Arc::new(Terminal::of(config.command));
    let reaped = async {
        loop {
            let (pid, _) = children.next().await;
            terminal.reaped(pid);
        }
    };
    let served = tokio::select! {
        error = page::serve(listener, Arc::clone(&terminal)) => Err(PageError::System(error)),
        () = reaped => Ok(()),
        _ = terminated.recv() => Ok(()),
    };
    if let Some(leader) = terminal.leader() {
        pty::hang_up(leader);
        children.end_group(leader, GRACE).await;
    }
    served
}
