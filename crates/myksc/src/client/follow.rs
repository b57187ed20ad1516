//! Text that grows: an app's log, a job's output.

use std::time::Duration;

use serde::Deserialize;

use super::http::Client;
use super::output::Output;
use super::{ClientError, Result};

/// How often a text is looked at while nothing new comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often the portal may be away before following ends.
const MISSES: u32 = 120;

/// A piece of a text.
#[derive(Debug, Deserialize)]
struct Chunk {
    next_offset: u64,
    size_bytes: u64,
    text: String,
    ended: bool,
}

/// Prints the text at `path` (with its query, without an offset) from `offset` on; negative counts from its
/// end. With `follow` it goes on until the text's writer ended.
pub(crate) async fn print(
    client: &Client,
    out: &Output,
    path: &str,
    offset: i64,
    follow: bool,
) -> Result<()> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut offset = offset.to_string();
    let mut misses = 0;
    loop {
        let chunk: Result<Chunk> = client.get(&format!("{path}{separator}offset={offset}")).await;
        let chunk = match chunk {
            // The portal may be restarted while somebody looks on.
            Err(ClientError::Unreachable(_)) if follow && misses < MISSES => {
                misses += 1;
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            chunk => chunk?,
        };
        misses = 0;
        if out.is_json() {
            let line = serde_json::json!({ "next_offset": chunk.next_offset, "text": chunk.text });
            if !chunk.text.is_empty() {
                out.raw(format!("{line}\n").as_bytes())?;
            }
        } else {
            out.raw(chunk.text.as_bytes())?;
        }
        let has_more = chunk.next_offset < chunk.size_bytes && !chunk.text.is_empty();
        offset = chunk.next_offset.to_string();
        if !has_more {
            if chunk.ended || !follow {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
