//! Why a command of the client did not do what was asked.

use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// Result of the client.
pub(crate) type Result<T, E = ClientError> = std::result::Result<T, E>;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no token.
    #[error("not signed in: run `myksc login`, or set MYKSC_SERVER and MYKSC_TOKEN")]
    NotSignedIn,
    /// The portal does not answer, or stopped in the middle.
    #[error("{0}")]
    Unreachable(String),
    /// What the portal says is no answer of a portal.
    #[error("the server's answer is not understood: {0}")]
    Protocol(String),
    /// The portal refused.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Name and password are right, but not enough; the portal's URL.
    #[error(
        "this account has a second factor: run `myksc login --server {0}` without --user and --password-stdin, \
         and confirm the sign-in in a browser"
    )]
    SecondFactor(String),
    /// There is no such thing, as far as a list says.
    #[error("no such {0}: {1}")]
    NotFound(&'static str, String),
    /// A file of this machine, or standard output.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// What was waited for ended badly.
    #[error("{0}")]
    Failed(String),
}

/// A problem as the portal says it (RFC 9457).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    detail: String,
    #[serde(default)]
    pub(crate) params: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    request_id: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Field {
    field: String,
    detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.fields.is_empty() {
            f.write_str(&self.detail)?;
        }
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let name = if field.field.is_empty() { "request" } else { &field.field };
            write!(f, "{separator}{name}: {}", field.detail)?;
        }
        if self.status >= 500 && !self.request_id.is_empty() {
            write!(f, " (request {})", self.request_id)?;
        }
        Ok(())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Usage(_) => Exit::Usage,
            ClientError::NotSignedIn => Exit::NotSignedIn,
            ClientError::Unreachable(_) => Exit::Unreachable,
            ClientError::SecondFactor(_) => Exit::SecondFactor,
            ClientError::NotFound(..) => Exit::NotFound,
            ClientError::Refused(problem) => match problem.status {
                401 => Exit::NotSignedIn,
                404 => Exit::NotFound,
                400..500 | 507 => Exit::Refused,
                503 => Exit::Unreachable,
                _ => Exit::Failed,
            },
            ClientError::Protocol(_) | ClientError::File(..) | ClientError::Failed(_) => Exit::Failed,
        };
        Failure::new(exit, error)
    }
}
