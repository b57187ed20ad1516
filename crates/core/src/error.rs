//! The one domain error: what a caller can act on, neutral of any transport.
//!
//! The API turns it into problem+json (RFC 9457) in one place; `code` and `params` let the browser say it in
//! the reader's language, `detail` is the English text for the command line and the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Result of a service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Named values that a translated text needs.
pub type Params = BTreeMap<String, Value>;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// The field's path in the request, for example `resources.cpu_millis`.
    pub field: String,
    /// A stable code, for example `app_name_invalid`.
    pub code: String,
    /// Values for the text.
    #[schema(value_type = Object)]
    pub params: Params,
    /// The same in English.
    pub detail: String,
}

/// Why a service refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request do not hold; every one that could be found is listed. 422.
    #[error("{}", join(.0))]
    Invalid(Vec<FieldProblem>),
    /// Nobody is signed in, or the credential is over. 401.
    #[error("sign in first")]
    Unauthenticated,
    /// The name or the password is wrong; which of them is not said. 401.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// The caller may know the thing but not do this. 403.
    #[error("{detail}")]
    Forbidden {
        /// A stable code.
        code: &'static str,
        /// English text.
        detail: String,
    },
    /// There is no such thing, or it is another person's. 404.
    #[error("no such {kind}: {id}")]
    NotFound {
        /// What was asked for: `app`, `job`, `file`, …
        kind: &'static str,
        /// What the caller called it.
        id: String,
    },
    /// The state of things does not allow it now. 409.
    #[error("{detail}")]
    Conflict {
        /// A stable code.
        code: &'static str,
        /// Values for the text.
        params: Params,
        /// English text.
        detail: String,
    },
    /// Too much was asked in too short a time. 429.
    #[error("too many attempts, try again in {retry_after_secs} s")]
    TooMany {
        /// When to try again.
        retry_after_secs: u64,
    },
    /// A part that is needed does not answer. 503.
    #[error("{detail}")]
    Unavailable {
        /// A stable code.
        code: &'static str,
        /// English text.
        detail: String,
    },
    /// A fault of ours; the text goes to the log, never to the person. 500.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn join(problems: &[FieldProblem]) -> String {
    problems.iter().map(|p| format!("{}: {}", p.field, p.detail)).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// A fault of ours with its cause.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// There is no such thing.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over ids and texts alike")]
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// One field does not hold.
    #[must_use]
    pub fn invalid(problem: FieldProblem) -> Self {
        Self::Invalid(vec![problem])
    }

    /// A conflict whose text needs no values.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, params: Params::new(), detail: detail.into() }
    }
}

impl FieldProblem {
    /// A problem whose text needs no values.
    pub fn new(field: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), params: Params::new(), detail: detail.into() }
    }

    /// The same with one more value for the text.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }
}
