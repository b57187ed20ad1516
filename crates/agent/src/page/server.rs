//! HTTP for a page: its files, and the way to the program's WebSocket.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::PageError;
use super::files::{self, Answer};
use super::socket::{Socket, config};
use crate::accept;

const MAX_CONNECTIONS: usize = 64;
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 << 10;
/// A connection without a whole request for so long is closed.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
/// Until there may be descriptors again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The program beside a page.
pub(crate) trait Program: Send + Sync + 'static {
    /// The page's name.
    fn page(&self) -> &'static str;

    /// Whether the program can be talked to.
    fn is_ready(&self) -> BoxFuture<'_, bool>;

    /// Leads one browser to the program, until either leaves.
    fn visit(self: Arc<Self>, socket: Socket) -> BoxFuture<'static, ()>;
}

/// Listens where only the same user can connect; what an earlier run left there goes.
///
/// # Errors
/// When the socket can't be had.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, PageError> {
    let at = |source: io::Error| PageError::Listen { path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(error)),
        _ => {}
    }
    // At no moment is it open to others.
    let former = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(former);
    bound.map_err(at)
}

/// Serves the page until accepting fails for good.
pub(crate) async fn serve(listener: UnixListener, program: Arc<impl Program>) -> io::Error {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return io::Error::other("there is no room for connections");
        };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&program), permit))),
            Err(error) if accept::is_passing(&error) => sleep(ACCEPT_PAUSE).await,
            Err(error) => return error,
        }
    }
}

async fn connection(stream: UnixStream, program: Arc<impl Program>, permit: OwnedSemaphorePermit) {
    // A WebSocket keeps its place.
    let permit = Arc::new(permit);
    let answer = service_fn(move |request| {
        let (program, permit) = (Arc::clone(&program), Arc::clone(&permit));
        async move {
            let mut answer = answer(request, program, permit).await;
            files::guard(&mut answer);
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    program: Arc<impl Program>,
    permit: Arc<OwnedSemaphorePermit>,
) -> Answer {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/used") => return files::text(StatusCode::NO_CONTENT, ""),
        (&Method::GET | &Method::HEAD, _) => {}
        _ => return files::text(StatusCode::METHOD_NOT_ALLOWED, "This can't be done here.\n"),
    }
    match request.uri().path() {
        "/" => files::page(program.page(), request.headers()),
        "/ready" if program.is_ready().await => files::text(StatusCode::NO_CONTENT, ""),
        "/ready" => files::text(StatusCode::SERVICE_UNAVAILABLE, "Not yet.\n"),
        "/socket" => upgrade(request, program, permit),
        path => files::asset(path.trim_start_matches('/'), request.headers())
            .unwrap_or_else(|| files::text(StatusCode::NOT_FOUND, "There is nothing here.\n")),
    }
}

fn upgrade(
    mut request: Request<Incoming>,
    program: Arc<impl Program>,
    permit: Arc<OwnedSemaphorePermit>,
) -> Answer {
    if !is_same_origin(request.headers()) {
        return files::text(StatusCode::FORBIDDEN, "Another page's WebSocket is not let in.\n");
    }
    let Ok(answer) = create_response_with_body(&request, Full::default) else {
        return files::text(StatusCode::BAD_REQUEST, "A WebSocket is opened here.\n");
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Where the browser has gone meanwhile there is nobody to tell.
        if let Ok(stream) = upgraded.await {
            let stream = TokioIo::new(stream);
            program.visit(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await).await;
        }
        drop(permit);
    });
    answer
}

/// Whether a browser's request comes from our own page; the portal's gateway sees to the same.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let from = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    from.is_some_and(|(_, from)| host.is_some_and(|host| host.eq_ignore_ascii_case(from)))
}
