//! The head of an app's response, and what it says of the body (RFC 9112 sections 4 to 6).

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use httparse::Status;
use hyper::ext::ReasonPhrase;

use crate::upstream::UpstreamError;

const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A response's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    /// Whether the connection may carry another request afterwards.
    pub(super) keeps: bool,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Bytes(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Whether another head follows it (RFC 9110 section 15.2); after a switch of protocols none does.
    pub(super) fn is_interim(&self) -> bool {
        let status = self.response.status();
        status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Takes a whole head off the front of `buffer`; `None` if it is not all there.
///
/// `seen_bytes` is how much of it earlier calls have seen, 0 at first: a head that comes byte by byte is parsed when
/// its empty line has come, not at each byte.
pub(super) fn take(
    buffer: &mut BytesMut,
    seen_bytes: &mut usize,
    answers_head: bool,
) -> Result<Option<Head>, UpstreamError> {
    let before = std::mem::replace(seen_bytes, buffer.len());
    match buffer.first() {
        None => return Ok(None),
        // The parser skips empty lines in front of a head, of which there may be many.
        Some(b'\r' | b'\n') => return Err(UpstreamError::Malformed("it begins with an empty line")),
        Some(_) => {}
    }
    if before > 0 && buffer.len() < MAX_HEAD_BYTES && !has_empty_line(&buffer[before.saturating_sub(3)..]) {
        return Ok(None);
    }
    let mut slots = [const { std::mem::MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let end = match config.parse_response_with_uninit_headers(&mut parsed, buffer, &mut slots)? {
        Status::Complete(end) => end,
        Status::Partial if buffer.len() < MAX_HEAD_BYTES => return Ok(None),
        Status::Partial => return Err(UpstreamError::Malformed("its head is too long")),
    };
    let mut response = Response::new(());
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    *response.status_mut() = status.ok_or(UpstreamError::Malformed("its status is none"))?;
    // The values share one copy, so that the buffer stays free for what comes next.
    let bytes = Bytes::copy_from_slice(&buffer[..end]);
    let headers = response.headers_mut();
    headers.reserve(parsed.headers.len());
    for line in parsed.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes())
            .map_err(|_| UpstreamError::Malformed("a header has no valid name"))?;
        let start = line.value.as_ptr().addr() - buffer.as_ptr().addr();
        let value = HeaderValue::from_maybe_shared(bytes.slice(start..start + line.value.len()))
            .map_err(|_| UpstreamError::Malformed("a header has no valid value"))?;
        headers.append(name, value);
    }
    keep_reason(&mut response, parsed.reason.unwrap_or_default());
    let is_old = parsed.version == Some(0);
    buffer.advance(end);
    *seen_bytes = 0;
    let both = response.headers().contains_key(header::TRANSFER_ENCODING)
        && response.headers().contains_key(header::CONTENT_LENGTH);
    let status = response.status();
    let length = body_length(status, response.headers_mut(), is_old, answers_head)?;
    let keeps = !both && length != Length::UntilClose && keeps_open(response.headers(), is_old);
    Ok(Some(Head { response, length, keeps }))
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|end| end == b"\n\n") || bytes.windows(3).any(|end| end == b"\n\r\n")
}

/// RFC 9112 section 6.3; leaves at most one `Content-Length`, and none that does not hold.
fn body_length(
    status: StatusCode,
    headers: &mut HeaderMap,
    is_old: bool,
    answers_head: bool,
) -> Result<Length, UpstreamError> {
    let named = content_length(headers)?;
    let codings: Vec<&HeaderValue> = headers.get_all(header::TRANSFER_ENCODING).iter().collect();
    let coded = match codings[..] {
        [] => false,
        [coding] if !is_old && coding.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
        // We ask for no other coding.
        _ => return Err(UpstreamError::Malformed("its transfer coding is not chunked")),
    };
    if coded {
        headers.remove(header::CONTENT_LENGTH);
    } else if let Some((value, _)) = &named {
        headers.insert(header::CONTENT_LENGTH, value.clone());
    }
    let has_none = answers_head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    Ok(match named {
        _ if has_none => Length::Bytes(0),
        _ if coded => Length::Chunked,
        Some((_, bytes)) => Length::Bytes(bytes),
        None => Length::UntilClose,
    })
}

/// The one length that all `Content-Length` headers name.
fn content_length(headers: &HeaderMap) -> Result<Option<(HeaderValue, u64)>, UpstreamError> {
    let mut found: Option<(HeaderValue, u64)> = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let bytes = digits
            .and_then(|digits| digits.parse().ok())
            .ok_or(UpstreamError::Malformed("its length is no number"))?;
        match &found {
            Some((_, before)) if *before != bytes => {
                return Err(UpstreamError::Malformed("it has two lengths"));
            }
            Some(_) => {}
            None => found = Some((value.clone(), bytes)),
        }
    }
    Ok(found)
}

/// RFC 9112 section 9.3.
fn keeps_open(headers: &HeaderMap, is_old: bool) -> bool {
    let says = |word: &str| {
        let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    !says("close") && (!is_old || says("keep-alive"))
}

fn keep_reason(response: &mut Response<()>, reason: &str) {
    let usual = response.status().canonical_reason();
    if !reason.is_empty()
        && usual != Some(reason)
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
}

#[cfg(test)]
mod tests;
