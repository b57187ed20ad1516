//! A connection that speaks HTTP/2 (RFC 9113): many requests at once, each on a task of its own.
//!
//! Requests leave here as those of HTTP/1.1 look: with a `Host` header and one `Cookie` header. Extended CONNECT
//! (RFC 8441) is not offered, so browsers open WebSockets over a connection of HTTP/1.1.

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::body::ServerBody;
use crate::connection::{Client, ClientStream, MAX_HEAD_BYTES};
use crate::exchange::{Signal, Stop};
use crate::worker::Worker;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Requests that one connection may have open at once.
const MAX_STREAMS: u32 = 128;
/// Streams that the client opened and reset before they were looked at; more of them end the connection.
const MAX_RESET_EARLY: usize = 32;
/// Streams that we had to reset because of what the client sent; more of them end the connection.
const MAX_RESET_BY_US: usize = 256;
/// What may be on its way of one body, and of all bodies of the connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// What of a response waits in memory for the client to take it.
const MAX_SEND_BYTES: usize = 128 << 10;
/// A client that has vanished is noticed by a ping that it does not answer.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The exchange has lost its right or its app.
#[derive(Debug, thiserror::Error)]
#[error("the exchange was cut")]
struct Cut;

pub(super) async fn serve<B, A, F>(
    worker: Rc<Worker>,
    stream: ClientStream,
    address: SocketAddr,
    header_timeout: Duration,
    answer: A,
) where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<BoxError>,
    A: Fn(Rc<Client>, Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<ServerBody<B>>> + 'static,
{
    let signal = worker.listed(Signal::of_polite_connection());
    let streams = Streams::new(signal.clone(), header_timeout);
    let client = Client::new(address, signal.clone(), Arc::default());
    let service = hyper::service::service_fn(move |request| {
        let signal = worker.listed(Signal::of_stream(client.signal.clone()));
        let open = streams.open();
        let client = Rc::new(Client { signal: signal.clone(), ..client.clone() });
        let answer = answer(client, as_over_http1(request));
        async move {
            let response = tokio::select! {
                biased;
                () = signal.cut_off() => return Err(Cut),
                response = answer => response,
            };
            let mut response = response.map(|body| Carried { body, signal, _open: open });
            response.headers_mut().remove(header::CONNECTION);
            Ok(response)
        }
    });
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_EARLY)
        .max_local_error_reset_streams(MAX_RESET_BY_US)
        .max_header_list_size(MAX_HEAD_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(MAX_SEND_BYTES)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut told = false;
    let result = poll_fn(|cx| {
        match signal.poll(cx) {
            Stop::Now => return Poll::Ready(Ok(())),
            Stop::Gently if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            Stop::Gently | Stop::No => {}
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "a client's connection ended");
    }
}

/// Runs what belongs to a connection on the thread of the connection.
#[derive(Clone)]
struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move { drop(future.await) });
    }
}

/// Counts the open streams of a connection: while there is none, a head is waited for, as long as for any head.
struct Streams {
    count: Rc<Cell<usize>>,
    signal: Rc<Signal>,
    header_timeout: Duration,
}

/// One open stream.
struct Open {
    count: Rc<Cell<usize>>,
    signal: Rc<Signal>,
    header_timeout: Duration,
}

impl Streams {
    fn new(signal: Rc<Signal>, header_timeout: Duration) -> Self {
        signal.head_deadline.set(Instant::now() + header_timeout);
        Self { count: Rc::default(), signal, header_timeout }
    }

    fn open(&self) -> Open {
        self.count.set(self.count.get() + 1);
        self.signal.head_deadline.clear();
        Open { count: self.count.clone(), signal: self.signal.clone(), header_timeout: self.header_timeout }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            self.signal.head_deadline.set(Instant::now() + self.header_timeout);
        }
    }
}

/// A response's body, which ends with an error once its exchange is cut.
struct Carried<B> {
    body: ServerBody<B>,
    signal: Rc<Signal>,
    _open: Open,
}

impl<B> Body for Carried<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.signal.poll(cx) == Stop::Now {
            return Poll::Ready(Some(Err(Cut.into())));
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Gives a request the headers that HTTP/2 writes in another way (RFC 9113 sections 8.2.3 and 8.3.1).
fn as_over_http1(request: Request<Incoming>) -> Request<Incoming> {
    let (mut parts, body) = request.into_parts();
    name_host(&mut parts);
    join_cookies(&mut parts.headers);
    Request::from_parts(parts, body)
}

/// A `Host` that is there stays: it must be the same, and that is looked at where every request is.
fn name_host(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else { return };
    if let header::Entry::Vacant(entry) = parts.headers.entry(header::HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        entry.insert(host);
    }
}

fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let mut joined = BytesMut::new();
    for crumb in headers.get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.put_slice(b"; ");
        }
        joined.put_slice(crumb.as_bytes());
    }
    let joined = HeaderValue::from_maybe_shared(joined.freeze()).expect("it is made of such values");
    headers.insert(header::COOKIE, joined);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_of_cookies_become_one_header_in_their_order() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2; c=3", "d=\u{80}"] {
            headers.append(header::COOKIE, HeaderValue::from_bytes(crumb.as_bytes()).unwrap());
        }
        join_cookies(&mut headers);
        let all: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(all, ["a=1; b=2; c=3; d=\u{80}".as_bytes()]);
    }
}
