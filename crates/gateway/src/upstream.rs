//! Connections to apps: a pool for each way to an app, on each worker thread of its own.
//!
//! The task of the browser's connection drives the app's one, too: nothing is handed from task to task on the way.

mod chunked;
mod connection;
mod head;
mod outgoing;
mod response_body;
mod stream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;

use crate::routes::Way;

use connection::Connection;
use head::Head;
use outgoing::Outgoing;

pub(crate) use response_body::ResponseBody;
pub(crate) use stream::AppStream;

/// For the connection and the guard together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the shortest keep-alive time of usual app servers, which is 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_WAY: usize = 256;

/// Why an app could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout,
    /// What listens there is not the app's guard, or did not let us in. It got nothing of the request.
    #[error("its guard was not passed: {0}")]
    Guard(#[source] std::io::Error),
    /// Nobody asked for it, so what follows on that connection is not to be trusted.
    #[error("it switched protocols unasked")]
    UnaskedSwitch,
    #[error("it closed the connection before the end of its response")]
    Closed,
    #[error("its connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("its response is no HTTP: {0}")]
    Syntax(#[from] httparse::Error),
    #[error("its response is no HTTP: {0}")]
    Malformed(&'static str),
    #[error("the browser broke off its request: {0}")]
    Browser(#[source] hyper::Error),
}

/// Idle connections of one worker, by the number of their way.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<HashMap<u64, Vec<Idle>>>,
}

struct Idle {
    /// Boxed once, so that it moves cheaply between the pool and the bodies.
    connection: Box<Connection>,
    since: Instant,
}

impl Pool {
    /// Sends a request over an idle connection or a new one.
    ///
    /// It is sent again only if no byte of it went out: the app had closed the idle connection before.
    pub(crate) async fn send(
        self: &Rc<Self>,
        way: &Arc<Way>,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        let mut outgoing = Outgoing::new(request);
        while let Some(mut connection) = self.take(way.number) {
            match connection.ask(outgoing).await {
                Ok(head) => return Ok(self.response(connection, head, way)),
                Err(error) => outgoing = connection.take_untouched().ok_or(error)?,
            }
        }
        self.ask_anew(way, outgoing).await
    }

    /// Sends a request over a connection of its own, which may become a tunnel.
    pub(crate) async fn send_alone(
        self: &Rc<Self>,
        way: &Arc<Way>,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        self.ask_anew(way, Outgoing::new(request)).await
    }

    /// Closes connections that have been idle for too long, or whose app is gone.
    pub(crate) fn drop_idle(&self) {
        self.idle.borrow_mut().retain(|_, connections| {
            connections.retain(|idle| idle.since.elapsed() < IDLE_TIMEOUT && idle.connection.is_quiet());
            !connections.is_empty()
        });
    }

    async fn ask_anew(
        self: &Rc<Self>,
        way: &Arc<Way>,
        outgoing: Outgoing,
    ) -> Result<Response<ResponseBody>, UpstreamError> {
        let connecting = AppStream::connect(&way.endpoint, way.guard.as_ref());
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| UpstreamError::ConnectTimeout)??;
        let mut connection = Box::new(Connection::new(stream));
        let head = connection.ask(outgoing).await?;
        Ok(self.response(connection, head, way))
    }

    fn response(
        self: &Rc<Self>,
        connection: Box<Connection>,
        head: Head,
        way: &Arc<Way>,
    ) -> Response<ResponseBody> {
        let home = head.keeps.then(|| (self.clone(), way.clone()));
        head.response.map(|()| ResponseBody::new(connection, head.length, home))
    }

    fn take(&self, way: u64) -> Option<Box<Connection>> {
        let mut pools = self.idle.borrow_mut();
        let connections = pools.get_mut(&way)?;
        while let Some(idle) = connections.pop() {
            if idle.since.elapsed() < IDLE_TIMEOUT && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
        None
    }

    fn put(&self, way: u64, connection: Box<Connection>) {
        let mut pools = self.idle.borrow_mut();
        let connections = pools.entry(way).or_default();
        if connections.len() < MAX_IDLE_PER_WAY {
            connections.push(Idle { connection, since: Instant::now() });
        }
    }
}
