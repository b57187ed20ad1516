//! A connection that speaks HTTP/1.1 (RFC 9112).

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;

use crate::body::ServerBody;
use crate::connection::{Client, ClientStream, MAX_HEAD_BYTES};
use crate::exchange::Stop;
use crate::framing::Watched;
use crate::worker::Worker;

/// Also what is read of a body at once.
const MAX_BUFFER_BYTES: usize = 256 * 1024;

pub(super) async fn serve<B, F>(
    worker: Rc<Worker>,
    stream: ClientStream,
    address: SocketAddr,
    header_timeout: Duration,
    answer: impl Fn(Rc<Client>, Request<Incoming>) -> F,
) where
    B: http_body::Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    F: Future<Output = Response<ServerBody<B>>>,
{
    let (io, ambiguous_framing) = Watched::new(stream);
    let signal = worker.signal();
    let client = Rc::new(Client::new(address, signal.clone(), ambiguous_framing));
    let service = hyper::service::service_fn(|request| {
        let answer = answer(client.clone(), request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(signal.head_deadline.clone())
        .header_read_timeout(header_timeout)
        .max_header_size(MAX_HEAD_BYTES as usize)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
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
