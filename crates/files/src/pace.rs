//! Bodies that may take for ever as long as they move.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::client::BoxError;
use crate::error::FilesError;

/// When something last moved, and whether the bytes broke off at their source.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    moves: Arc<Mutex<Moves>>,
    /// After so long without a move, the body is given up.
    silence: Duration,
}

#[derive(Debug)]
struct Moves {
    last: Instant,
    broken: Option<String>,
}

impl Pace {
    pub(crate) fn start(silence: Duration) -> Self {
        Self { moves: Arc::new(Mutex::new(Moves { last: Instant::now(), broken: None })), silence }
    }

    /// How the bytes broke off, if not the agent but their source ended them.
    pub(crate) fn broken(&self) -> Option<String> {
        self.lock().broken.take()
    }

    fn lock(&self) -> MutexGuard<'_, Moves> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `work` as long as something moves.
    pub(crate) async fn keep<T>(&self, work: impl Future<Output = T>) -> Result<T, FilesError> {
        tokio::pin!(work);
        loop {
            let last = self.lock().last;
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep_until(last + self.silence) => {
                    let still = last == self.lock().last;
                    if still {
                        return Err(FilesError::TooSlow);
                    }
                }
            }
        }
    }
}

/// A body on its way to the agent, that tells its pace.
#[derive(Debug)]
pub(crate) struct Paced<B> {
    body: Pin<Box<B>>,
    pace: Pace,
}

impl<B: Body> Paced<B> {
    pub(crate) fn new(body: B, pace: Pace) -> Self {
        Self { body: Box::pin(body), pace }
    }
}

impl<B: Body<Error: Into<BoxError>>> Body for Paced<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let frame = ready!(self.body.as_mut().poll_frame(context)).map(|frame| frame.map_err(Into::into));
        let mut moves = self.pace.lock();
        moves.last = Instant::now();
        if let Some(Err(error)) = &frame {
            moves.broken = Some(error.to_string());
        }
        drop(moves);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body from the agent that ends with an error when it is silent for too long, or is longer than was said.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: Pin<Box<B>>,
    left: u64,
    silence: Duration,
    patience: Pin<Box<Sleep>>,
}

impl<B> Watched<B> {
    pub(crate) fn new(body: B, length: u64, silence: Duration) -> Self {
        let patience = Box::pin(sleep_until(Instant::now() + silence));
        Self { body: Box::pin(body), left: length, silence, patience }
    }
}

impl<B: Body<Data = Bytes>> Body for Watched<B>
where
    B::Error: std::fmt::Display,
{
    type Data = Bytes;
    type Error = FilesError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FilesError>>> {
        loop {
            let Poll::Ready(frame) = self.body.as_mut().poll_frame(context) else {
                ready!(self.patience.as_mut().poll(context));
                return Poll::Ready(Some(Err(FilesError::TooSlow)));
            };
            let Some(frame) = frame else {
                let cut = self.left > 0;
                self.left = 0;
                return Poll::Ready(cut.then(|| Err(FilesError::Lost("the bytes ended early".into()))));
            };
            let frame = frame.map_err(|error| FilesError::Lost(error.to_string()));
            // Trailers are not passed on.
            let Some(bytes) = frame.map(|frame| frame.into_data().ok()).transpose() else { continue };
            let until = Instant::now() + self.silence;
            self.patience.as_mut().reset(until);
            return Poll::Ready(Some(bytes.and_then(|bytes| self.take(bytes))));
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl<B> Watched<B> {
    fn take(&mut self, bytes: Bytes) -> Result<Frame<Bytes>, FilesError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(FilesError::Rubbish("more bytes than were announced"))?;
        Ok(Frame::data(bytes))
    }
}
