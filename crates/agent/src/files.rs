//! The user's own process that serves her files to the portal: HTTP/1.1 on a Unix socket, run as that user.
//!
//! ```text
//! GET    /v1/roots                                  RootList
//! GET    /v1/entries?path=&cursor=&limit=           EntryPage
//! GET    /v1/entry?path=                            Entry
//! GET    /v1/content?path=      Range, If-Range     the bytes, ETag (HEAD alike)
//! PUT    /v1/content?path=      If-Match, If-None-Match: *   Entry, ETag
//! POST   /v1/folders            NewFolder           Entry
//! POST   /v1/move               Move                Entry
//! POST   /v1/remove             Removal             RemovalReport
//! GET    /v1/uploads                                UploadList
//! POST   /v1/uploads            NewUpload           Upload
//! GET    /v1/uploads/{id}                           Upload
//! PATCH  /v1/uploads/{id}       Upload-Offset       Upload
//! DELETE /v1/uploads/{id}
//! ```
//!
//! The types are in [`myksc_core::wire`]; a refusal is a `FileProblem` with the status of its code.

mod beneath;
mod change;
mod content;
mod fault;
mod http;
mod links;
mod list;
mod memory;
mod remove;
mod route;
mod server;
mod sink;
mod temp;
mod uploads;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An agent that nobody talked to for so long ends.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(600);

/// Threads for file system calls; more would only queue at the disk.
const FILE_THREADS: usize = 8;
const FILE_THREAD_STACK_BYTES: usize = 256 << 10;

/// What an agent serves, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Path of the Unix socket; at most 107 bytes.
    pub socket: PathBuf,
    /// Folder for the lock and the uploads' records; one agent on each.
    pub state_dir: PathBuf,
    /// Names and folders of the roots.
    pub roots: Vec<(String, PathBuf)>,
    /// It ends when no connection was open for so long.
    pub idle: Duration,
}

/// Why an agent could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The arguments are not understood.
    #[error("{0}; usage: files --socket PATH --state FOLDER --root NAME=FOLDER ... [--idle-secs N]")]
    Usage(String),
    /// Something at `path` failed.
    #[error("{}: {source}", path.display())]
    At {
        /// The socket, or a file or folder of the state.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The runtime could not be started.
    #[error("no runtime: {0}")]
    Runtime(io::Error),
}

/// Serves files until SIGTERM or until nobody came for a while. Needs a Tokio runtime with I/O and time.
///
/// Where another agent serves the same state folder, this one ends at once and well.
///
/// # Errors
/// When the state folder or the socket can't be used.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    server::run(config).await
}

/// [`serve`] on a small runtime, in a session of its own.
///
/// # Errors
/// As [`serve`], and when no runtime can be started.
pub fn run(config: Config) -> Result<(), ServeError> {
    // Signals to the portal's session are not meant for it. Where it leads a session already this says no.
    let _ = rustix::process::setsid();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .thread_stack_size(FILE_THREAD_STACK_BYTES)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
        .map_err(ServeError::Runtime)?;
    let served = runtime.block_on(serve(config));
    // A thread that hangs in a dead file system must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

impl Config {
    /// Reads `--socket PATH --state FOLDER --root NAME=FOLDER … [--idle-secs N]`.
    ///
    /// # Errors
    /// When an argument is missing, unknown or not understood.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, ServeError> {
        let usage = |text: &str| ServeError::Usage(text.to_owned());
        let (mut socket, mut state_dir, mut roots, mut idle) = (None, None, Vec::new(), DEFAULT_IDLE);
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| usage("an option has no value"))?;
            match option.to_str() {
                Some("--socket") => socket = Some(PathBuf::from(value)),
                Some("--state") => state_dir = Some(PathBuf::from(value)),
                Some("--root") => {
                    roots.push(parse_root(&value).ok_or_else(|| usage("a root is NAME=FOLDER"))?);
                }
                Some("--idle-secs") => {
                    let secs = value.to_str().and_then(|text| text.parse().ok());
                    idle = Duration::from_secs(secs.ok_or_else(|| usage("--idle-secs takes a number"))?);
                }
                _ => return Err(usage(&format!("unknown option {}", option.display()))),
            }
        }
        let socket = socket.ok_or_else(|| usage("--socket is missing"))?;
        let state_dir = state_dir.ok_or_else(|| usage("--state is missing"))?;
        if roots.is_empty() {
            return Err(usage("--root is missing"));
        }
        Ok(Self { socket, state_dir, roots, idle })
    }
}

impl ServeError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::At { path, source }
    }
}

fn parse_root(value: &OsString) -> Option<(String, PathBuf)> {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = value.as_bytes();
    let split = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(&bytes[..split]).ok()?;
    let folder = PathBuf::from(std::ffi::OsStr::from_bytes(&bytes[split + 1..]));
    let usable = myksc_core::UserPath::of_root(name).is_ok() && folder.is_absolute();
    usable.then(|| (name.to_owned(), folder))
}
