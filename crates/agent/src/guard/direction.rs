//! One direction of a connection: what comes from one side goes to the other.
//!
//! An idle one holds no buffer: what is read goes into one that the whole thread shares and is written at once; only
//! what the other side does not take yet is kept, until it does.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// How far one direction has come.
pub(super) struct Direction {
    state: State,
    /// What was read and not taken yet.
    kept: Bytes,
    /// Whether the other direction goes on when this one's bytes are not taken any more.
    outlived: bool,
    /// How much was read, to tell a silent one.
    pub(super) moved_bytes: u64,
}

#[derive(Clone, Copy)]
enum State {
    Open,
    /// Nobody takes the bytes any more. They are read nevertheless: to close with unread ones would cut off what
    /// still goes the other way.
    Draining,
    /// Everything was taken, and the other side is being told that it was all.
    Ending,
    Ended,
}

impl Direction {
    /// From the gateway to the app. An app that takes no more of a request may still say why.
    pub(super) fn upwards() -> Self {
        Self { outlived: true, ..Self::downwards() }
    }

    /// From the app to the gateway.
    pub(super) fn downwards() -> Self {
        Self { state: State::Open, kept: Bytes::new(), outlived: false, moved_bytes: 0 }
    }

    /// Moves what can be moved now; ready when there is nothing more to come.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        loop {
            match self.state {
                State::Open if !self.kept.is_empty() => {
                    match ready!(Pin::new(&mut *to).poll_write(cx, &self.kept)) {
                        Ok(count) => self.keep(self.kept.slice(count..)),
                        Err(error) => self.not_taken(error)?,
                    }
                }
                State::Open | State::Draining => {
                    ready!(SCRATCH.with_borrow_mut(|scratch| self.poll_pass(cx, from, to, scratch)))?;
                }
                State::Ending => match ready!(Pin::new(&mut *to).poll_shutdown(cx)) {
                    Err(error) if !self.outlived => return Poll::Ready(Err(error)),
                    _ => self.state = State::Ended,
                },
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Reads once, and writes what that brought.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        scratch: &mut [u8],
    ) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(from).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        self.moved_bytes += bytes.len() as u64;
        let drains = matches!(self.state, State::Draining);
        if bytes.is_empty() {
            self.state = if drains { State::Ended } else { State::Ending };
        } else if !drains {
            match Pin::new(to).poll_write(cx, bytes) {
                Poll::Ready(Ok(count)) => self.keep(Bytes::copy_from_slice(&bytes[count..])),
                Poll::Pending => self.keep(Bytes::copy_from_slice(bytes)),
                Poll::Ready(Err(error)) => self.not_taken(error)?,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn keep(&mut self, rest: Bytes) {
        // An empty part of something would keep all of that in memory.
        self.kept = if rest.is_empty() { Bytes::new() } else { rest };
    }

    fn not_taken(&mut self, error: io::Error) -> io::Result<()> {
        if !self.outlived {
            return Err(error);
        }
        self.kept = Bytes::new();
        self.state = State::Draining;
        Ok(())
    }
}
