//! Somebody who uses the portal under test.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// How long any answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Nobody, a page in a browser, or a program with an API token.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    host: String,
    headers: Vec<(HeaderName, String)>,
    csrf_token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    asked: String,
}

impl Client {
    pub(crate) fn nobody(address: SocketAddr) -> Self {
        let host = format!("localhost:{}", address.port());
        let headers = vec![(ORIGIN, format!("http://{host}"))];
        Self { address, host, headers, csrf_token: None }
    }

    /// The same with another header on every request, instead of one of that name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.retain(|(found, _)| *found != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without_header(mut self, name: &HeaderName) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    /// The same without the token that a page of the portal sends along.
    #[must_use]
    pub fn without_csrf_token(mut self) -> Self {
        self.csrf_token = None;
        self
    }

    /// The same for another host of the portal, such as that of an app.
    #[must_use]
    pub fn at_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        self.without_header(&ORIGIN).with_header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub(crate) async fn sign_in(self, name: &str, password: &str) -> Self {
        let answer = self.post("/api/v1/session", &json!({ "name": name, "password": password })).await;
        let answer = answer.expect(200);
        let cookie = answer.headers[SET_COOKIE].to_str().expect("a cookie of visible characters");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let csrf_token = answer.json()["csrf_token"].as_str().map(str::to_owned);
        Self { csrf_token, ..self.with_header(COOKIE, &cookie) }
    }

    /// Asks by GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Bytes::new()).await
    }

    /// Sends JSON by POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// Asks by DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let json = [(CONTENT_TYPE, "application/json")];
        self.ask(method, path, &json, Bytes::from(body.to_string())).await
    }

    /// Sends any request and reads the whole answer.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Answer {
        let asked = format!("{method} {path}");
        let response = self.open(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect()).await;
        let body = body.unwrap_or_else(|_| panic!("{asked}: the body does not end"));
        let body = body.unwrap_or_else(|error| panic!("{asked}: {error}")).to_bytes();
        Answer { status: parts.status, headers: parts.headers, body, asked }
    }

    /// Sends any request and leaves the answer's body to be read.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Response<Incoming> {
        let asked = format!("{method} {path}");
        let request = self.request(method, path, headers, body);
        let exchange = async {
            let stream = TcpStream::connect(self.address).await.expect("the portal listens");
            let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = connection.expect("a connection");
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        let answer = tokio::time::timeout(DEADLINE, exchange).await;
        let answer = answer.unwrap_or_else(|_| panic!("{asked}: no answer"));
        answer.unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let is_safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = self.csrf_token.as_ref().filter(|_| !is_safe) {
            request = request.header("x-csrf-token", token);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(Full::new(body)).expect("a request that can be made")
    }
}

impl Answer {
    /// The same, if this is its status.
    ///
    /// # Panics
    /// If not, with what came instead.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{}: {body}", self.asked);
        self
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.asked))
    }

    /// The stable word of a problem; empty when it is none.
    #[must_use]
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}
