//! A desktop: a session that draws on a VNC server's Unix socket, and the page that shows it (RFC 6143 in a WebSocket).

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal, WaitStatus};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::page::{self, Children, PageError, Program, Pulse, Socket, close};

const USAGE: &str = "usage: desktop --listen SOCKET --screen SOCKET -- PROGRAM [ARGUMENT…]";
/// As much of the screen as is sent in one message.
const PIECE_BYTES: usize = 64 << 10;
/// How long a session may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What a desktop is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the page is served.
    pub listen: PathBuf,
    /// Where the session's VNC server listens.
    pub screen: PathBuf,
    /// The session: program and arguments. It ends with the desktop, and the desktop with it.
    pub session: Vec<OsString>,
}

impl Config {
    /// Reads `--listen SOCKET --screen SOCKET -- PROGRAM [ARGUMENT…]`.
    ///
    /// # Errors
    /// When an argument is missing or unknown.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, PageError> {
        let usage = |text: String| PageError::Usage(format!("{text}; {USAGE}"));
        let (mut listen, mut screen) = (None, None);
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let place = match option.to_str() {
                Some("--listen") => &mut listen,
                Some("--screen") => &mut screen,
                Some("--") => break,
                _ => return Err(usage(format!("unknown option {}", option.display()))),
            };
            let path = args.next().ok_or_else(|| usage("an option has no value".to_owned()))?;
            *place = Some(PathBuf::from(path));
        }
        let session: Vec<_> = args.collect();
        if session.is_empty() {
            return Err(usage("no session is named".to_owned()));
        }
        let listen = listen.ok_or_else(|| usage("--listen is missing".to_owned()))?;
        let screen = screen.ok_or_else(|| usage("--screen is missing".to_owned()))?;
        Ok(Self { listen, screen, session })
    }
}

/// Serves a desktop until SIGTERM, or until its session ends.
///
/// # Errors
/// When the session can't be started or ends badly, or the socket can't be had.
pub fn run(config: Config) -> Result<(), PageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), PageError> {
    let mut children = Children::new()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = page::listen(&config.listen)?;
    let session = start(&config.session)?;
    let served = page::serve(listener, Arc::new(Desktop { screen: config.screen }));
    let ended = tokio::select! {
        error = served => Err(PageError::System(error)),
        status = children.end_of(session) => {
            page::terminate(session, Signal::TERM);
            return judged(status);
        }
        _ = terminated.recv() => Ok(()),
    };
    children.end_group(session, GRACE).await;
    ended
}

fn start(session: &[OsString]) -> Result<Pid, PageError> {
    let [program, arguments @ ..] = session else { return Err(PageError::Usage(USAGE.to_owned())) };
    let started = Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    let child = started
        .map_err(|source| PageError::Start { program: program.to_string_lossy().into_owned(), source })?;
    Ok(Pid::from_child(&child))
}

fn judged(status: WaitStatus) -> Result<(), PageError> {
    match status.exit_status() {
        Some(0) => Ok(()),
        Some(code) => Err(PageError::Ended(format!("with {code}"))),
        None => Err(PageError::Ended("by a signal".to_owned())),
    }
}

struct Desktop {
    screen: PathBuf,
}

impl Program for Desktop {
    fn page(&self) -> &'static str {
        "desktop"
    }

    fn is_ready(&self) -> BoxFuture<'_, bool> {
        UnixStream::connect(&self.screen).map(|connected| connected.is_ok()).boxed()
    }

    fn visit(self: Arc<Self>, mut socket: Socket) -> BoxFuture<'static, ()> {
        async move {
            let Ok(screen) = UnixStream::connect(&self.screen).await else {
                let _ = socket.close(Some(close(CloseCode::Again, "the desktop is not there yet"))).await;
                return;
            };
            let (to_browser, from_browser) = socket.split();
            let (from_screen, to_screen) = screen.into_split();
            let (pulse, heard) = Pulse::new();
            tokio::select! {
                () = up(from_browser, to_screen, heard) => {}
                () = down(from_screen, to_browser, pulse) => {}
            }
        }
        .boxed()
    }
}

/// What the person does, until she leaves or the screen is gone.
async fn up(mut from: SplitStream<Socket>, mut to: OwnedWriteHalf, heard: watch::Sender<Instant>) {
    while let Some(Ok(message)) = from.next().await {
        heard.send_replace(Instant::now());
        match message {
            Message::Binary(bytes) if to.write_all(&bytes).await.is_ok() => {}
            Message::Ping(_) | Message::Pong(_) => {}
            _ => return,
        }
    }
}

/// What the screen shows, until it is gone or she is.
async fn down(mut from: OwnedReadHalf, mut to: SplitSink<Socket, Message>, mut pulse: Pulse) {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let message = tokio::select! {
            read = from.read(&mut piece) => match read {
                Ok(bytes @ 1..) => Message::Binary(Bytes::copy_from_slice(&piece[..bytes])),
                _ => break,
            },
            is_there = pulse.due() => match is_there {
                true => Message::Ping(Bytes::new()),
                false => return,
            },
        };
        if to.send(message).await.is_err() {
            return;
        }
    }
    let _ = to.send(Message::Close(Some(close(CloseCode::Away, "the screen is gone")))).await;
}
