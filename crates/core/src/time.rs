//! Instants: UTC milliseconds in the database, RFC 3339 in the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment in UTC with millisecond precision.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The present moment by the machine's clock.
    #[must_use]
    pub fn now() -> Self {
        Self::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// The moment so many milliseconds after 1970-01-01T00:00:00Z; out of range clamps to the ends.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        let fallback = if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(fallback))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// This moment moved by so many seconds.
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        Self::from_millis(self.as_millis().saturating_add(secs.saturating_mul(1000)))
    }

    /// Whole seconds from `earlier` to this moment, negative if it lies before.
    #[must_use]
    pub fn secs_since(self, earlier: Self) -> i64 {
        (self.as_millis() - earlier.as_millis()) / 1000
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
