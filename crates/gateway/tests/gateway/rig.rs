//! A gateway on a free port with a portal whose records the test holds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use myksc_core::grant::{Endpoint, Frames, Grant, Route, RouteState};
use myksc_core::guard::GuardKey;
use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{AppId, Error, GrantId, Result, SessionId, Timestamp, UserId};
use myksc_gateway::{Config, Gateway, Listeners, Portal, Protocol, ServeError, ServerConfig, server};
use tokio::net::TcpStream;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Nothing here takes longer unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A ticket that the portal would redeem.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) app: AppId,
    pub(crate) nonce: Option<SecretHash>,
    pub(crate) grant: Grant,
    pub(crate) expires_at: Timestamp,
}

#[derive(Default)]
pub(crate) struct Records {
    pub(crate) tickets: HashMap<String, Ticket>,
    pub(crate) grants: HashMap<SecretHash, Grant>,
    pub(crate) lookups: usize,
    pub(crate) touched: Vec<SessionId>,
    pub(crate) down: bool,
}

/// The portal's half, with its records in the test's hands.
#[derive(Clone, Default)]
pub(crate) struct TestPortal {
    records: Arc<Mutex<Records>>,
    /// Lookups wait while somebody holds it.
    gate: Arc<RwLock<()>>,
}

impl TestPortal {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Records) -> T) -> T {
        look(&mut self.records.lock().unwrap())
    }

    /// Answers to lookups wait until the guard is dropped; they are what was true when asked.
    pub(crate) fn hold_answers(&self) -> OwnedRwLockWriteGuard<()> {
        self.gate.clone().try_write_owned().unwrap()
    }
}

fn down() -> Error {
    Error::Unavailable { code: "database_down", detail: "the database does not answer".to_owned() }
}

impl Portal for TestPortal {
    async fn redeem(
        &self,
        ticket: &str,
        app: &AppId,
        nonce: Option<SecretHash>,
    ) -> Result<Option<(Secret, Grant)>> {
        self.with(|records| {
            if records.down {
                return Err(down());
            }
            let fits = |known: &&Ticket| {
                known.app == *app && known.nonce == nonce && known.expires_at > Timestamp::now()
            };
            if records.tickets.get(ticket).filter(fits).is_none() {
                return Ok(None);
            }
            let ticket = records.tickets.remove(ticket).unwrap();
            let cookie = Secret::random();
            records.grants.insert(cookie.hash(), ticket.grant.clone());
            Ok(Some((cookie, ticket.grant)))
        })
    }

    async fn find_grant(&self, hash: SecretHash) -> Result<Option<Grant>> {
        let answer = self.with(|records| {
            records.lookups += 1;
            if records.down { Err(down()) } else { Ok(records.grants.get(&hash).cloned()) }
        });
        let _open = self.gate.read().await;
        answer
    }

    async fn touched(&self, session: &SessionId) {
        self.with(|records| records.touched.push(session.clone()));
    }
}

/// One gateway with its server.
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) portal: TestPortal,
    pub(crate) address: SocketAddr,
    shutdown: DropGuard,
    server: JoinHandle<Result<(), ServeError>>,
}

/// A browser that is in: its app, and the cookie that opens it.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) app: AppId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) cookie: String,
}

impl Visitor {
    pub(crate) fn host(&self) -> String {
        format!("{}.localhost", self.app)
    }

    pub(crate) fn cookie_header(&self) -> String {
        format!("__Host-myksc-app={}", self.cookie)
    }
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_with(ServerConfig::default()).await
    }

    pub(crate) async fn start_with(config: ServerConfig) -> Self {
        let origins = Config::new("http://localhost:8080", ["127.0.0.1".to_owned()], "localhost").unwrap();
        Self::start_at(config, origins, &Protocol::Http).await
    }

    /// At an origin of its own; the portal's service tells the target, whether it knows the client, and who it is.
    pub(crate) async fn start_at(config: ServerConfig, origins: Config, protocol: &Protocol) -> Self {
        let portal = TestPortal::default();
        let gateway = Gateway::new(origins, portal.clone());
        let mut listeners = Listeners::for_workers(NonZeroUsize::new(2).unwrap());
        listeners.add("127.0.0.1:0".parse().unwrap(), protocol).unwrap();
        let address = listeners.addresses()[0];
        let shutdown = CancellationToken::new();
        let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
            let client = request.extensions().get::<SocketAddr>();
            let mut text = format!("portal {} {}", request.uri(), client.is_some());
            if request.uri().path() == "/who" {
                let forwarded = request.headers().keys().filter(|name| name.as_str().contains("forwarded"));
                text = format!("{} {}", client.unwrap().ip(), forwarded.count());
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
        });
        let config = ServerConfig { shutdown_grace: Duration::from_secs(1), ..config };
        let server = tokio::spawn(server::run(config, listeners, gateway.clone(), service, shutdown.clone()));
        Self { gateway, portal, address, shutdown: shutdown.drop_guard(), server }
    }

    /// Tells the server to stop and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.shutdown);
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
    }

    /// Sets the app's route to ready at this endpoint.
    pub(crate) fn ready(&self, visitor: &Visitor, endpoint: Endpoint) {
        self.ready_behind(visitor, endpoint, None);
    }

    /// The same, behind a guard with this key.
    pub(crate) fn ready_behind(&self, visitor: &Visitor, endpoint: Endpoint, guard: Option<GuardKey>) {
        let authorization = Some("token of-the-app".to_owned());
        self.set_state(visitor, RouteState::Ready { endpoint, authorization, guard });
    }

    pub(crate) fn set_state(&self, visitor: &Visitor, state: RouteState) {
        let (owner, name) = (visitor.user.clone(), "my <b>notebook</b>".to_owned());
        let polls = vec!["/echo?poll=".to_owned(), "/ws?poll".to_owned()];
        let route = Route { owner, name, polls, frames: Frames::Any, state };
        self.gateway.set_route(visitor.app.clone(), route);
    }

    /// Somebody with a grant on record, for an app without route.
    pub(crate) fn visitor(&self) -> Visitor {
        self.visitor_until(Timestamp::now().plus_secs(3600))
    }

    pub(crate) fn visitor_until(&self, expires_at: Timestamp) -> Visitor {
        let cookie = Secret::random();
        let visitor = Visitor {
            app: AppId::random(),
            user: UserId::random(),
            session: SessionId::random(),
            cookie: cookie.expose().to_owned(),
        };
        let grant = grant(&visitor, expires_at);
        self.portal.with(|records| records.grants.insert(cookie.hash(), grant));
        visitor
    }

    /// A visitor whose app is ready at this endpoint.
    pub(crate) fn visitor_at(&self, endpoint: Endpoint) -> Visitor {
        let visitor = self.visitor();
        self.ready(&visitor, endpoint);
        visitor
    }

    pub(crate) fn ticket(&self, visitor: &Visitor, nonce: Option<SecretHash>) -> String {
        let text = Secret::random().expose().to_owned();
        let ticket = Ticket {
            app: visitor.app.clone(),
            nonce,
            grant: grant(visitor, Timestamp::now().plus_secs(3600)),
            expires_at: Timestamp::now().plus_secs(30),
        };
        self.portal.with(|records| records.tickets.insert(text.clone(), ticket));
        text
    }

    /// A request by the visitor's browser from the app's own page.
    pub(crate) fn request(&self, visitor: &Visitor, method: &str, target: &str) -> Call {
        self.bare(&visitor.host(), method, target)
            .header("cookie", &visitor.cookie_header())
            .header("sec-fetch-site", "same-origin")
    }

    /// A request without any of a browser's headers.
    pub(crate) fn bare(&self, host: &str, method: &str, target: &str) -> Call {
        let request =
            Request::builder().method(method).uri(target).header("host", host).body(Full::default()).unwrap();
        Call { address: self.address, request }
    }
}

pub(crate) fn grant(visitor: &Visitor, expires_at: Timestamp) -> Grant {
    Grant {
        id: GrantId::random(),
        app: visitor.app.clone(),
        user: visitor.user.clone(),
        session: visitor.session.clone(),
        expires_at,
    }
}

/// A request to be.
pub(crate) struct Call {
    address: SocketAddr,
    request: Request<Full<Bytes>>,
}

impl From<Call> for Request<Full<Bytes>> {
    fn from(call: Call) -> Self {
        call.request
    }
}

/// A response with all of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        self
    }

    /// A `Cookie` header of any bytes.
    pub(crate) fn raw_cookie(mut self, cookies: String) -> Self {
        let value = HeaderValue::from_maybe_shared(Bytes::from(cookies)).unwrap();
        self.request.headers_mut().append(http::header::COOKIE, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// As a person goes to an address.
    pub(crate) fn navigation(self, site: &str) -> Self {
        self.without("sec-fetch-site")
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("accept", "text/html")
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// The response's head as soon as it arrives.
    pub(crate) async fn begin(self) -> Response<Incoming> {
        self.try_send().await.unwrap()
    }

    /// The same, or how the connection failed.
    pub(crate) async fn try_send(self) -> hyper::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        tokio::time::timeout(PATIENCE, sender.send_request(self.request)).await.unwrap()
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.begin().await;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The value that a `Set-Cookie` of this name sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|value| value.to_str().ok()?.strip_prefix(name)?.strip_prefix('='))
            .map(|rest| rest.split(';').next().unwrap().to_owned())
            .next()
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
