//! One request to an agent and its answer, bounded in time and size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use myksc_core::Identity;
use myksc_core::wire::FileProblem;

use crate::agents::Agents;
use crate::error::FilesError;
use crate::pace::{Pace, Paced};

const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 32;
const MAX_PROBLEM_BYTES: usize = 64 << 10;
const MAX_DETAIL_CHARS: usize = 500;
const MAX_PARAMS: usize = 8;
/// The longest path, each byte written as `%XX`.
const MAX_PARAM_BYTES: usize = 10 << 10;
/// Everything but what RFC 3986 never reserves.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Address of a resource of the agent with a query.
pub(crate) fn target(resource: &str, query: &[(&str, &str)]) -> String {
    let mut target = format!("/v1/{resource}");
    for (index, (name, value)) in query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        target.extend(utf8_percent_encode(value, QUERY));
    }
    target
}

pub(crate) fn request(method: Method, target: &str) -> Builder {
    Request::builder().method(method).uri(target).header(HOST, "agent")
}

/// Asks for a thing without changing any. Should the agent die meanwhile, its successor is asked once.
pub(crate) async fn get<T: DeserializeOwned>(
    agents: &Arc<Agents>,
    identity: &Identity,
    target: &str,
    max_bytes: usize,
) -> Result<T, FilesError> {
    let attempt = || async {
        let request = build(request(Method::GET, target), Empty::<Bytes>::new())?;
        read_json(send(agents, identity, request).await?, max_bytes).await
    };
    match within(agents.deadlines().answer, attempt()).await {
        Err(FilesError::Lost(_)) => within(agents.deadlines().answer, attempt()).await,
        answer => answer,
    }
}

/// Sends an order as JSON.
pub(crate) async fn post<T: DeserializeOwned>(
    agents: &Arc<Agents>,
    identity: &Identity,
    resource: &str,
    order: &impl Serialize,
    deadline: Duration,
) -> Result<T, FilesError> {
    let body = serde_json::to_vec(order).map_err(|_| FilesError::Rubbish("an order can't be written"))?;
    let builder = request(Method::POST, &target(resource, &[])).header(CONTENT_TYPE, "application/json");
    let request = build(builder, Full::new(Bytes::from(body)))?;
    within(deadline, async {
        read_json(send(agents, identity, request).await?, MAX_PROBLEM_BYTES * 16).await
    })
    .await
}

/// Sends bytes for as long as they move, and reads the answer.
pub(crate) async fn send_bytes<B>(
    agents: &Arc<Agents>,
    identity: &Identity,
    builder: Builder,
    body: B,
) -> Result<Response<Incoming>, FilesError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let pace = Pace::start(agents.deadlines().silence);
    let request = build(builder, Paced::new(body, pace.clone()))?;
    let sent = pace.keep(send(agents, identity, request)).await?;
    match (sent, pace.broken()) {
        (Err(FilesError::Lost(_)), Some(why)) => Err(FilesError::SenderGone(why)),
        (sent, _) => sent,
    }
}

/// Sends one request; the answer's status is looked at, its body is not read yet unless it is a refusal.
pub(crate) async fn send<B>(
    agents: &Arc<Agents>,
    identity: &Identity,
    request: Request<B>,
) -> Result<Response<Incoming>, FilesError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let lost = |error: hyper::Error| FilesError::Lost(error.to_string());
    let stream = agents.connect(identity).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(lost)?;
    // Ends with the answer's body, or when the request is given up.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an agent ended early");
        }
    });
    let response = sender.send_request(request).await.map_err(lost)?;
    if response.status().is_success() {
        return Ok(response);
    }
    let problem: FileProblem =
        match within(agents.deadlines().answer, read_json(response, MAX_PROBLEM_BYTES)).await {
            Err(FilesError::Rubbish(_)) => return Err(FilesError::Rubbish("a refusal without a reason")),
            problem => problem?,
        };
    Err(FilesError::Refused(bounded(problem)))
}

pub(crate) fn build<B>(builder: Builder, body: B) -> Result<Request<B>, FilesError> {
    builder.body(body).map_err(|_| FilesError::Rubbish("a request can't be written"))
}

pub(crate) async fn read_json<T: DeserializeOwned>(
    response: Response<Incoming>,
    max_bytes: usize,
) -> Result<T, FilesError> {
    let body = Limited::new(response.into_body(), max_bytes).collect().await;
    let body = body.map_err(|error| {
        let too_long = error.is::<http_body_util::LengthLimitError>();
        if too_long { FilesError::Rubbish("too long") } else { FilesError::Lost(error.to_string()) }
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| FilesError::Rubbish("JSON of another form"))
}

pub(crate) async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, FilesError>>,
) -> Result<T, FilesError> {
    tokio::time::timeout(deadline, work).await.unwrap_or(Err(FilesError::TooSlow))
}

/// Keeps what a refusal of our own agent may hold: few short texts and numbers.
fn bounded(problem: FileProblem) -> FileProblem {
    let FileProblem { code, params, detail, .. } = problem;
    let plain = |value: &Value| match value {
        Value::String(text) => text.len() <= MAX_PARAM_BYTES,
        Value::Number(_) | Value::Bool(_) => true,
        _ => false,
    };
    let params = params.into_iter().filter(|(name, value)| name.len() <= 40 && plain(value)).take(MAX_PARAMS);
    let detail = detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL_CHARS).collect();
    FileProblem { code, params: params.collect(), detail, status: code.status() }
}
