//! The guard of an app on a cluster: it owns the port that the network sees and lets in nobody but the gateway.
//!
//! It stands beside the app in the same pod, whose loopback or socket nobody else can reach. On each connection it
//! and the gateway show each other that they hold the same key ([`myksc_core::guard`]); then it connects to the app
//! and passes on raw bytes, both ways, until both sides have ended. Strangers get nothing but a random number.
//!
//! ```text
//! door    handshakes, bounded apart, so that strangers keep nobody out
//! joint   one connection that passed, joined with one to the app
//! ```

mod direction;
mod door;
mod joint;
mod key_file;
mod server;
mod tally;

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use myksc_core::grant::Endpoint;

pub use key_file::KeyProblem;
pub use server::serve;

/// What a guard guards, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the gateway connects to.
    pub listen: SocketAddr,
    /// File with the key as 64 hexadecimal digits; only its owner may be able to write it.
    pub key_file: PathBuf,
    /// Where the app listens: a Unix socket, or TCP on loopback.
    pub app: Endpoint,
}

/// Why a guard could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The arguments are not understood.
    #[error("{0}; usage: guard --listen ADDRESS:PORT --key-file PATH --to unix:PATH|tcp:ADDRESS:PORT")]
    Usage(String),
    /// There is no usable key.
    #[error("the key in {}: {problem}", path.display())]
    Key {
        /// The file that should hold it.
        path: PathBuf,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// It can't be where the gateway looks for it.
    #[error("can't listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What failed.
        source: io::Error,
    },
    /// The runtime could not be started.
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    /// No more connections can be accepted.
    #[error("accepting failed: {0}")]
    Accept(io::Error),
}

/// Guards an app until SIGTERM, on a small runtime of its own.
///
/// # Errors
/// When the key can't be used, the address can't be had, or accepting fails for good.
pub fn run(config: Config) -> Result<(), GuardError> {
    let key = key_file::read(&config.key_file)
        .map_err(|problem| GuardError::Key { path: config.key_file, problem })?;
    server::raise_open_files_limit();
    // One thread: connections are many and mostly idle, and they all share one buffer.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(GuardError::Runtime)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(GuardError::Runtime)?;
        let listening = TcpListener::bind(config.listen).await;
        let listener = listening.map_err(|source| GuardError::Listen { address: config.listen, source })?;
        let stop = async move {
            terminate.recv().await;
        };
        serve(listener, key, config.app, stop).await.map_err(GuardError::Accept)
    })
}

impl Config {
    /// Reads `--listen ADDRESS:PORT --key-file PATH --to unix:PATH|tcp:ADDRESS:PORT`.
    ///
    /// # Errors
    /// When an argument is missing, unknown or not understood.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, GuardError> {
        let usage = |text: &str| GuardError::Usage(text.to_owned());
        let (mut listen, mut key_file, mut app) = (None, None, None);
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| usage("an option has no value"))?;
            match option.to_str() {
                Some("--listen") => {
                    let address = parse_address(&value);
                    listen = Some(address.ok_or_else(|| usage("--listen takes ADDRESS:PORT"))?);
                }
                Some("--key-file") => key_file = Some(PathBuf::from(value)),
                Some("--to") => {
                    let place = parse_app(&value);
                    app = Some(place.ok_or_else(|| {
                        usage("--to takes unix:PATH with a whole path, or tcp:ADDRESS:PORT on loopback")
                    })?);
                }
                _ => return Err(usage(&format!("unknown option {}", option.display()))),
            }
        }
        Ok(Self {
            listen: listen.ok_or_else(|| usage("--listen is missing"))?,
            key_file: key_file.ok_or_else(|| usage("--key-file is missing"))?,
            app: app.ok_or_else(|| usage("--to is missing"))?,
        })
    }
}

fn parse_address(text: &OsStr) -> Option<SocketAddr> {
    text.to_str()?.parse().ok()
}

/// Anything but loopback would be a way into the network from outside.
fn parse_app(text: &OsStr) -> Option<Endpoint> {
    if let Some(path) = text.as_bytes().strip_prefix(b"unix:") {
        let path = PathBuf::from(OsStr::from_bytes(path));
        return path.is_absolute().then_some(Endpoint::Unix(path));
    }
    let address = parse_address(OsStr::from_bytes(text.as_bytes().strip_prefix(b"tcp:")?))?;
    address.ip().is_loopback().then_some(Endpoint::Tcp(address))
}
