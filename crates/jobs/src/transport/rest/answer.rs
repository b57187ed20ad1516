//! What slurmrestd answers: JSON that is read while it comes, so that a large table is never held as text; and errors in
//! all the shapes that it has for them.

use std::fmt;
use std::io::{self, Read};
use std::marker::PhantomData;

use bytes::{Buf as _, Bytes};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;

/// Pieces of an answer that wait for their reader.
const PIECES: usize = 16;
/// What is said of an error is cut here.
const WORDS_BYTES_MAX: usize = 2000;

/// An answer that may say what went wrong, which slurmrestd also does beside a status of success.
pub(crate) trait Answer: DeserializeOwned + Send + 'static {
    /// What went wrong.
    fn errors(&self) -> &[ApiError];
}

/// One entry of `errors`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ApiError {
    error: Option<String>,
    description: Option<String>,
}

/// A list; some versions write `null` or `{}` for an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::default())
    }
}

/// Nothing but what went wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OnlyErrors {
    errors: List<ApiError>,
}

impl Answer for OnlyErrors {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

/// What slurmctld says where it does not take a token: `SLURM_PROTOCOL_AUTHENTICATION_ERROR`,
/// `ESLURM_AUTH_CRED_INVALID` and their like, slurm_errno.h.
const NOT_AUTHENTICATED: [&str; 4] = [
    "Protocol authentication error",
    "Invalid authentication credential",
    "Authentication does not apply to request",
    "Authentication failure",
];

/// What v0.0.38 says of a token that is over, and of a controller that is away: they can't be told apart.
const UNCLEAR: [&str; 2] = ["Unspecified error", "Zero Bytes were transmitted or received"];

impl ApiError {
    #[cfg(test)]
    fn text(text: &str) -> Self {
        Self { error: Some(text.to_owned()), ..Self::default() }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        // The plain words first, what slurmrestd did behind them.
        let both = [self.error.as_deref(), self.description.as_deref()];
        both.into_iter().flatten().map(str::trim).filter(|text| !text.is_empty() && !says_nothing(text))
    }

    /// Whether it says no more than where it comes from: v0.0.38 does so of every array that was changed.
    pub(crate) fn is_bare(&self) -> bool {
        self.error.is_none()
    }

    fn is_unclear(&self) -> bool {
        self.error.as_deref().is_some_and(|error| UNCLEAR.iter().any(|known| error.contains(known)))
    }

    fn is_of_token(&self) -> bool {
        self.words().any(|words| NOT_AUTHENTICATED.iter().any(|known| words.contains(known)))
    }
}

fn says_nothing(text: &str) -> bool {
    matches!(text, "Unspecified error" | "No error")
}

/// Whether the token was not taken, so that nothing was done.
pub(super) fn are_of_token(errors: &[ApiError]) -> bool {
    errors.iter().any(ApiError::is_of_token)
}

/// Whether the token may be over, and nothing else is said.
pub(super) fn may_be_of_token(errors: &[ApiError]) -> bool {
    !errors.is_empty() && errors.iter().all(ApiError::is_unclear)
}

/// What errors say, each thing once, a line each.
pub(crate) fn words(errors: &[ApiError]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in errors.iter().flat_map(ApiError::words) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut text = lines.join("\n");
    let end = (0..=WORDS_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}

/// The pieces of an answer as something to read.
struct Pieces {
    coming: mpsc::Receiver<Bytes>,
    now: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.coming.blocking_recv() {
                Some(piece) => self.now = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.now.len());
        self.now.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Reads an answer of at most so many bytes. The error is a sentence.
pub(super) async fn read<T>(mut response: reqwest::Response, bytes_max: u64) -> Result<T, String>
where
    T: DeserializeOwned + Send + 'static,
{
    let (sender, coming) = mpsc::channel(PIECES);
    let pieces = Pieces { coming, now: Bytes::new() };
    let parse = tokio::task::spawn_blocking(move || {
        serde_json::from_reader(io::BufReader::with_capacity(1 << 16, pieces))
    });
    let mut left = bytes_max;
    while let Some(piece) = response.chunk().await.map_err(|error| said(&error.without_url()))? {
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| format!("its answer is longer than {bytes_max} bytes"))?;
        // Whoever reads has seen enough, and says what is wrong.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    let parsed = parse.await.map_err(|error| error.to_string())?;
    parsed.map_err(|error| format!("its answer is no JSON as we know it: {error}"))
}

/// An error with its causes.
pub(super) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_every_shape_become_words_once_each() {
        let text = r#"{"meta": {}, "errors": [
            {"error": "Invalid time specification", "error_code": -1},
            {"description": "Unable to process key \"time_limit\"", "error_number": -1, "error": "Unspecified error", "source": "x"},
            {"error": "Invalid time specification", "errno": 3},
            {"error": null, "description": ""}
        ]}"#;
        let answer: OnlyErrors = serde_json::from_str(text).unwrap();
        assert_eq!(
            words(answer.errors()),
            "Invalid time specification\nUnable to process key \"time_limit\""
        );
        assert!(!are_of_token(answer.errors()) && !may_be_of_token(answer.errors()));
        let unclear =
            r#"{"errors": [{"description": "Failed while looking for jobs", "error": "Unspecified error"}]}"#;
        let answer: OnlyErrors = serde_json::from_str(unclear).unwrap();
        assert!(
            may_be_of_token(answer.errors()) && words(answer.errors()) == "Failed while looking for jobs"
        );
        assert!(are_of_token(&[ApiError::text("Protocol authentication error")]));
        for empty in [r#"{"errors": {}}"#, r#"{"errors": null}"#, r#"{"errors": []}"#, "{}"] {
            assert_eq!(serde_json::from_str::<OnlyErrors>(empty).unwrap().errors(), []);
        }
        let long = ApiError::text(&"가".repeat(2000));
        assert!(words(&[long]).len() <= WORDS_BYTES_MAX);
    }
}
