//! What a Jupyter server says of its use: its kernels and terminals.
//!
//! The server's own `/api/status` is of no use: an open tab asks for kernels and sessions again and again, and each
//! question moves its `last_activity`. A kernel's moves by messages, a terminal's by what goes in and comes out.

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use myksc_core::Timestamp;

use crate::runtime::{Place, ask};

/// Not counted by the server as activity of its own.
const KERNELS: &str = "/api/kernels?no_track_activity=1";
const TERMINALS: &str = "/api/terminals?no_track_activity=1";
/// Some 300 bytes for each of them.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// One kernel or terminal, as far as it is of interest.
#[derive(Debug, Deserialize)]
struct Entry {
    last_activity: Timestamp,
    /// `idle`, `busy`, `starting`, …; of kernels alone.
    #[serde(default)]
    execution_state: Option<String>,
}

/// When something was done in it last: now while a cell runs; `None` where nothing ever was.
///
/// # Errors
/// What came instead of an answer.
pub(super) async fn last_use(place: &Place) -> Result<Option<Timestamp>, String> {
    let mut entries: Vec<Entry> = get(place, KERNELS).await?.ok_or("there is no /api/kernels")?;
    // A server may have no terminals.
    entries.extend(get::<Vec<Entry>>(place, TERMINALS).await?.unwrap_or_default());
    Ok(last_of(&entries, Timestamp::now()))
}

fn last_of(entries: &[Entry], now: Timestamp) -> Option<Timestamp> {
    let is_busy = |entry: &Entry| entry.execution_state.as_deref() == Some("busy");
    entries.iter().map(|entry| if is_busy(entry) { now } else { entry.last_activity }).max()
}

async fn get<T: DeserializeOwned>(place: &Place, path: &str) -> Result<Option<T>, String> {
    let (status, body) = ask::get(place, path, MAX_ANSWER_BYTES).await?;
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map(Some).map_err(|error| format!("{path}: {error}")),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(format!("{path}: status {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> Option<Timestamp> {
        last_of(&serde_json::from_str::<Vec<Entry>>(text).unwrap(), Timestamp::from_millis(i64::MAX / 2))
    }

    #[test]
    fn the_last_of_kernels_and_terminals_counts_and_a_running_cell_is_now() {
        assert_eq!(last("[]"), None);
        let kernel = |state: &str, at: &str| {
            format!(
                r#"{{"id": "a", "name": "python3", "last_activity": "{at}", "execution_state": "{state}", "connections": 1}}"#
            )
        };
        let (early, late) = ("2026-11-28T09:00:00.123456Z", "2026-11-28T09:10:00.5Z");
        let terminal = format!(r#"{{"name": "1", "last_activity": "{late}"}}"#);
        let late: Timestamp = serde_json::from_str(&format!("\"{late}\"")).unwrap();
        assert_eq!(last(&format!("[{},{terminal}]", kernel("idle", early))), Some(late));
        assert_eq!(
            last(&format!("[{},{terminal}]", kernel("busy", early))),
            Some(Timestamp::from_millis(i64::MAX / 2))
        );
        assert!(serde_json::from_str::<Vec<Entry>>(r#"{"message": "Forbidden"}"#).is_err());
    }
}
