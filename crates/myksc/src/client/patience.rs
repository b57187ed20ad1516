//! Asking on while the portal is away: it may be restarted while somebody looks on.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::http::Client;
use super::{ClientError, Result};

/// How often it is asked again before it counts as gone, and after how long each time.
const TRIES: u32 = 120;
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Asks for a value, and again for about a minute while the portal does not answer.
pub(crate) async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T> {
    let mut tries = 0;
    loop {
        match client.get(path).await {
            Err(error) if tries < TRIES && is_away(&error) => {
                tries += 1;
                tokio::time::sleep(ASK_EVERY).await;
            }
            answer => return answer,
        }
    }
}

/// Whether nobody answers, or the portal says that it can't yet.
fn is_away(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable(_) => true,
        ClientError::Refused(problem) => problem.status == 503,
        _ => false,
    }
}
