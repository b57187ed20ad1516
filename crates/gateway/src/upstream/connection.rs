//! One connection to an app: its stream, and what was read from it ahead.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio_util::io::poll_read_buf;

use crate::upstream::head::{self, Head};
use crate::upstream::outgoing::{Broken, Outgoing};
use crate::upstream::{AppStream, UpstreamError};

const LEAST_READ_BYTES: usize = 8 * 1024;
/// Also what is read of a body ahead of the browser.
const MOST_READ_BYTES: usize = 256 * 1024;

/// A connection that carries one exchange at a time.
pub(crate) struct Connection {
    stream: AppStream,
    pub(super) buffer: BytesMut,
    /// Follows how much comes at once.
    read_bytes: usize,
    /// What is left to send of the present request; a response may come before its end.
    outgoing: Option<Outgoing>,
    /// The app did not take the whole request.
    cut_short: bool,
}

impl Connection {
    pub(super) fn new(stream: AppStream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            read_bytes: LEAST_READ_BYTES,
            outgoing: None,
            cut_short: false,
        }
    }

    /// Sends a request and reads up to the end of its response's head; interim responses are dropped.
    pub(super) async fn ask(&mut self, request: Outgoing) -> Result<Head, UpstreamError> {
        let answers_head = request.is_head;
        self.outgoing = Some(request);
        let mut seen_bytes = 0;
        poll_fn(|cx| {
            self.poll_write(cx)?;
            loop {
                match head::take(&mut self.buffer, &mut seen_bytes, answers_head)? {
                    Some(head) if head.is_interim() => {}
                    Some(head) => return Poll::Ready(Ok(head)),
                    None if !ready!(self.poll_read(cx))? => return Poll::Ready(Err(UpstreamError::Closed)),
                    None => {}
                }
            }
        })
        .await
    }

    /// The request if no byte of it has gone out.
    pub(super) fn take_untouched(self) -> Option<Outgoing> {
        self.outgoing.filter(Outgoing::is_untouched)
    }

    /// Sends of the request what can be sent now.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), UpstreamError> {
        let Some(outgoing) = &mut self.outgoing else { return Ok(()) };
        match outgoing.poll_write(cx, &mut self.stream) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(Broken::Browser(error))) => return Err(UpstreamError::Browser(error)),
            Poll::Ready(Err(Broken::App(error))) if outgoing.is_untouched() => return Err(error.into()),
            // An app that takes no more may have said why.
            Poll::Ready(Err(Broken::App(_))) => self.cut_short = true,
        }
        self.outgoing = None;
        Ok(())
    }

    /// Reads more; false at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.buffer.reserve(self.read_bytes);
        let room = self.buffer.capacity() - self.buffer.len();
        let count = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.buffer))?;
        if count == room {
            self.read_bytes = (self.read_bytes * 2).min(MOST_READ_BYTES);
        } else if count < self.read_bytes / 4 {
            self.read_bytes = (self.read_bytes / 2).max(LEAST_READ_BYTES);
        }
        Poll::Ready(Ok(count > 0))
    }

    /// Whether the request has gone out whole and nothing came beyond its response.
    pub(super) fn is_done(&self) -> bool {
        self.outgoing.is_none() && !self.cut_short && self.buffer.is_empty()
    }

    /// Whether the app has neither closed it nor said anything unasked, as far as the kernel told us.
    pub(super) fn is_quiet(&self) -> bool {
        self.stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The raw stream, and what was read of it ahead.
    pub(super) fn into_parts(self) -> (AppStream, Bytes) {
        (self.stream, self.buffer.freeze())
    }
}
