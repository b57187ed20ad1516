//! A piece of a growing text, as logs and job outputs are followed by byte offset.

use serde::Serialize;

/// Bytes of a piece when the caller does not say.
const DEFAULT_BYTES: u64 = 64 * 1024;
/// The most bytes of a piece.
const MAX_BYTES: u64 = 256 * 1024;

/// A piece of a growing text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Chunk {
    /// Where `text` begins, in bytes.
    pub(crate) offset: u64,
    /// Where to read on.
    pub(crate) next_offset: u64,
    /// Size of the whole at this moment.
    pub(crate) size_bytes: u64,
    /// The text, cut at a character's boundary; bytes that are not UTF-8 stand as U+FFFD.
    pub(crate) text: String,
    /// Nothing more comes after this piece.
    pub(crate) ended: bool,
}

impl Chunk {
    /// What there is before the first byte.
    pub(crate) fn empty(ended: bool) -> Self {
        Self { offset: 0, next_offset: 0, size_bytes: 0, text: String::new(), ended }
    }
}

/// Where to begin and how many bytes to read. Four hold every character, so there is always a way forward.
pub(crate) fn bounds(offset: Option<i64>, limit: Option<u64>) -> (i64, u64) {
    (offset.unwrap_or(0), limit.unwrap_or(DEFAULT_BYTES).clamp(4, MAX_BYTES))
}
