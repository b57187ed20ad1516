//! The body of an app's response, part by part as it arrives.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::routes::Way;
use crate::upstream::chunked::{Chunks, Piece};
use crate::upstream::connection::Connection;
use crate::upstream::head::Length;
use crate::upstream::{AppStream, Pool, UpstreamError};

/// Gives its connection back to the pool when it has been read; closes it when dropped before.
pub(crate) struct ResponseBody {
    /// None once the body has ended.
    connection: Option<Box<Connection>>,
    left: Left,
    /// Told only after what came before it could be written.
    failure: Option<UpstreamError>,
    /// Where the connection goes if it may carry another request.
    home: Option<(Rc<Pool>, Arc<Way>)>,
}

enum Left {
    Bytes(u64),
    Chunks(Chunks),
    UntilClose,
}

impl ResponseBody {
    pub(super) fn new(
        connection: Box<Connection>,
        length: Length,
        home: Option<(Rc<Pool>, Arc<Way>)>,
    ) -> Self {
        let left = match length {
            Length::Bytes(bytes) => Left::Bytes(bytes),
            Length::Chunked => Left::Chunks(Chunks::Size),
            Length::UntilClose => Left::UntilClose,
        };
        Self { connection: Some(connection), left, failure: None, home }
    }

    /// Ends a body of no bytes, which nobody may ever read.
    pub(crate) fn end_if_empty(&mut self) {
        if matches!(self.left, Left::Bytes(0)) {
            self.end();
        }
    }

    /// The raw stream after a switch of protocols, and what was read of it ahead.
    pub(crate) fn into_stream(self) -> Option<(AppStream, Bytes)> {
        self.connection.map(|connection| connection.into_parts())
    }

    fn end(&mut self) {
        self.left = Left::Bytes(0);
        let (Some(connection), Some((pool, way))) = (self.connection.take(), self.home.take()) else {
            return;
        };
        if connection.is_done() && !way.is_gone() {
            pool.put(way.number, connection);
        }
    }

    /// The next part of what was read already; `None` if more must be read.
    fn take(&mut self) -> Result<Option<Piece>, UpstreamError> {
        let Some(connection) = &mut self.connection else { return Ok(Some(Piece::End)) };
        let buffer = &mut connection.buffer;
        match &mut self.left {
            Left::Bytes(0) => return Ok(Some(Piece::End)),
            Left::Chunks(chunks) => {
                let piece = chunks.take(buffer)?;
                return Ok(Some(piece).filter(|piece| *piece != Piece::Nothing));
            }
            _ if buffer.is_empty() => return Ok(None),
            Left::UntilClose => {}
            Left::Bytes(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= count as u64;
                return Ok(Some(Piece::Data(buffer.split_to(count).freeze())));
            }
        }
        Ok(Some(Piece::Data(buffer.split().freeze())))
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, UpstreamError>> {
        if let Some(connection) = &mut self.connection {
            connection.poll_write(cx)?;
        }
        loop {
            match self.take()? {
                Some(Piece::Data(data)) => return Poll::Ready(Ok(Some(data))),
                Some(Piece::End) => return Poll::Ready(Ok(None)),
                Some(Piece::Nothing) | None => {}
            }
            let Some(connection) = &mut self.connection else { return Poll::Ready(Ok(None)) };
            if !ready!(connection.poll_read(cx))? {
                let is_end = matches!(self.left, Left::UntilClose);
                return Poll::Ready(if is_end { Ok(None) } else { Err(UpstreamError::Closed) });
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(error) = this.failure.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(this.poll_piece(cx)) {
            Ok(Some(data)) => {
                this.end_if_empty();
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Ok(None) => {
                this.end();
                Poll::Ready(None)
            }
            Err(error) => {
                // A server that hears of it at once drops the parts that it holds, the head among them.
                this.connection = None;
                this.failure = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none() && self.failure.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Left::Bytes(bytes) => SizeHint::with_exact(bytes),
            Left::Chunks(_) | Left::UntilClose => SizeHint::default(),
        }
    }
}
