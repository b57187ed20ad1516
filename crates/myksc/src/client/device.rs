//! Signing in by a browser (RFC 8628): the codes, and the waiting.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::Client;
use super::output::{Output, text};
use super::{ClientError, Result};

/// No portal makes anybody ask oftener, nor wait longer between two questions.
const INTERVAL_SECS: std::ops::RangeInclusive<u64> = 1..=60;
/// The longest that anybody is waited for.
const MAX_LIFE_SECS: u64 = 3600;

/// What the portal gave to go on with.
pub(super) struct Device {
    device_code: String,
    /// What the person needs, as the portal said it.
    shown: Value,
    until: Instant,
    interval: Duration,
}

impl Device {
    /// Asks for codes.
    pub(super) async fn start(client: &Client, token_name: &str, expires_in_days: u32) -> Result<Self> {
        let body = json!({ "client_name": token_name, "expires_in_days": expires_in_days });
        let mut answer = client.send(Method::POST, "/api/v1/device", Some(&body)).await?;
        let code = answer.as_object_mut().and_then(|answer| answer.remove("device_code"));
        let Some(Value::String(device_code)) = code else {
            return Err(ClientError::Protocol("there is no code in the answer".to_owned()));
        };
        let secs = |field: &str| answer[field].as_u64().unwrap_or_default();
        let life_secs = secs("expires_in_secs").min(MAX_LIFE_SECS);
        Ok(Self {
            device_code,
            until: Instant::now() + Duration::from_secs(life_secs),
            interval: interval(secs("interval_secs")),
            shown: answer,
        })
    }

    /// Says where to go, and with which code; the code for the command line itself is shown to nobody.
    pub(super) fn show(&self, out: &Output) -> Result<()> {
        out.line(&self.shown, |shown| {
            let (uri, code) = (text(shown, "/verification_uri"), text(shown, "/user_code"));
            format!(
                "Open {uri} in a browser where you are signed in,\nand enter the code {code}\n(or open {}).\n\
                 Waiting …",
                text(shown, "/verification_uri_complete")
            )
        })
    }

    /// The token, once somebody has approved. A portal that is away for a while is waited for.
    pub(super) async fn wait(mut self, client: &Client) -> Result<Value> {
        let body = json!({ "device_code": self.device_code });
        loop {
            tokio::time::sleep(self.interval).await;
            if Instant::now() >= self.until {
                return Err(ClientError::Failed("nobody confirmed the sign-in in time".to_owned()));
            }
            match client.send(Method::POST, "/api/v1/device/token", Some(&body)).await {
                Ok(token) => return Ok(token),
                Err(ClientError::Unreachable(_)) => self.interval = interval(self.interval.as_secs() * 2),
                Err(ClientError::Refused(problem)) => match (problem.status, problem.code.as_str()) {
                    (409, "device_pending") => {}
                    (429, _) => {
                        let asked = problem.params.get("retry_after_secs").and_then(Value::as_u64);
                        self.interval = interval(asked.unwrap_or(*INTERVAL_SECS.end()));
                    }
                    (503, _) => self.interval = interval(self.interval.as_secs() * 2),
                    _ => return Err(ClientError::Refused(problem)),
                },
                Err(error) => return Err(error),
            }
        }
    }
}

fn interval(secs: u64) -> Duration {
    Duration::from_secs(secs.clamp(*INTERVAL_SECS.start(), *INTERVAL_SECS.end()))
}
