//! Table `devices`: command lines that wait for somebody to let them in by a browser (RFC 8628).

use myksc_core::id::InvalidId;
use myksc_core::secret::SecretHash;
use myksc_core::{Scope, Timestamp, TokenId};

use crate::db::{Store, Tx, execute, fetch_optional};
use crate::error::StoreError;

/// A command line that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it calls itself; also the name of the token to come.
    pub client_name: String,
    /// Address it asked from.
    pub address: String,
    /// What of the address counts for how many may wait.
    pub network: String,
    /// What its token is to be good for.
    pub scopes: Vec<Scope>,
    /// Days until its token ends.
    pub expires_in_days: u32,
    /// Seconds from one question to the next.
    pub interval_secs: i64,
    /// When it asked.
    pub created_at: Timestamp,
    /// When nobody can let it in any more.
    pub expires_at: Timestamp,
}

/// How many may wait.
#[derive(Debug, Clone, Copy)]
pub struct DeviceLimits {
    /// From one network.
    pub of_network: i64,
    /// In all.
    pub overall: i64,
}

/// What became of one that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceOutcome {
    /// It waits.
    Created,
    /// Too many wait.
    TooMany,
    /// Another one has this code for people.
    CodeTaken,
}

/// What one that asks again learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// Nobody knows it, its time is over, or its token was fetched.
    Gone,
    /// It asked too soon; from now on the interval is so many seconds.
    TooSoon(i64),
    /// Nobody has decided yet.
    Pending,
    /// It was refused.
    Denied,
    /// It was let in; given this once.
    Approved {
        /// Its token.
        token: TokenId,
        /// The token's text, sealed.
        sealed: String,
    },
}

#[derive(sqlx::FromRow)]
struct Row {
    client_name: String,
    address: String,
    network: String,
    scopes: String,
    expires_in_days: i64,
    interval_secs: i64,
    created_at: i64,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct Poll {
    state: String,
    token_id: Option<String>,
    sealed_token: Option<String>,
    interval_secs: i64,
    polled_at: Option<i64>,
}

/// Each question that comes too soon makes the interval so much longer (RFC 8628, section 3.5).
const SLOW_DOWN_SECS: i64 = 5;
const MAX_INTERVAL_SECS: i64 = 60;

impl Store {
    /// Adds one that waits, under the hashes of its own code and of the one for people.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn create_device(
        &self,
        device: &Device,
        device_hash: SecretHash,
        code_hash: SecretHash,
        limits: DeviceLimits,
    ) -> Result<DeviceOutcome, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "SELECT COUNT(*), COUNT(CASE WHEN network = $1 THEN 1 END) FROM devices
                   WHERE state = 'pending' AND expires_at > $2";
        let counts =
            fetch_optional!(tx, (i64, i64), sql, device.network.as_str(), device.created_at.as_millis())?;
        let (overall, of_network) = counts.unwrap_or_default();
        if overall >= limits.overall || of_network >= limits.of_network {
            return Ok(DeviceOutcome::TooMany);
        }
        let scopes = serde_json::to_string(&device.scopes).expect("scopes are written as JSON");
        let sql = "INSERT INTO devices (device_hash, code_hash, client_name, address, network, scopes,
                                        expires_in_days, state, interval_secs, created_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10)
                   ON CONFLICT (code_hash) DO NOTHING";
        let added = execute!(
            tx,
            sql,
            device_hash.to_hex(),
            code_hash.to_hex(),
            device.client_name.as_str(),
            device.address.as_str(),
            device.network.as_str(),
            scopes.as_str(),
            i64::from(device.expires_in_days),
            device.interval_secs,
            device.created_at.as_millis(),
            device.expires_at.as_millis()
        )?;
        tx.commit().await?;
        Ok(if added == 1 { DeviceOutcome::Created } else { DeviceOutcome::CodeTaken })
    }

    /// The one with this code for people, if it still waits at `now`.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn pending_device(
        &self,
        code_hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Device>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT client_name, address, network, scopes, expires_in_days, interval_secs, created_at,
                          expires_at
                   FROM devices WHERE code_hash = $1 AND state = 'pending' AND expires_at > $2";
        fetch_optional!(reader, Row, sql, code_hash.to_hex(), now.as_millis())?.map(Row::read).transpose()
    }

    /// Lays the sealed token ready for one that waits; false, and nothing changes, when it waits no more.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn approve_device(
        &self,
        code_hash: &SecretHash,
        token: &TokenId,
        sealed_token: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE devices SET state = 'approved', token_id = $2, sealed_token = $3
                   WHERE code_hash = $1 AND state = 'pending' AND expires_at > $4";
        let changed = execute!(tx, sql, code_hash.to_hex(), token.as_str(), sealed_token, now.as_millis())?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Refuses one that waits; false when it waits no more.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn deny_device(&self, code_hash: &SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE devices SET state = 'denied'
                   WHERE code_hash = $1 AND state = 'pending' AND expires_at > $2";
        let changed = execute!(tx, sql, code_hash.to_hex(), now.as_millis())?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Answers one that asks again. Of two that ask at once one gets the token.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn poll_device(
        &self,
        device_hash: &SecretHash,
        now: Timestamp,
    ) -> Result<DeviceAnswer, StoreError> {
        let mut tx = self.begin().await?;
        // Changes nothing, but keeps others from the row until the end.
        let sql = "UPDATE devices SET state = state WHERE device_hash = $1 AND expires_at > $2
                   RETURNING state, token_id, sealed_token, interval_secs, polled_at";
        let found = fetch_optional!(tx, Poll, sql, device_hash.to_hex(), now.as_millis())?;
        let Some(poll) = found else { return Ok(DeviceAnswer::Gone) };
        let answer = match (poll.state.as_str(), poll.token_id.zip(poll.sealed_token)) {
            ("pending", None) => tx.note_poll(device_hash, poll.interval_secs, poll.polled_at, now).await?,
            ("denied", None) => DeviceAnswer::Denied,
            ("approved", Some((token, sealed))) => {
                execute!(tx, "DELETE FROM devices WHERE device_hash = $1", device_hash.to_hex())?;
                let corrupt = |error: InvalidId| StoreError::corrupt("devices", error);
                DeviceAnswer::Approved { token: token.parse().map_err(corrupt)?, sealed }
            }
            (state, _) => return Err(StoreError::corrupt("devices", format!("state {state:?}"))),
        };
        tx.commit().await?;
        Ok(answer)
    }

    /// Forgets those whose time is over at `now`. A token that nobody fetched goes with its device: nobody holds it.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn delete_over_devices(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM tokens WHERE id IN
                   (SELECT token_id FROM devices WHERE token_id IS NOT NULL AND expires_at <= $1)";
        let unfetched = execute!(tx, sql, now.as_millis())?;
        let others = execute!(tx, "DELETE FROM devices WHERE expires_at <= $1", now.as_millis())?;
        tx.commit().await?;
        Ok(unfetched + others)
    }
}

impl Tx {
    async fn note_poll(
        &mut self,
        device_hash: &SecretHash,
        interval_secs: i64,
        polled_at: Option<i64>,
        now: Timestamp,
    ) -> Result<DeviceAnswer, StoreError> {
        let next_at = polled_at.map(|at| Timestamp::from_millis(at).plus_secs(interval_secs));
        let (interval_secs, answer) = if next_at.is_some_and(|next_at| now < next_at) {
            let longer_secs = (interval_secs + SLOW_DOWN_SECS).min(MAX_INTERVAL_SECS);
            (longer_secs, DeviceAnswer::TooSoon(longer_secs))
        } else {
            (interval_secs, DeviceAnswer::Pending)
        };
        let sql = "UPDATE devices SET polled_at = $2, interval_secs = $3 WHERE device_hash = $1";
        execute!(self, sql, device_hash.to_hex(), now.as_millis(), interval_secs)?;
        Ok(answer)
    }
}

impl Row {
    fn read(self) -> Result<Device, StoreError> {
        let corrupt = |what: &dyn std::fmt::Display| StoreError::corrupt("devices", what.to_string());
        let scopes = serde_json::from_str(&self.scopes).map_err(|error| corrupt(&error))?;
        let expires_in_days = u32::try_from(self.expires_in_days).map_err(|error| corrupt(&error))?;
        Ok(Device {
            client_name: self.client_name,
            address: self.address,
            network: self.network,
            scopes,
            expires_in_days,
            interval_secs: self.interval_secs,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: Timestamp::from_millis(self.expires_at),
        })
    }
}

#[cfg(test)]
mod tests;
