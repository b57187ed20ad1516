//! Finding each user's agent, or starting it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use myksc_core::{Identity, UserId, crash};

use crate::config::{Config, Deadlines, HOME};
use crate::error::FilesError;

/// An agent is there some milliseconds after its start; a machine under load may need longer. It includes the
/// time an agent needs that is just ending.
const START_DEADLINE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What of the portal's environment an agent gets, beside HOME.
const PASSED_ON: [&str; 4] = ["PATH", "LANG", "TZ", crash::VARIABLE];
/// The allocator's settings (mallopt(3)): one arena, and memory that is free goes back to the system. An agent lives
/// long and is idle mostly; this keeps it at a few MB after a large download.
const SMALL: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];
/// The longest reason that is taken from an agent's log.
const MAX_REASON_BYTES: usize = 400;

/// The agents of all users.
#[derive(Debug)]
pub(crate) struct Agents {
    config: Config,
    /// Starts under way; who comes meanwhile waits for the same one.
    starting: Mutex<HashMap<UserId, Outcome>>,
}

/// A connection to an agent.
pub(crate) type Stream = Box<dyn Bytes>;

/// Bytes both ways.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// `None` until the start has ended, then the reason if it failed.
type Outcome = watch::Receiver<Option<Result<(), String>>>;

impl Agents {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, starting: Mutex::default() }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn deadlines(&self) -> Deadlines {
        self.config.deadlines
    }

    /// A connection to the agent of `identity`, which is started if it does not run.
    pub(crate) async fn connect(self: &Arc<Self>, identity: &Identity) -> Result<Stream, FilesError> {
        match &self.config.elsewhere {
            Some(elsewhere) => Ok(Box::new(elsewhere.connect(identity).await?)),
            None => Ok(Box::new(self.connect_here(identity).await?)),
        }
    }

    async fn connect_here(self: &Arc<Self>, identity: &Identity) -> Result<UnixStream, FilesError> {
        let portal_uid = rustix::process::geteuid().as_raw();
        if identity.uid != portal_uid {
            return Err(FilesError::OtherUser { uid: identity.uid, portal_uid });
        }
        let socket = self.socket(identity);
        let stream = match UnixStream::connect(&socket).await {
            Ok(stream) => stream,
            Err(error) if is_absence(&error) => {
                self.start(identity).await?;
                UnixStream::connect(&socket).await.map_err(|error| FilesError::Lost(error.to_string()))?
            }
            Err(error) => return Err(FilesError::Lost(error.to_string())),
        };
        let peer = stream.peer_cred().map_err(|error| FilesError::Lost(error.to_string()))?;
        if peer.uid() != identity.uid {
            return Err(FilesError::Rubbish("another user listens in the agent's place"));
        }
        Ok(stream)
    }

    fn socket(&self, identity: &Identity) -> PathBuf {
        self.config.run_dir.join(format!("files-{}.sock", identity.user))
    }

    /// Starts an agent, or waits for the start that is under way.
    async fn start(self: &Arc<Self>, identity: &Identity) -> Result<(), FilesError> {
        let mut outcome = self.join_start(identity);
        let ended = outcome.wait_for(Option::is_some).await;
        let ended = ended.map_err(|_| FilesError::NotStarted("the start was given up".into()))?;
        ended.clone().unwrap_or(Ok(())).map_err(FilesError::NotStarted)
    }

    fn join_start(self: &Arc<Self>, identity: &Identity) -> Outcome {
        let mut starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = starting.get(&identity.user) {
            return outcome.clone();
        }
        let (tell, outcome) = watch::channel(None);
        starting.insert(identity.user.clone(), outcome.clone());
        let (agents, identity) = (Arc::clone(self), identity.clone());
        // A task of its own: the start goes on when the one who asked first goes away.
        tokio::spawn(async move {
            let started = agents.start_now(&identity).await;
            agents.starting.lock().unwrap_or_else(PoisonError::into_inner).remove(&identity.user);
            let _ = tell.send(Some(started));
        });
        outcome
    }

    async fn start_now(&self, identity: &Identity) -> Result<(), String> {
        let state = self.config.agents_dir.join(identity.user.as_str());
        let log = state.join("log");
        let folders = [state.clone(), self.config.run_dir.clone()];
        let opened_at = log.clone();
        let opened = tokio::task::spawn_blocking(move || {
            for folder in &folders {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(opened_at)
        });
        let output = opened.await.map_err(|error| error.to_string())?;
        let output = output.map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = self.command(identity, &state);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let program = &self.config.program.program;
        let child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        await_socket(child, &self.socket(identity), &log).await
    }

    fn command(&self, identity: &Identity, state: &Path) -> Command {
        let mut command = Command::new(&self.config.program.program);
        command.args(&self.config.program.arguments);
        command.arg("--socket").arg(self.socket(identity)).arg("--state").arg(state);
        let further = &self.config.further_roots;
        let further = further.iter().filter_map(|root| Some((root.id.as_str(), root.place(identity)?)));
        for (name, folder) in std::iter::once((HOME, identity.home.clone())).chain(further) {
            let mut root = OsString::from(format!("{name}="));
            root.push(folder);
            command.arg("--root").arg(root);
        }
        command.current_dir("/").env_clear().envs(SMALL).env("HOME", &identity.home);
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}

/// Waits until the agent answers, or until it can't any more.
async fn await_socket(mut child: Child, socket: &Path, log: &Path) -> Result<(), String> {
    let answers = async {
        while let Err(error) = UnixStream::connect(socket).await {
            if !is_absence(&error) {
                return Err(format!("{}: {error}", socket.display()));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    let ended = tokio::select! {
        answers = answers => answers,
        // One that ends well found another agent at work.
        status = child.wait() => match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("it ended with {status}: {}", last_words(log).await)),
            Err(error) => Err(error.to_string()),
        },
        () = sleep(START_DEADLINE) => Err(format!("no answer within {} s", START_DEADLINE.as_secs())),
    };
    if ended.is_err() {
        let _ = child.start_kill();
    }
    // Collects its exit status, whenever that is.
    tokio::spawn(async move { child.wait().await });
    ended
}

async fn last_words(log: &Path) -> String {
    let log = log.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(log));
    let text = timeout(Duration::from_secs(1), read).await.ok().and_then(Result::ok).and_then(Result::ok);
    let text = text.unwrap_or_default();
    let tail = &text[text.len().saturating_sub(MAX_REASON_BYTES)..];
    String::from_utf8_lossy(tail).trim().to_owned()
}

/// Whether nobody listens: no socket, or one that its agent left behind.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
