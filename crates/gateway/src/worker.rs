//! What one worker thread keeps for itself: open exchanges, idle connections to apps, the shared tables.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::connection::Handshakes;
use crate::exchange::{LiveExchanges, Signal, Stop};
use crate::gateway::{Gateway, Shared};
use crate::upstream::Pool;

/// Expired grants, idle connections and late heads are looked for this often.
const TICK: Duration = Duration::from_millis(500);

/// How often a stopping worker looks whether it is done.
const IDLE_POLL: Duration = Duration::from_millis(20);

/// State of one worker thread.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) live: Rc<LiveExchanges>,
    pub(crate) pool: Rc<Pool>,
    /// TLS handshakes under way.
    pub(crate) handshakes: Handshakes,
    carriers: RefCell<Vec<Weak<Signal>>>,
}

impl Worker {
    pub(crate) fn new(gateway: &Gateway) -> Rc<Self> {
        Rc::new(Self {
            shared: gateway.shared.clone(),
            live: Rc::default(),
            pool: Rc::default(),
            handshakes: Handshakes::default(),
            carriers: RefCell::default(),
        })
    }

    /// A signal for a new connection or tunnel; [`Worker::stop_all`] raises it too.
    pub(crate) fn signal(&self) -> Rc<Signal> {
        self.listed(Signal::default())
    }

    /// Lists a signal among those that [`Worker::stop_all`] raises.
    pub(crate) fn listed(&self, signal: Signal) -> Rc<Signal> {
        let signal = Rc::new(signal);
        let mut carriers = self.carriers.borrow_mut();
        if carriers.len() == carriers.capacity() {
            carriers.retain(|carrier| carrier.strong_count() > 0);
        }
        carriers.push(Rc::downgrade(&signal));
        signal
    }

    /// Stops every connection and tunnel of this worker.
    pub(crate) fn stop_all(&self, stop: Stop) {
        for carrier in self.carriers.borrow().iter() {
            if let Some(signal) = carrier.upgrade() {
                signal.raise(stop);
            }
        }
    }

    /// Ends the connections whose clients took too long for a head.
    fn stop_late(&self) {
        let now = Instant::now();
        for carrier in self.carriers.borrow().iter() {
            if let Some(signal) = carrier.upgrade() {
                signal.stop_if_late(now);
            }
        }
    }

    /// Waits until no connection and no tunnel is left.
    pub(crate) async fn until_idle(&self) {
        while self.carriers.borrow().iter().any(|carrier| carrier.strong_count() > 0) {
            tokio::time::sleep(IDLE_POLL).await;
        }
    }

    /// Cuts exchanges that lost their right, ends connections that are late or idled too long; runs as long as the
    /// worker.
    pub(crate) async fn keep_house(&self, bell: Arc<Notify>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = bell.notified() => {}
                _ = tick.tick() => {
                    self.pool.drop_idle();
                    self.stop_late();
                }
            }
            self.live.cut(self.shared.is_suspended());
        }
    }
}
