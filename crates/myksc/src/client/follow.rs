//! Text that grows: an app's log, a job's output.

use std::time::Duration;

use serde::Deserialize;

use super::http::Client;
use super::output::Output;
use super::{Result, patience};

/// How often a text is looked at while nothing new comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A piece of a text.
#[derive(Debug, Deserialize)]
struct Chunk {
    next_offset: u64,
    size_bytes: u64,
    text: String,
    ended: bool,
}

/// Prints the text at `path` (with its query, without an offset) from `offset` on; negative counts from its
/// end. With `follow` it goes on until the text's writer ended. JSON is an object a piece, and at least one.
pub(crate) async fn print(
    client: &Client,
    out: &Output,
    path: &str,
    offset: i64,
    follow: bool,
) -> Result<()> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut offset = offset.to_string();
    let mut is_first = true;
    loop {
        let page = format!("{path}{separator}offset={offset}");
        let chunk: Chunk =
            if follow { patience::get(client, &page).await? } else { client.get(&page).await? };
        let has_more = chunk.next_offset < chunk.size_bytes && !chunk.text.is_empty();
        let is_last = !has_more && (chunk.ended || !follow);
        if !out.is_json() {
            out.raw(chunk.text.as_bytes())?;
        } else if !chunk.text.is_empty() || is_first && is_last {
            let line = serde_json::json!({ "next_offset": chunk.next_offset, "text": chunk.text });
            out.raw(format!("{line}\n").as_bytes())?;
            is_first = false;
        }
        if is_last {
            return Ok(());
        }
        offset = chunk.next_offset.to_string();
        if !has_more {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
