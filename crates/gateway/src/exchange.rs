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

impl Signal {
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

    /// Cuts whatever lost its way or its right.
    pub(crate) fn cut(&self) {
        let now = Timestamp::now();
        for exchange in self.slots.borrow().exchanges.iter().flatten() {
            if exchange.way.is_gone() || exchange.held.is_over(now) {
                exchange.signal.raise(Stop::Now);
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
