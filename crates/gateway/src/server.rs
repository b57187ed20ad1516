//! The listeners: one worker thread a core, each with its own sockets, runtime and connections.
//!
//! `SO_REUSEPORT` lets the kernel spread connections over the workers, so they share nothing but the tables.
//! The portal's service runs on the runtime that [`run`] is called on; the workers only move its bytes.

mod door;
mod listeners;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, LocalOptions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::body::{ProxyBody, ServerBody};
use crate::config::Target;
use crate::connection::{self, Client, Times};
use crate::exchange::Stop;
use crate::fetch_rules;
use crate::forwarded::TrustedProxies;
use crate::gateway::Gateway;
use crate::page::Problem;
use crate::proxy;
use crate::worker::Worker;

use door::{Admitted, Door};

pub use listeners::{Listeners, Protocol, ServeError};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Times of the server, and whom it trusts.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// How long a client may take to send a request's head; also how long an unused connection stays open.
    pub header_timeout: Duration,
    /// How long requests under way may take to end once the server is told to stop.
    pub shutdown_grace: Duration,
    /// How long a client may take for its TLS handshake.
    pub handshake_timeout: Duration,
    /// Proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed.
    pub trusted_proxies: TrustedProxies,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(10),
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

/// Serves until `shutdown` is cancelled and the requests under way have ended or their grace is over.
///
/// Requests for the portal's hosts go to `portal`, with the client's [`SocketAddr`] among their extensions. An
/// `axum` router fits after `hyper_util::service::TowerToHyperService::new`.
///
/// Dropping the future stops the workers, too. The process's soft limit of open files is raised to its hard one:
/// every tunnel takes two.
///
/// # Errors
/// [`ServeError`] when a worker cannot start.
pub async fn run<S, B>(
    config: ServerConfig,
    listeners: Listeners,
    gateway: Gateway,
    portal: S,
    shutdown: CancellationToken,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    raise_open_files_limit();
    let home = Handle::current();
    let stop = shutdown.child_token();
    let _stop_with_us = stop.clone().drop_guard();
    let mut workers = Vec::new();
    for (number, sockets) in listeners.into_workers().into_iter().enumerate() {
        let (gateway, portal, stop) = (gateway.clone(), portal.clone(), stop.clone());
        let (config, home) = (config.clone(), home.clone());
        let (ended, when_ended) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name(format!("gateway-{number}"))
            .spawn(move || {
                let result = work(&config, sockets, &gateway, portal, &home, &stop);
                // Nobody is left to hear of it when the caller of `run` has gone.
                let _ = ended.send(result);
            })
            .map_err(ServeError::Worker)?;
        workers.push(async { when_ended.await.unwrap_or(Err(ServeError::WorkerPanicked)) });
    }
    try_join_all(workers).await.map(|_| ())
}

fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// One worker thread.
fn work<S, B>(
    config: &ServerConfig,
    sockets: Vec<(std::net::TcpListener, Protocol)>,
    gateway: &Gateway,
    portal: S,
    home: &Handle,
    stop: &CancellationToken,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(ServeError::Worker)?;
    runtime.block_on(async {
        let worker = Worker::new(gateway);
        let bell = worker.shared.add_bell();
        let house = worker.clone();
        tokio::task::spawn_local(async move { house.keep_house(bell).await });
        let times = Times { handshake: config.handshake_timeout, head: config.header_timeout };
        for (socket, protocol) in sockets {
            let listener = TcpListener::from_std(socket).map_err(ServeError::Worker)?;
            let door = Door { protocol, proxies: config.trusted_proxies.clone() };
            let front = Front { door, worker: worker.clone(), portal: portal.clone(), home: home.clone() };
            let accepting = accept(times, listener, Rc::new(front));
            tokio::task::spawn_local(stop.clone().run_until_cancelled_owned(accepting));
        }
        stop.cancelled().await;
        worker.stop_all(Stop::Gently);
        let _ = tokio::time::timeout(config.shutdown_grace, worker.until_idle()).await;
        worker.stop_all(Stop::Now);
        Ok(())
    })
}

async fn accept<S, B>(times: Times, listener: TcpListener, front: Rc<Front<S>>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: connections that end make room.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let front = front.clone();
        let worker = front.worker.clone();
        let certificates = match &front.door.protocol {
            Protocol::Https(certificates) => Some(certificates.clone()),
            Protocol::Http | Protocol::Redirect => None,
        };
        tokio::task::spawn_local(connection::serve(
            worker,
            stream,
            address,
            times,
            certificates,
            move |client, request| front.clone().answer(client, request),
        ));
    }
}

/// Hands each request to whom its host means.
struct Front<S> {
    door: Door,
    worker: Rc<Worker>,
    portal: S,
    home: Handle,
}

impl<S, B> Front<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    async fn answer(
        self: Rc<Self>,
        client: Rc<Client>,
        request: Request<Incoming>,
    ) -> Response<ServerBody<B>> {
        let config = &self.worker.shared.config;
        let (mut parts, body) = request.into_parts();
        let is_local = door::is_local(&parts.headers);
        let mut response = match self.door.admit(config, client, &mut parts) {
            Err(refused) => refused.answer(&parts, config.portal_origin()).map(ServerBody::Proxy),
            Ok(Admitted { client, target }) => match target {
                Target::App(app) => {
                    let request = Request::from_parts(parts, body);
                    proxy::answer(&self.worker, &client, request, &app).await.map(ServerBody::Proxy)
                }
                Target::Portal if self.worker.shared.is_suspended() && is_page(&parts) => {
                    Problem::DatabaseAway.answer(&parts, config.portal_origin()).map(ServerBody::Proxy)
                }
                Target::Portal => {
                    let chunked = parts.headers.contains_key(http::header::TRANSFER_ENCODING);
                    let request = Request::from_parts(parts, body);
                    self.ask_portal(&client, request, chunked).await
                }
                Target::Nobody => {
                    Problem::Misdirected.answer(&parts, config.portal_origin()).map(ServerBody::Proxy)
                }
            },
        };
        self.door.finish(&mut response, is_local);
        response
    }

    async fn ask_portal(
        &self,
        client: &Client,
        mut request: Request<Incoming>,
        chunked: bool,
    ) -> Response<ServerBody<B>> {
        request.extensions_mut().insert::<SocketAddr>(client.address);
        let answer = AbortOnDropHandle::new(self.home.spawn(self.portal.call(request))).await;
        let mut response = match answer {
            Ok(Ok(response)) => response.map(ServerBody::Portal),
            Err(error) => {
                tracing::error!(%error, "the portal's service failed");
                let mut response = Response::new(ServerBody::Proxy(ProxyBody::empty()));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        if chunked {
            proxy::close_after(&mut response);
        }
        response
    }
}

/// Whether a person's browser goes to a page of the portal; programs are told by the portal itself.
fn is_page(request: &Parts) -> bool {
    fetch_rules::is_navigation(request) && !request.uri.path().starts_with("/api/")
}
