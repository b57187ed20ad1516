//! A reader of the portal's live events.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use serde_json::Value;

use crate::client::Client;

/// How long an event may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its revision.
    pub id: i64,
    /// What it says.
    pub data: Value,
}

/// An open stream of events.
pub struct Events {
    body: Incoming,
    buffer: String,
}

impl Events {
    /// Opens the stream at `path`.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(client: &Client, path: &str) -> Self {
        let response = client.open(Method::GET, path, &[], Bytes::new()).await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Self { body: response.into_body(), buffer: String::new() }
    }

    /// The next event; `None` when the stream ended.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let frame = tokio::time::timeout(DEADLINE, self.body.frame()).await.expect("an event in time")?;
            if let Ok(data) = frame.expect("a whole frame").into_data() {
                self.buffer.push_str(std::str::from_utf8(&data).expect("events are UTF-8"));
            }
        }
    }

    /// The next event of a name; others in between are passed over.
    ///
    /// # Panics
    /// When none comes in time, or the stream ends.
    pub async fn expect(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

/// The event of a block of lines; `None` for a comment.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    let id = field("id").and_then(|id| id.parse().ok()).unwrap_or_default();
    Some(Event { name: field("event")?.to_owned(), id, data })
}
