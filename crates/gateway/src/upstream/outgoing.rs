//! A request on its way to an app: its head, then its body as the browser sends it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http::request::Parts;
use http::{Method, Request};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::io::AsyncWrite as _;
use tokio_util::io::poll_write_buf;

use crate::upstream::AppStream;

const TYPICAL_HEAD_BYTES: usize = 1024;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const LINE_END: &[u8] = b"\r\n";

/// What of a request has not been written yet.
pub(super) struct Outgoing {
    pending: Pending,
    body: Option<Incoming>,
    chunked: bool,
    untouched: bool,
    /// HEAD has no body in its response whatever its head says.
    pub(super) is_head: bool,
}

/// Why a request cannot be written to its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The app takes no more.
    App(io::Error),
    /// The browser sends no more.
    Browser(hyper::Error),
}

/// Bytes to write: a head or a chunk's size, a part of the body, the end of a chunk.
#[derive(Default)]
struct Pending {
    front: BytesMut,
    data: Bytes,
    end: &'static [u8],
}

impl Outgoing {
    /// Headers must be those for the app; how the body is framed is decided here (RFC 9112 section 6).
    pub(super) fn new(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let length = body.size_hint().exact();
        let mut front = BytesMut::with_capacity(TYPICAL_HEAD_BYTES);
        write_head(&mut front, &parts);
        match length {
            None => front.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Some(0) if !parts.headers.contains_key(header::CONTENT_LENGTH) => {}
            Some(bytes) => {
                front.extend_from_slice(format!("content-length: {bytes}\r\n").as_bytes());
            }
        }
        front.extend_from_slice(LINE_END);
        Self {
            pending: Pending { front, ..Pending::default() },
            body: Some(body).filter(|body| !body.is_end_stream()),
            chunked: length.is_none(),
            untouched: true,
            is_head: parts.method == Method::HEAD,
        }
    }

    /// Whether no byte of it has gone out, so that it may be sent over another connection.
    pub(super) fn is_untouched(&self) -> bool {
        self.untouched
    }

    /// Writes until all is written or one of the two sides must be waited for.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut AppStream,
    ) -> Poll<Result<(), Broken>> {
        loop {
            // The first part of the body goes out with the head.
            let waiting =
                self.pending.takes_more() && self.poll_fill(cx).map_err(Broken::Browser)?.is_pending();
            if self.pending.has_remaining() {
                let written = ready!(self.pending.poll_write(cx, stream));
                if written.map_err(Broken::App)? == 0 {
                    return Poll::Ready(Err(Broken::App(io::ErrorKind::WriteZero.into())));
                }
                self.untouched = false;
            } else if waiting {
                return Poll::Pending;
            } else if self.body.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes the next part of the body.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        match ready!(Pin::new(body).poll_frame(cx)).transpose()? {
            // Trailers are dropped: the `Trailer` header that announces them is one between neighbours.
            Some(frame) => {
                let Ok(data) = frame.into_data() else { return Poll::Ready(Ok(())) };
                if self.chunked && !data.is_empty() {
                    self.pending.front.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                    self.pending.end = LINE_END;
                }
                self.pending.data = data;
            }
            None => {
                self.body = None;
                if self.chunked {
                    self.pending.end = LAST_CHUNK;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Pending {
    fn takes_more(&self) -> bool {
        self.data.is_empty() && self.end.is_empty()
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut AppStream) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        if !self.takes_more() {
            return poll_write_buf(stream, cx, self);
        }
        // The head of a request without a body: the kernel does less for one buffer than for a list.
        let written = ready!(stream.poll_write(cx, &self.front))?;
        self.front.advance(written);
        Poll::Ready(Ok(written))
    }
}

impl Buf for Pending {
    fn remaining(&self) -> usize {
        self.front.len() + self.data.len() + self.end.len()
    }

    fn chunk(&self) -> &[u8] {
        match (self.front.is_empty(), self.data.is_empty()) {
            (false, _) => &self.front,
            (true, false) => &self.data,
            (true, true) => self.end,
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = [&self.front[..], &self.data[..], self.end];
        let filled = parts.into_iter().filter(|part| !part.is_empty());
        slices.iter_mut().zip(filled).map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }

    fn advance(&mut self, count: usize) {
        let of_front = count.min(self.front.len());
        self.front.advance(of_front);
        let of_data = (count - of_front).min(self.data.len());
        self.data.advance(of_data);
        self.end.advance(count - of_front - of_data);
    }
}

fn write_head(head: &mut BytesMut, parts: &Parts) {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    for part in [parts.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    write_headers(head, &parts.headers);
}

fn write_headers(head: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        if *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING {
            continue;
        }
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), LINE_END] {
            head.extend_from_slice(part);
        }
    }
}
