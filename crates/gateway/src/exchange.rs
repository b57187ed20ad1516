//! What is open right now on one worker, so that it can be cut.
//!
//! Everything here belongs to one thread. A revocation first changes the shared tables and then rings each
//! worker's bell; a request looks into the tables and registers here without an await between, so it either
//! sees the change or is found by [`LiveExchanges::cut`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use myksc_core::Timestamp;

use crate::deadline::HeadDeadline;
use crate::grants::Held;
use crate::routes::Way;

/// Tells a connection or tunnel to stop.
#[derive(Default)]
pub(crate) struct Signal {
    stop: Cell<Stop>,
    waker: RefCell<Option<Waker>>,
    /// When the client's next head must be there; a tunnel waits for none.
    pub(crate) head_deadline: HeadDeadline,
    /// Stops what carries this, if this is one of several streams of a connection.
    carrier: Option<Rc<Signal>>,
    /// Whether a client that is late is told before it is cut.
    says_goodbye: bool,
}

/// How to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    #[default]
    No,
    /// After the exchange under way.
    Gently,
    /// At once.
    Now,
}

/// The exchanges of one worker.
#[derive(Default)]
pub(crate) struct LiveExchanges {
    slots: RefCell<Slots>,
}

/// Exchanges by number; the number of one that ended is used again.
#[derive(Default)]
struct Slots {
    exchanges: Vec<Option<Exchange>>,
    free: Vec<usize>,
}

struct Exchange {
    way: Arc<Way>,
    held: Arc<Held>,
    signal: Rc<Signal>,
}

/// Takes its exchange off the list when dropped.
pub(crate) struct Registration {
    number: usize,
    list: Rc<LiveExchanges>,
}

/// How long a client that has been told to go may stay.
const GOODBYE: Duration = Duration::from_secs(3);

impl Signal {
    /// Stops one stream of the connection that `carrier` stops.
    pub(crate) fn of_stream(carrier: Rc<Self>) -> Self {
        Self { carrier: Some(carrier), ..Self::default() }
    }

    /// Stops a connection that can tell its client to go (RFC 9113 section 6.8).
    pub(crate) fn of_polite_connection() -> Self {
        Self { says_goodbye: true, ..Self::default() }
    }

    /// Stops at once; a stream that has not gone since the last time takes its connection along.
    fn cut(&self) {
        match &self.carrier {
            Some(carrier) if self.stop.get() == Stop::Now => carrier.raise(Stop::Now),
            _ => self.raise(Stop::Now),
        }
    }

    /// Stops it if its client should have sent a head by now.
    pub(crate) fn stop_if_late(&self, now: Instant) {
        if !self.head_deadline.is_over(now) {
            return;
        }
        if self.says_goodbye && self.stop.get() == Stop::No {
            self.head_deadline.set(now + GOODBYE);
            self.raise(Stop::Gently);
        } else {
            self.raise(Stop::Now);
        }
    }

    pub(crate) fn raise(&self, stop: Stop) {
        if stop > self.stop.get() {
            self.stop.set(stop);
            if let Some(waker) = self.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }

    /// The present state; the task is woken when it changes.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Stop {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.stop.get()
    }

    /// Waits until it must stop at once.
    pub(crate) async fn cut_off(&self) {
        poll_fn(|cx| if self.poll(cx) == Stop::Now { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits until it is raised in either way; a tunnel has no exchange to finish first.
    pub(crate) async fn raised(&self) {
        poll_fn(|cx| if self.poll(cx) == Stop::No { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

impl LiveExchanges {
    /// Lists an exchange over `way` by the right of `held`; `signal` stops what carries it. `None` if the app
    /// has too many open already.
    pub(crate) fn register(
        self: &Rc<Self>,
        way: Arc<Way>,
        held: Arc<Held>,
        signal: Rc<Signal>,
    ) -> Option<Registration> {
        if !way.enter() {
            return None;
        }
        let mut slots = self.slots.borrow_mut();
        let exchange = Some(Exchange { way, held, signal });
        let number = match slots.free.pop() {
            Some(number) => {
                slots.exchanges[number] = exchange;
                number
            }
            None => {
                slots.exchanges.push(exchange);
                slots.exchanges.len() - 1
            }
        };
        drop(slots);
        Some(Registration { number, list: self.clone() })
    }

    /// Cuts whatever lost its way or its right, or everything.
    pub(crate) fn cut(&self, everything: bool) {
        let now = Timestamp::now();
        for exchange in self.slots.borrow().exchanges.iter().flatten() {
            if everything || exchange.way.is_gone() || exchange.held.is_over(now) {
                exchange.signal.cut();
            }
        }
    }
}

impl Slots {
    fn remove(&mut self, number: usize) -> Option<Exchange> {
        self.free.push(number);
        self.exchanges[number].take()
    }
}

impl Registration {
    /// Lets another signal stop the exchange from now on, for a connection that became a tunnel.
    pub(crate) fn hand_over(&self, signal: Rc<Signal>) {
        if let Some(exchange) = &mut self.list.slots.borrow_mut().exchanges[self.number] {
            exchange.signal = signal;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Bound first: the entry's own destructors must run after the borrow has ended.
        let exchange = self.list.slots.borrow_mut().remove(self.number);
        if let Some(exchange) = exchange {
            exchange.way.leave();
        }
    }
}
