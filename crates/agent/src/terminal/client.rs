//! One page that shows the terminal.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::pty::{self, Size};
use super::shell::{Event, Terminal, write};
use crate::page::{self, Program, Pulse, Socket};

/// As many bytes are on their way to a page's screen.
const WINDOW_BYTES: usize = 256 << 10;

/// What we say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Begin(usize),
    Ended,
    Failed,
}

/// What the page says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Wish {
    Size(Size),
    Taken(usize),
}

impl Program for Terminal {
    fn page(&self) -> &'static str {
        "terminal"
    }

    fn is_ready(&self) -> BoxFuture<'_, bool> {
        async { true }.boxed()
    }

    fn visit(self: Arc<Self>, mut socket: Socket) -> BoxFuture<'static, ()> {
        async move {
            let (events, ours) = match self.join() {
                Ok(joined) => joined,
                Err(error) => {
                    page::say(format_args!("no shell could be started: {error}"));
                    let _ = socket.send(word(&Word::Failed)).await;
                    let _ = socket.close(None).await;
                    return;
                }
            };
            let (to_page, from_page) = socket.split();
            let (pulse, heard) = Pulse::new();
            let (window, in_flight) = watch::channel(0);
            tokio::select! {
                () = up(from_page, &ours, heard, &window) => {}
                () = down(events, to_page, pulse, &window, in_flight) => {}
            }
        }
        .boxed()
    }
}

/// What is typed and wished, until the page is gone or says what makes no sense.
async fn up(
    mut from: SplitStream<Socket>,
    ours: &AsyncFd<OwnedFd>,
    heard: watch::Sender<Instant>,
    window: &watch::Sender<usize>,
) {
    let mut is_sized = false;
    while let Some(Ok(message)) = from.next().await {
        heard.send_replace(Instant::now());
        match message {
            Message::Binary(typed) if write(ours, &typed).await.is_ok() => {}
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(Wish::Size(size)) if pty::resize(ours.get_ref(), size.sane()).is_ok() => {
                    if !std::mem::replace(&mut is_sized, true) {
                        pty::redraw(ours.get_ref());
                    }
                }
                Ok(Wish::Taken(bytes)) => {
                    window.send_modify(|ahead| *ahead = ahead.saturating_sub(bytes));
                }
                _ => return,
            },
            Message::Ping(_) | Message::Pong(_) => {}
            _ => return,
        }
    }
}

/// What the shell says, as fast as the page shows it.
async fn down(
    mut events: mpsc::Receiver<Event>,
    mut to: SplitSink<Socket, Message>,
    mut pulse: Pulse,
    window: &watch::Sender<usize>,
    mut in_flight: watch::Receiver<usize>,
) {
    loop {
        let event = tokio::select! {
            event = next(&mut events, &mut in_flight) => event,
            is_there = pulse.due() => {
                if !is_there || to.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let sent = match event {
            Some(Event::Begin(bytes)) => {
                let begun = to.feed(word(&Word::Begin(bytes.len()))).await;
                begun.and(say(&mut to, bytes, window).await)
            }
            Some(Event::Said(bytes)) => say(&mut to, bytes, window).await,
            Some(Event::Ended) => {
                let _ = to.send(word(&Word::Ended)).await;
                break;
            }
            None => break,
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = to.close().await;
}

/// The next event, once the page has room for it.
async fn next(events: &mut mpsc::Receiver<Event>, in_flight: &mut watch::Receiver<usize>) -> Option<Event> {
    in_flight.wait_for(|bytes| *bytes < WINDOW_BYTES).await.ok()?;
    events.recv().await
}

async fn say(
    to: &mut SplitSink<Socket, Message>,
    bytes: Bytes,
    window: &watch::Sender<usize>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    if bytes.is_empty() {
        return to.flush().await;
    }
    window.send_modify(|ahead| *ahead += bytes.len());
    to.send(Message::Binary(bytes)).await
}

fn word(word: &Word) -> Message {
    Message::text(serde_json::to_string(word).expect("our words are writable as JSON"))
}
