//! Binding: one socket a worker for each address.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use socket2::{Domain, Socket, TcpKeepalive, Type};

use crate::tls::Certificates;

const BACKLOG: i32 = 4096;
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process listens there.
    #[error("{0} is taken by another process")]
    AddressTaken(SocketAddr),
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// What was to be bound.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A worker thread or its runtime cannot start.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] io::Error),
    /// A worker thread ended by a panic.
    #[error("a worker has panicked")]
    WorkerPanicked,
}

/// What a listener speaks.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// HTTP/1.1 without TLS. Where proxies are trusted, only they get an answer.
    Http,
    /// HTTP/2 and HTTP/1.1 over TLS.
    Https(Certificates),
    /// HTTP/1.1 without TLS, and the only answer is the way to the same address under https.
    Redirect,
}

/// Bound and listening sockets of every worker.
#[derive(Debug)]
pub struct Listeners {
    addresses: Vec<SocketAddr>,
    workers: Vec<Vec<(TcpListener, Protocol)>>,
}

impl Listeners {
    /// Binds every address once for each of `workers` threads, for plain HTTP; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ServeError::AddressTaken`] or [`ServeError::Bind`].
    pub fn bind(addresses: &[SocketAddr], workers: NonZeroUsize) -> Result<Self, ServeError> {
        let mut bound = Self::for_workers(workers);
        for address in addresses {
            bound.add(*address, &Protocol::Http)?;
        }
        Ok(bound)
    }

    /// No listener yet, for so many threads.
    #[must_use]
    pub fn for_workers(workers: NonZeroUsize) -> Self {
        let workers = std::iter::repeat_with(Vec::new).take(workers.get()).collect();
        Self { addresses: Vec::new(), workers }
    }

    /// Binds one more address, once for each thread; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ServeError::AddressTaken`] or [`ServeError::Bind`].
    pub fn add(&mut self, address: SocketAddr, protocol: &Protocol) -> Result<(), ServeError> {
        let mut address = address;
        if address.port() != 0 {
            probe(address)?;
        }
        for sockets in &mut self.workers {
            let listener = listen(address).map_err(|source| failure(address, source))?;
            // With port 0 the first socket finds the port, the others join it.
            address = listener.local_addr().map_err(|source| failure(address, source))?;
            sockets.push((listener, protocol.clone()));
        }
        self.addresses.push(address);
        Ok(())
    }

    /// The addresses with the ports that were bound.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(super) fn into_workers(self) -> Vec<Vec<(TcpListener, Protocol)>> {
        self.workers
    }
}

/// `SO_REUSEPORT` would let a second server of the same user share the port in silence, so ask without it first.
fn probe(address: SocketAddr) -> Result<(), ServeError> {
    let attempt = || -> io::Result<()> {
        let socket = socket(address)?;
        socket.bind(&address.into())
    };
    attempt().map_err(|source| failure(address, source))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    // Accepted connections inherit both. Without keep-alive a tunnel to a vanished laptop would stay for ever.
    socket.set_tcp_nodelay(true)?;
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn failure(address: SocketAddr, source: io::Error) -> ServeError {
    if source.kind() == io::ErrorKind::AddrInUse {
        ServeError::AddressTaken(address)
    } else {
        ServeError::Bind { address, source }
    }
}
