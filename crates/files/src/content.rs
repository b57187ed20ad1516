//! The bytes of files, out and in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    AsHeaderName, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;

use myksc_core::wire::{Entry, FileCode};
use myksc_core::{Identity, UserPath};

use crate::agents::Agents;
use crate::client::{build, read_json, request, send, send_bytes, target, within};
use crate::error::FilesError;
use crate::pace::Watched;

const MAX_ENTRY_BYTES: usize = 64 << 10;
const MAX_ETAG_BYTES: usize = 100;

/// Which bytes are wanted, in the words of RFC 9110 section 14.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read<'a> {
    /// The `Range` header; one that is not understood means the whole.
    pub range: Option<&'a HeaderValue>,
    /// The `If-Range` header.
    pub if_range: Option<&'a HeaderValue>,
    /// Whether only size and validator are wanted.
    pub head: bool,
}

/// Bytes `first..=last` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first.
    pub first: u64,
    /// The last, included.
    pub last: u64,
}

/// An opened file.
#[derive(Debug)]
pub struct Content {
    /// The file's size.
    pub size_bytes: u64,
    /// Its validator, quotes included.
    pub etag: HeaderValue,
    /// The part that `body` is; `None` for the whole.
    pub range: Option<ByteRange>,
    /// The bytes as they come from the agent; ends with an error where they end early.
    pub body: ContentBody,
}

/// The bytes of a [`Content`]; its length is known.
#[derive(Debug)]
pub struct ContentBody(Watched<Incoming>);

/// Conditions of a write.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteConditions<'a> {
    /// Nothing may have that name yet.
    pub must_be_new: bool,
    /// The `If-Match` header: the file must still have this validator.
    pub must_be: Option<&'a HeaderValue>,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where `bytes` begins.
    pub offset: u64,
    /// The file's size at that moment.
    pub size_bytes: u64,
    /// The bytes; fewer than asked for at the end of the file.
    pub bytes: Bytes,
}

impl Body for ContentBody {
    type Data = Bytes;
    type Error = FilesError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FilesError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pub(crate) async fn read(
    agents: &Arc<Agents>,
    identity: &Identity,
    path: &UserPath,
    read: Read<'_>,
) -> Result<Content, FilesError> {
    let method = if read.head { Method::HEAD } else { Method::GET };
    let target = target("content", &[("path", &path.to_string())]);
    let attempt = || async {
        let mut builder = request(method.clone(), &target);
        for (name, value) in [(RANGE, read.range), (IF_RANGE, read.if_range)] {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        let response = send(agents, identity, build(builder, Empty::<Bytes>::new())?).await?;
        content(response, read.head, agents.deadlines().silence)
    };
    match within(agents.deadlines().answer, attempt()).await {
        Err(FilesError::Lost(_)) => within(agents.deadlines().answer, attempt()).await,
        // An answer to HEAD has no body that says why.
        Err(FilesError::Rubbish(_)) if read.head => Err(why(agents, identity, path).await),
        answer => answer,
    }
}

pub(crate) async fn write<B>(
    agents: &Arc<Agents>,
    identity: &Identity,
    path: &UserPath,
    conditions: WriteConditions<'_>,
    body: B,
) -> Result<(Entry, HeaderValue), FilesError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = request(Method::PUT, &target("content", &[("path", &path.to_string())]));
    if conditions.must_be_new {
        builder = builder.header(IF_NONE_MATCH, "*");
    }
    if let Some(etag) = conditions.must_be {
        builder = builder.header(IF_MATCH, etag);
    }
    let response = send_bytes(agents, identity, builder, body).await?;
    let etag = etag(response.headers())?;
    Ok((within(agents.deadlines().answer, read_json(response, MAX_ENTRY_BYTES)).await?, etag))
}

/// Reads up to `limit` bytes from `offset`; a negative offset counts from the end, one behind it is moved there.
pub(crate) async fn chunk(
    agents: &Arc<Agents>,
    identity: &Identity,
    path: &UserPath,
    offset: i64,
    limit: u64,
) -> Result<Chunk, FilesError> {
    let wanted = if offset < 0 {
        format!("bytes={offset}")
    } else {
        format!("bytes={offset}-{}", offset.unsigned_abs().saturating_add(limit.max(1)) - 1)
    };
    let range = HeaderValue::from_str(&wanted).map_err(|_| FilesError::Rubbish("no range"))?;
    let content = match read(agents, identity, path, Read { range: Some(&range), ..Read::default() }).await {
        Ok(content) => content,
        Err(FilesError::Refused(problem)) if problem.code == FileCode::RangeUnsatisfiable => {
            let size_bytes = problem.params.get("size_bytes").and_then(serde_json::Value::as_u64);
            let size_bytes = size_bytes.ok_or(FilesError::Rubbish("no size"))?;
            return Ok(Chunk { offset: size_bytes, size_bytes, bytes: Bytes::new() });
        }
        Err(error) => return Err(error),
    };
    let offset = content.range.map_or(0, |range| range.first);
    let bytes = within(agents.deadlines().answer, first_bytes(content.body, limit)).await?;
    Ok(Chunk { offset, size_bytes: content.size_bytes, bytes })
}

async fn first_bytes(mut body: ContentBody, limit: u64) -> Result<Bytes, FilesError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut bytes = BytesMut::new();
    while bytes.len() < limit {
        let Some(frame) = body.frame().await else { break };
        if let Ok(more) = frame?.into_data() {
            bytes.extend_from_slice(&more[..more.len().min(limit - bytes.len())]);
        }
    }
    Ok(bytes.freeze())
}

async fn why(agents: &Arc<Agents>, identity: &Identity, path: &UserPath) -> FilesError {
    let target = target("content", &[("path", &path.to_string())]);
    let asked =
        async { send(agents, identity, build(request(Method::GET, &target), Empty::<Bytes>::new())?).await };
    match within(agents.deadlines().answer, asked).await {
        Ok(_) => FilesError::Lost("the file has just changed".into()),
        Err(error) => error,
    }
}

fn content(response: Response<Incoming>, head: bool, silence: Duration) -> Result<Content, FilesError> {
    let headers = response.headers();
    let etag = etag(headers)?;
    let length: u64 = number(headers, CONTENT_LENGTH).ok_or(FilesError::Rubbish("no length"))?;
    let (size_bytes, range) = match response.status() {
        StatusCode::OK => (length, None),
        StatusCode::PARTIAL_CONTENT => {
            let text = text(headers, CONTENT_RANGE).ok_or(FilesError::Rubbish("a part of nothing"))?;
            let (range, size_bytes) = parse_content_range(text).ok_or(FilesError::Rubbish("no such part"))?;
            if range.last - range.first + 1 != length {
                return Err(FilesError::Rubbish("a part of another length"));
            }
            (size_bytes, Some(range))
        }
        _ => return Err(FilesError::Rubbish("a status that is not for content")),
    };
    let body = ContentBody(Watched::new(response.into_body(), if head { 0 } else { length }, silence));
    Ok(Content { size_bytes, etag, range, body })
}

fn parse_content_range(text: &str) -> Option<(ByteRange, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (range, size) =
        (ByteRange { first: first.parse().ok()?, last: last.parse().ok()? }, size.parse().ok()?);
    (range.first <= range.last && range.last < size).then_some((range, size))
}

fn etag(headers: &HeaderMap) -> Result<HeaderValue, FilesError> {
    let rubbish = FilesError::Rubbish("no validator");
    let Some(text) = text(headers, ETAG).filter(|text| text.len() <= MAX_ETAG_BYTES) else {
        return Err(rubbish);
    };
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'.');
    match inner {
        Some(inner) if inner.bytes().all(plain) => HeaderValue::from_str(text).map_err(|_| rubbish),
        _ => Err(rubbish),
    }
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: impl AsHeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}
