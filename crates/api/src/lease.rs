//! What goes on for long (a download, an upload) goes on only while what its caller showed holds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use myksc_core::Error;
use myksc_identity::{Lease, Shown};

use crate::caller::{Caller, Credential};
use crate::problem::Problem;
use crate::state::AppState;

/// How long this caller may go on.
pub(crate) fn of(state: &AppState, caller: &Caller) -> Lease {
    let shown = match &caller.credential {
        Credential::Session { session, .. } => Shown::Session(session.id.clone()),
        Credential::Token(token) => Shown::Token(token.id.clone()),
    };
    state.access.lease(caller.user.id.clone(), shown)
}

/// Does a work that may take long; given up, with 401, when its caller may no longer go on.
pub(crate) async fn during<T>(
    state: &AppState,
    caller: &Caller,
    work: impl Future<Output = T>,
) -> Result<T, Problem> {
    let mut lease = of(state, caller);
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = lease.ended() => Err(Error::Unauthenticated.into()),
    }
}

/// An answer's body that is cut when its caller may no longer go on: the connection ends short of what was announced.
pub(crate) fn body(state: &AppState, caller: &Caller, body: Body) -> Body {
    let mut lease = of(state, caller);
    Body::new(Leased { ended: Box::pin(async move { lease.ended().await }), body })
}

struct Leased {
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    body: Body,
}

impl HttpBody for Leased {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended.as_mut().poll(context).is_ready() {
            let cut = io::Error::new(io::ErrorKind::ConnectionAborted, "its person may no longer go on");
            return Poll::Ready(Some(Err(axum::Error::new(cut))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
