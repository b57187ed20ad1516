//! Why a call to an agent fails.

use myksc_core::wire::{FileCode, FileProblem};
use myksc_core::{Error, FieldProblem};

/// Why a call to an agent fails.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The agent refuses; its code says why.
    #[error("{}", .0.detail)]
    Refused(FileProblem),
    /// The files are another system account's than the portal's, which has no rights over them.
    #[error("the portal runs as user id {portal_uid} and can't reach the files of user id {uid}")]
    OtherUser {
        /// Whose files were asked for.
        uid: u32,
        /// What the portal runs as.
        portal_uid: u32,
    },
    /// The agent could not be started.
    #[error("the file agent does not start: {0}")]
    NotStarted(String),
    /// The agent ended in the middle, or the connection to it did.
    #[error("the file agent did not answer: {0}")]
    Lost(String),
    /// Who sent the bytes went away in the middle of them; what arrived is kept.
    #[error("the sender of the bytes went away: {0}")]
    SenderGone(String),
    /// The agent does not answer in time: a file system may hang.
    #[error("the file agent did not answer in time")]
    TooSlow,
    /// The agent answered what no agent answers.
    #[error("the file agent answered rubbish: {0}")]
    Rubbish(&'static str),
}

impl FilesError {
    /// The agent's code, when it was the agent that refused.
    #[must_use]
    pub fn code(&self) -> Option<FileCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }
}

impl From<FilesError> for Error {
    fn from(error: FilesError) -> Self {
        let detail = error.to_string();
        match error {
            FilesError::Refused(problem) => refused(problem),
            FilesError::OtherUser { .. } => Self::Forbidden { code: "other_user_on_this_machine", detail },
            FilesError::NotStarted(_) => Self::Unavailable { code: "agent_not_started", detail },
            FilesError::Lost(_) | FilesError::Rubbish(_) => Self::Unavailable { code: "agent_lost", detail },
            FilesError::SenderGone(_) => {
                Self::Conflict { code: "sender_gone", params: Default::default(), detail }
            }
            FilesError::TooSlow => Self::Unavailable { code: "agent_too_slow", detail },
        }
    }
}

/// The nearest word of the domain; the HTTP surface, which has more of them, looks at the problem itself.
fn refused(problem: FileProblem) -> Error {
    let FileProblem { code, params, detail, .. } = problem;
    match (code, code.status()) {
        (FileCode::NotFound, _) => {
            let path = params.get("path").and_then(|path| path.as_str()).unwrap_or_default();
            Error::not_found("file", path)
        }
        (_, 403) => Error::Forbidden { code: code.name(), detail },
        (_, 400 | 422) => {
            Error::invalid(FieldProblem { field: "path".into(), code: code.name().into(), params, detail })
        }
        (_, 500..) => Error::Unavailable { code: code.name(), detail },
        _ => Error::Conflict { code: code.name(), params, detail },
    }
}
