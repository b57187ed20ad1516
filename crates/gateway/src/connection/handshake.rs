//! TLS handshakes: each has a deadline, and only so many are under way at once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::exchange::{Signal, Stop};
use crate::tls::Certificates;
use crate::worker::Worker;

/// Handshakes of one worker that may be under way at once.
const MAX_UNDER_WAY: usize = 512;

/// The handshakes under way, the oldest first; some may have ended.
#[derive(Default)]
pub(crate) struct Handshakes {
    under_way: RefCell<VecDeque<Weak<Signal>>>,
}

impl Handshakes {
    /// Lists a handshake. If there are too many, the one that has taken longest makes room: honest clients are
    /// done within a few round trips.
    fn enter(&self, signal: &Rc<Signal>) {
        let mut under_way = self.under_way.borrow_mut();
        if under_way.len() >= MAX_UNDER_WAY {
            under_way.retain(|signal| signal.strong_count() > 0);
        }
        if under_way.len() >= MAX_UNDER_WAY
            && let Some(oldest) = under_way.pop_front().and_then(|signal| signal.upgrade())
        {
            oldest.raise(Stop::Now);
        }
        under_way.push_back(Rc::downgrade(signal));
    }
}

/// The stream after its handshake; none if it failed, took too long or was cut.
pub(super) async fn shake(
    worker: Rc<Worker>,
    stream: TcpStream,
    certificates: &Certificates,
    deadline: Duration,
) -> Option<TlsStream<TcpStream>> {
    let signal = worker.signal();
    worker.handshakes.enter(&signal);
    let accepted = TlsAcceptor::from(certificates.server()).accept(stream);
    tokio::select! {
        biased;
        () = signal.raised() => None,
        accepted = tokio::time::timeout(deadline, accepted) => match accepted {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => None,
        },
    }
}
