//! Connections to apps: a pool for each way to an app, on each worker thread of its own.

mod stream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::routes::Way;

pub(crate) use stream::AppStream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the shortest keep-alive time of usual app servers, which is 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_WAY: usize = 256;
const MAX_BUFFER_BYTES: usize = 256 * 1024;

/// Why an app could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// Nobody asked for it, so what follows on that connection is not to be trusted.
    #[error("it switched protocols unasked")]
    UnaskedSwitch,
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

/// Idle connections of one worker, by the number of their way.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<HashMap<u64, Vec<Idle>>>,
}

struct Idle {
    sender: SendRequest<Incoming>,
    since: Instant,
}

/// A connection in use, to be given back when the response has been read.
pub(crate) struct Lease {
    sender: SendRequest<Incoming>,
    way: Arc<Way>,
    pool: Rc<Pool>,
}

impl Pool {
    /// Sends a request over an idle connection or a new one.
    ///
    /// It is sent again only if hyper hands it back untouched: the idle connection had been closed by the app
    /// before a byte was written.
    pub(crate) async fn send(
        self: &Rc<Self>,
        way: &Arc<Way>,
        mut request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        while let Some(mut sender) = self.take(way.number) {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, self.lease(sender, way))),
                Err(mut failure) => match failure.take_message() {
                    Some(untouched) => request = untouched,
                    None => return Err(failure.into_error().into()),
                },
            }
        }
        let mut sender = connect(way).await?;
        let response = sender.send_request(request).await?;
        Ok((response, self.lease(sender, way)))
    }

    /// Sends a request over a connection of its own, which may become a tunnel.
    pub(crate) async fn send_alone(
        self: &Rc<Self>,
        way: &Arc<Way>,
        request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        let mut sender = connect(way).await?;
        let response = sender.send_request(request).await?;
        Ok((response, self.lease(sender, way)))
    }

    /// Closes connections that have been idle for too long, or whose app is gone.
    pub(crate) fn drop_idle(&self) {
        let mut dropped = Vec::new();
        self.idle.borrow_mut().retain(|_, connections| {
            let is_over = |idle: &mut Idle| idle.since.elapsed() >= IDLE_TIMEOUT || idle.sender.is_closed();
            dropped.extend(connections.extract_if(.., is_over));
            !connections.is_empty()
        });
        drop(dropped);
    }

    fn take(&self, way: u64) -> Option<SendRequest<Incoming>> {
        let mut pools = self.idle.borrow_mut();
        let connections = pools.get_mut(&way)?;
        while let Some(idle) = connections.pop() {
            if idle.sender.is_ready() && idle.since.elapsed() < IDLE_TIMEOUT {
                return Some(idle.sender);
            }
        }
        None
    }

    fn put(&self, way: u64, sender: SendRequest<Incoming>) {
        let mut pools = self.idle.borrow_mut();
        let connections = pools.entry(way).or_default();
        if connections.len() < MAX_IDLE_PER_WAY {
            connections.push(Idle { sender, since: Instant::now() });
        }
    }

    fn lease(self: &Rc<Self>, sender: SendRequest<Incoming>, way: &Arc<Way>) -> Lease {
        Lease { sender, way: way.clone(), pool: self.clone() }
    }
}

impl Lease {
    /// Puts the connection among the idle ones; one that is still busy with the request's body is closed.
    pub(crate) fn give_back(self) {
        if self.way.is_gone() || self.sender.is_closed() {
            return;
        }
        if self.sender.is_ready() {
            self.pool.put(self.way.number, self.sender);
            return;
        }
        let Self { mut sender, way, pool } = self;
        tokio::task::spawn_local(async move {
            if let Ok(Ok(())) = tokio::time::timeout(CONNECT_TIMEOUT, sender.ready()).await {
                pool.put(way.number, sender);
            }
        });
    }
}

async fn connect(way: &Way) -> Result<SendRequest<Incoming>, UpstreamError> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, AppStream::connect(&way.endpoint))
        .await
        .map_err(|_| UpstreamError::ConnectTimeout)?
        .map_err(UpstreamError::Connect)?;
    let (sender, connection) =
        http1::Builder::new().max_buf_size(MAX_BUFFER_BYTES).handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to an app ended");
        }
    });
    Ok(sender)
}
