//! A guard in front of a small app, and the gateway's half of its handshake.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use myksc_core::grant::Endpoint;
use myksc_core::guard::{GuardKey, HELLO_BYTES, PROOF_BYTES, Response, random_nonce};

/// Nothing here takes longer unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The key of every guard here.
pub(crate) fn key() -> GuardKey {
    GuardKey::new([7; 32])
}

/// A guard in this process.
pub(crate) struct Guard {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: AbortOnDropHandle<io::Result<()>>,
}

impl Guard {
    pub(crate) async fn of(app: &Endpoint) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(myksc_agent::guard::serve(listener, key(), app.clone(), stopped));
        Self { address, stop: Some(stop), serving: AbortOnDropHandle::new(serving) }
    }

    /// A connection that passed.
    pub(crate) async fn pass(&self) -> TcpStream {
        within(pass(self.address)).await.unwrap()
    }

    /// Asks it to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub(crate) async fn ended(self) {
        within(self.serving).await.unwrap().unwrap();
    }
}

/// Connects as the gateway does.
pub(crate) async fn pass(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let hello = hello(&mut stream).await?;
    let response = Response::new(&key(), &hello, random_nonce()).map_err(io::Error::other)?;
    stream.write_all(response.answer()).await?;
    let mut proof = [0; PROOF_BYTES];
    stream.read_exact(&mut proof).await?;
    response.check(&proof).map_err(io::Error::other)?;
    Ok(stream)
}

/// What a guard says first.
pub(crate) async fn hello(stream: &mut TcpStream) -> io::Result<[u8; HELLO_BYTES]> {
    let mut hello = [0; HELLO_BYTES];
    stream.read_exact(&mut hello).await?;
    Ok(hello)
}

/// An app that is served connection by connection; it stops when dropped.
pub(crate) struct App {
    pub(crate) endpoint: Endpoint,
    _serving: AbortOnDropHandle<()>,
    _folder: Option<tempfile::TempDir>,
}

/// A connection as an app sees it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl App {
    pub(crate) async fn on_tcp<F>(serve: fn(Box<dyn Stream>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                connections.spawn(serve(Box::new(listener.accept().await.unwrap().0)));
            }
        });
        Self { endpoint, _serving: AbortOnDropHandle::new(serving), _folder: None }
    }

    pub(crate) async fn on_unix<F>(serve: fn(Box<dyn Stream>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                connections.spawn(serve(Box::new(listener.accept().await.unwrap().0)));
            }
        });
        let endpoint = Endpoint::Unix(path);
        Self { endpoint, _serving: AbortOnDropHandle::new(serving), _folder: Some(folder) }
    }
}

/// Sends back what comes, and ends when nothing comes any more.
pub(crate) async fn echo(stream: Box<dyn Stream>) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
    let _ = writer.shutdown().await;
}

/// Sees that bytes come back.
pub(crate) async fn echoes(stream: &mut TcpStream, bytes: &[u8]) {
    let (mut reader, mut writer) = stream.split();
    let mut back = vec![0; bytes.len()];
    let (written, read) =
        within(async { tokio::join!(writer.write_all(bytes), reader.read_exact(&mut back)) }).await;
    written.unwrap();
    read.unwrap();
    assert!(back == bytes);
}

/// Everything up to the end; or how it broke off.
pub(crate) async fn rest(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it hangs")
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 4096) as u8).collect()
}

/// Descriptors for many connections in one process.
pub(crate) fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
