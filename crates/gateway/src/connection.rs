//! One client's connection: its TLS handshake, then HTTP/1.1 or HTTP/2 until it ends, is cut, or becomes a tunnel.

mod handshake;
mod http1;
mod http2;
mod stream;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpStream;

use crate::body::ServerBody;
use crate::exchange::Signal;
use crate::tls::Certificates;
use crate::worker::Worker;

pub(crate) use handshake::Handshakes;
pub(crate) use stream::ClientStream;

/// Longest head of a request.
const MAX_HEAD_BYTES: u32 = 64 * 1024;

/// What the proxy needs to know of the connection that a request came over.
#[derive(Clone)]
pub(crate) struct Client {
    /// Of the client itself, where a trusted proxy tells it.
    pub(crate) address: SocketAddr,
    /// The address as a header value.
    pub(crate) address_header: HeaderValue,
    /// Stops the connection, or the one stream of it that carries the request.
    pub(crate) signal: Rc<Signal>,
    ambiguous_framing: Arc<AtomicBool>,
}

/// Times that a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) handshake: Duration,
    pub(crate) head: Duration,
}

impl Client {
    fn new(address: SocketAddr, signal: Rc<Signal>, ambiguous_framing: Arc<AtomicBool>) -> Self {
        Self { address, address_header: header(address.ip()), signal, ambiguous_framing }
    }

    /// The client for whom a trusted proxy has sent a request over this connection.
    pub(crate) fn on_behalf_of(&self, address: IpAddr) -> Self {
        Self { address: SocketAddr::new(address, 0), address_header: header(address), ..self.clone() }
    }

    /// Whether a request with two lengths has been read from the connection.
    pub(crate) fn sent_ambiguous_framing(&self) -> bool {
        self.ambiguous_framing.load(Ordering::Relaxed)
    }
}

fn header(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_canonical().to_string()).expect("an address is visible ASCII")
}

/// Serves one connection to its end.
pub(crate) async fn serve<B, A, F>(
    worker: Rc<Worker>,
    stream: TcpStream,
    address: SocketAddr,
    times: Times,
    certificates: Option<Certificates>,
    answer: A,
) where
    B: http_body::Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    A: Fn(Rc<Client>, Request<Incoming>) -> F + 'static,
    F: Future<Output = Response<ServerBody<B>>> + 'static,
{
    let Some(certificates) = certificates else {
        return http1::serve(worker, ClientStream::Plain(stream), address, times.head, answer).await;
    };
    // Boxed, so that the buffers of the handshake are not part of the connection's task.
    let shaken = Box::pin(handshake::shake(worker.clone(), stream, &certificates, times.handshake)).await;
    let Some(stream) = shaken else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = ClientStream::Tls(Box::new(stream));
    if is_http2 {
        http2::serve(worker, stream, address, times.head, answer).await;
    } else {
        http1::serve(worker, stream, address, times.head, answer).await;
    }
}
