//! The agent's socket: one agent on it, its own user's connections alone, and an end when nobody comes.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::beneath::Roots;
use super::memory;
use super::route::Service;
use super::uploads::Uploads;
use super::{Config, ServeError};
use crate::accept;

const MAX_CONNECTIONS: usize = 128;
const MAX_HEADERS: usize = 64;
/// Room for a path of 3,072 bytes, each written as `%XX`, twice.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// A connection without a whole request for so long is closed.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
/// How long running requests may go on after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// How long a new agent waits for the one before it to end.
const HANDOVER: Duration = Duration::from_secs(8);
const HANDOVER_STEP: Duration = Duration::from_millis(50);

/// Serves until SIGTERM or until no connection was open for `config.idle`.
pub(crate) async fn run(config: Config) -> Result<(), ServeError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.state_dir)
        .map_err(ServeError::at(&config.state_dir))?;
    let lock_path = config.state_dir.join("lock");
    let lock = File::create(&lock_path).map_err(ServeError::at(&lock_path))?;
    if !become_only(&lock, &config.socket).await.map_err(ServeError::at(&lock_path))? {
        return Ok(());
    }
    let roots = Arc::new(Roots::new(config.roots));
    let folder = config.state_dir.join("uploads");
    let uploads = Uploads::open(Arc::clone(&roots), folder.clone()).map_err(ServeError::at(&folder))?;
    let uploads = Arc::new(uploads);
    let listener = bind(&config.socket).map_err(ServeError::at(&config.socket))?;

    let recovering = Arc::clone(&uploads);
    // A folder that hangs must not keep the others from being served.
    drop(tokio::task::spawn_blocking(move || recovering.recover()));
    let served = accept(&listener, Arc::new(Service { roots, uploads }), config.idle, &config.socket).await;
    served.map_err(ServeError::at(&config.socket))
}

/// Takes the lock. False when another agent has it and answers on the socket.
async fn become_only(lock: &File, socket: &Path) -> io::Result<bool> {
    let give_up_at = Instant::now() + HANDOVER;
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        if UnixStream::connect(socket).await.is_ok() {
            return Ok(false);
        }
        if Instant::now() >= give_up_at {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent holds this folder"));
        }
        sleep(HANDOVER_STEP).await;
    }
}

/// Binds the socket; the lock says that one left there belongs to nobody.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(
    listener: &UnixListener,
    service: Arc<Service>,
    idle: Duration,
    socket: &Path,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept_one(listener, &room) => {
                let (stream, permit) = accepted?;
                connections.spawn(connection(stream, Arc::clone(&service), permit));
            }
            Some(_) = connections.join_next() => {
                if connections.is_empty() {
                    memory::give_back();
                }
            }
            () = sleep(idle), if connections.is_empty() => break,
            _ = terminate.recv() => break,
        }
    }
    // After this nobody finds the socket any more; who found it before is served still.
    fs::remove_file(socket)?;
    while let Ok(Ok((stream, permit))) = timeout(Duration::ZERO, accept_one(listener, &room)).await {
        connections.spawn(connection(stream, Arc::clone(&service), permit));
    }
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn accept_one(
    listener: &UnixListener,
    room: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, permit)),
            Err(error) if accept::is_passing(&error) => sleep(HANDOVER_STEP).await,
            Err(error) => return Err(error),
        }
    }
}

async fn connection(stream: UnixStream, service: Arc<Service>, _permit: tokio::sync::OwnedSemaphorePermit) {
    let own = geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
        tracing::warn!("another user's connection was closed");
        return;
    }
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
