//! Small pieces of HTTP: queries, bodies in and out.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::AsHeaderName;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use myksc_core::UserPath;
use myksc_core::wire::FileCode;

use super::fault::{Fault, Result};

/// Room for 1,000 paths of full length is not needed: longer orders come in several requests.
const MAX_JSON_BYTES: usize = 1 << 20;
/// A sender that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// A sender whose bytes are refused gets so long to read why before the connection is cut.
const LINGER: Duration = Duration::from_secs(2);

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answer = Response<Body>;

pub(crate) fn empty_body() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(value).expect("our types are writable as JSON");
    let length = bytes.len();
    let mut answer =
        Response::new(Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}

pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(empty_body());
    *answer.status_mut() = status;
    answer
}

pub(crate) fn refusal(fault: Fault) -> Answer {
    let status = StatusCode::from_u16(fault.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, &fault.into_problem())
}

pub(crate) fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(FileCode::RequestInvalid, detail)
}

/// The query of an address, decoded; the first value of each name counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
            Ok((decode(name)?, decode(value)?))
        });
        let pairs = pairs.collect::<std::result::Result<_, std::str::Utf8Error>>();
        Ok(Self(pairs.map_err(|_| invalid("the query is not UTF-8"))?))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> Result<UserPath> {
        Ok(self.get("path").ok_or_else(|| invalid("the query has no path"))?.parse()?)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>> {
        let number = self.get(name).map(str::parse).transpose();
        number.map_err(|_| invalid(format!("{name} is not a number")))
    }
}

/// A header as text; one that is not visible ASCII counts as absent.
pub(crate) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The next bytes of a request; `None` at its end.
pub(crate) async fn next_bytes(body: &mut Incoming) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame())
            .await
            .map_err(|_| Fault::new(FileCode::TimedOut, "no byte came for 30 s"))?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(invalid("the connection was cut")),
            // Trailers mean nothing here.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(_) => {}
            },
        }
    }
}

/// Takes what a refused sender still sends, so that its pipe breaks after the answer and not before.
pub(crate) async fn drain(body: &mut Incoming) {
    let rest = async { while let Ok(Some(_)) = next_bytes(body).await {} };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

pub(crate) async fn read_json<T: DeserializeOwned>(mut body: Incoming) -> Result<T> {
    let mut bytes = BytesMut::new();
    while let Some(more) = next_bytes(&mut body).await? {
        if bytes.len() + more.len() > MAX_JSON_BYTES {
            return Err(Fault::new(FileCode::TooLarge, "the request is larger than 1 MiB"));
        }
        bytes.extend_from_slice(&more);
    }
    serde_json::from_slice(&bytes).map_err(|error| invalid(format!("the request is not understood: {error}")))
}
