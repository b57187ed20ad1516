//! Requests to the portal's public API.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::address::Address;
use super::{ClientError, Problem, Result};

/// Body of a request: whole, or read from somewhere while it is sent.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// How long the portal may take until its answer begins.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// The largest answer that is read whole.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// The portal, as one caller sees it.
#[derive(Clone)]
pub(crate) struct Client {
    address: Address,
    credential: Credential,
}

/// What the caller shows.
#[derive(Clone)]
enum Credential {
    None,
    Token(String),
    Session { cookie: String, csrf_token: String },
}

impl Client {
    /// A client that shows nothing.
    pub(crate) fn anonymous(address: Address) -> Self {
        Self { address, credential: Credential::None }
    }

    /// A client that shows an API token.
    pub(crate) fn with_token(address: Address, token: String) -> Self {
        Self { address, credential: Credential::Token(token) }
    }

    /// The same client with the cookie of a session.
    pub(crate) fn with_session(&self, cookie: String, csrf_token: String) -> Self {
        Self { address: self.address.clone(), credential: Credential::Session { cookie, csrf_token } }
    }

    /// Where the portal is.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Asks for a value.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        read_json(self.ask(Method::GET, path, None).await?).await
    }

    /// Asks for every item of a list, page by page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = next.map_or_else(
                || path.to_owned(),
                |cursor| format!("{path}{separator}cursor={}", query_value(&cursor)),
            );
            let mut page: Value = self.get(&page).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) if !cursor.is_empty() => next = Some(cursor.to_owned()),
                _ => return Ok(items),
            }
        }
    }

    /// Sends a value and reads one; `Null` when the answer has no body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Value> {
        let body = body.map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| ClientError::Usage(error.to_string()))?;
        let response = self.ask(method, path, body).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        read_json(response).await
    }

    /// Sends a request with a JSON body or none; anything but success is an error.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(empty, full);
        let request = request.body(body).map_err(|error| ClientError::Usage(error.to_string()))?;
        accept(self.exchange(request, Some(ANSWER_DEADLINE)).await?).await
    }

    /// Sends any request on a connection of its own and gives whatever comes back. Without a deadline the
    /// answer may take as long as the request's body.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Body>,
        deadline: Option<Duration>,
    ) -> Result<Response<Incoming>> {
        self.add_headers(&mut request)?;
        let gone =
            |error: hyper::Error| ClientError::Unreachable(format!("the portal stopped answering: {error}"));
        let stream = self.address.connect().await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
        tokio::spawn(connection);
        let answer = sender.send_request(request);
        match deadline {
            None => answer.await.map_err(gone),
            Some(deadline) => tokio::time::timeout(deadline, answer)
                .await
                .map_err(|_| ClientError::Unreachable("the portal does not answer in time".to_owned()))?
                .map_err(gone),
        }
    }

    fn add_headers(&self, request: &mut Request<Body>) -> Result<()> {
        let visible = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| ClientError::Usage("the token has odd characters".to_owned()))
        };
        let headers = request.headers_mut();
        headers.insert(HOST, visible(&self.address.authority())?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("myksc/", env!("CARGO_PKG_VERSION"))));
        match &self.credential {
            Credential::None => {
                headers.insert(ORIGIN, visible(&self.address.origin())?);
            }
            Credential::Token(token) => {
                let mut value = visible(&format!("Bearer {token}"))?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Credential::Session { cookie, csrf_token } => {
                headers.insert(ORIGIN, visible(&self.address.origin())?);
                headers.insert("cookie", visible(cookie)?);
                headers.insert("x-csrf-token", visible(csrf_token)?);
            }
        }
        Ok(())
    }
}

/// A body of these bytes.
pub(crate) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
}

/// No body.
pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A value as part of a query.
pub(crate) fn query_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The response if it is a success, else the portal's problem.
pub(crate) async fn accept(response: Response<Incoming>) -> Result<Response<Incoming>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = read_bytes(response).await?;
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
        // A proxy's word for a portal behind it that is away.
        Err(_) if matches!(status.as_u16(), 502..=504) => {
            Err(ClientError::Unreachable(format!("the portal does not answer its proxy: {status}")))
        }
        Err(_) => Err(ClientError::Protocol(format!("{status} without a reason; is this a MyKSC portal?"))),
    }
}

/// The whole body as JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T> {
    let body = read_bytes(response).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Protocol(error.to_string()))
}

async fn read_bytes(response: Response<Incoming>) -> Result<Bytes> {
    let body = Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect();
    let body = tokio::time::timeout(ANSWER_DEADLINE, body).await;
    let body = body.map_err(|_| ClientError::Unreachable("the portal's answer does not end".to_owned()))?;
    let body =
        body.map_err(|error| ClientError::Unreachable(format!("the portal's answer broke off: {error}")))?;
    Ok(body.to_bytes())
}
