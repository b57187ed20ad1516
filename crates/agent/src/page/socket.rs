//! A page's WebSocket.

use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// What the server has of a browser.
pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A message of the page: at most what is pasted in one go.
const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Browsers answer pings by themselves, and so keep whatever stands between from taking the connection for idle.
const PING_EVERY: Duration = Duration::from_secs(25);
/// Who has answered none for so long is gone.
const SILENCE: Duration = Duration::from_secs(80);

/// How WebSockets are spoken here.
pub(super) fn config() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MAX_MESSAGE_BYTES);
    config.max_frame_size = Some(MAX_MESSAGE_BYTES);
    config
}

/// A reason to end a connection.
pub(crate) fn close(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: reason.into() }
}

/// When to ping, and whether the browser is still there.
#[derive(Debug)]
pub(crate) struct Pulse {
    ticks: Interval,
    /// Set by whoever reads.
    heard_at: tokio::sync::watch::Receiver<Instant>,
}

impl Pulse {
    /// A pulse, and where the reading half notes that it heard something.
    pub(crate) fn new() -> (Self, tokio::sync::watch::Sender<Instant>) {
        let (heard, heard_at) = tokio::sync::watch::channel(Instant::now());
        let mut ticks = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        (Self { ticks, heard_at }, heard)
    }

    /// Waits until a ping is due; false when the browser is gone.
    pub(crate) async fn due(&mut self) -> bool {
        self.ticks.tick().await;
        self.heard_at.borrow().elapsed() < SILENCE
    }
}
