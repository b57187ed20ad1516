//! A small app behind the gateway, on a Unix socket or TCP.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use myksc_core::grant::Endpoint;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{broadcast, mpsc};
use tokio_util::task::AbortOnDropHandle;

type Body = BoxBody<Bytes, std::io::Error>;

/// A running app; it stops when dropped.
pub(crate) struct App {
    pub(crate) endpoint: Endpoint,
    pub(crate) state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) struct State {
    /// Connections that are open now, tunnels included.
    pub(crate) open: AtomicUsize,
    /// Connections that were ever accepted.
    pub(crate) accepted: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// Bytes of `/big` that were taken from it.
    pub(crate) made_bytes: AtomicUsize,
    /// What `/feed` sends on.
    pub(crate) feed: broadcast::Sender<Bytes>,
}

impl App {
    pub(crate) async fn on_unix() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let state = State::new();
        let own = state.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, own.clone()));
            }
        });
        Self {
            endpoint: Endpoint::Unix(path),
            state,
            _accepting: AbortOnDropHandle::new(accepting),
            _folder: Some(folder),
        }
    }

    pub(crate) async fn on_tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State::new();
        let own = state.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, own.clone()));
            }
        });
        Self {
            endpoint: Endpoint::Tcp(address),
            state,
            _accepting: AbortOnDropHandle::new(accepting),
            _folder: None,
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

impl State {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            made_bytes: AtomicUsize::new(0),
            feed: broadcast::channel(16).0,
        })
    }
}

struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    state.open.fetch_add(1, Ordering::SeqCst);
    state.accepted.fetch_add(1, Ordering::SeqCst);
    let open = Arc::new(Open(state.clone()));
    let service = service_fn(move |request| {
        let (state, open) = (state.clone(), open.clone());
        async move { answer(request, state, open).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.with_upgrades().await;
}

/// `/headers` tells what arrived, `/answer?name=value&…` sends these headers back, `/die` breaks off in the
/// middle, `/feed` sends what the test feeds, `/count` counts the body, `/echo` sends it back as it comes,
/// `/ws` becomes an echo of raw bytes, `/never` never answers, `/switch` switches unasked.
async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    open: Arc<Open>,
) -> Result<Response<Body>, std::io::Error> {
    state.requests.fetch_add(1, Ordering::SeqCst);
    match request.uri().path() {
        "/headers" => Ok(Response::new(full(seen(&request)))),
        "/answer" => Ok(with_headers(request.uri().query().unwrap_or_default())),
        "/die" => Ok(dies()),
        "/feed" => Ok(feed(state.feed.subscribe())),
        "/count" => count(request.into_body()).await,
        "/echo" => Ok(Response::new(request.into_body().map_err(std::io::Error::other).boxed())),
        "/big" => Ok(big(request.uri().query().unwrap().parse().unwrap(), state)),
        "/ws" => Ok(echo(request, open)),
        "/never" => std::future::pending().await,
        "/switch" => {
            let mut response = Response::new(full(""));
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
            response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
            Ok(response)
        }
        _ => {
            let mut response = Response::new(full("nothing here"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            Ok(response)
        }
    }
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed()
}

fn seen(request: &Request<Incoming>) -> String {
    let mut text = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

fn with_headers(query: &str) -> Response<Body> {
    let mut response = Response::new(full("answer"));
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
        let name = name.parse::<HeaderName>().unwrap();
        response.headers_mut().append(name, HeaderValue::from_str(&value).unwrap());
    }
    response
}

fn dies() -> Response<Body> {
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"the first half"))),
        Err(std::io::Error::other("the app dies in the middle")),
    ];
    // Two polls, so that the first half is on its way before the failure.
    let frames = futures_util::stream::iter(frames).then(|frame| async move {
        tokio::task::yield_now().await;
        frame
    });
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

fn feed(mut source: broadcast::Receiver<Bytes>) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok(bytes) = source.recv().await {
            if bytes.is_empty() || sender.send(Ok(Frame::data(bytes))).await.is_err() {
                return;
            }
        }
    });
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

async fn count(mut body: Incoming) -> Result<Response<Body>, std::io::Error> {
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        total += frame.map_err(std::io::Error::other)?.data_ref().map_or(0, Bytes::len);
    }
    Ok(Response::new(full(total.to_string())))
}

fn big(total_bytes: usize, state: Arc<State>) -> Response<Body> {
    const PART: usize = 64 * 1024;
    let frames = futures_util::stream::iter((0..total_bytes / PART).map(move |_| {
        state.made_bytes.fetch_add(PART, Ordering::SeqCst);
        Ok(Frame::data(Bytes::from_static(&[7; PART])))
    }));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

fn echo(mut request: Request<Incoming>, open: Arc<Open>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _open = open;
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 || stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response.headers_mut().insert("sec-websocket-accept", HeaderValue::from_static("as-the-app-said"));
    response
}
