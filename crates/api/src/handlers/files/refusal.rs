//! What a user's agent refuses, as a problem.

use http::StatusCode;
use myksc_core::wire::{FileCode, FileProblem, RemovalReport};
use myksc_core::{Error, FieldProblem};
use myksc_files::FilesError;

use crate::problem::Problem;

pub(super) fn to_problem(error: FilesError) -> Problem {
    if let FilesError::SenderGone(why) = &error {
        // Nobody reads the answer; the log does not call it a failure of ours.
        tracing::info!(why, "a client went away in the middle of its bytes");
        return Problem::new(StatusCode::BAD_REQUEST, "sender_gone", error.to_string());
    }
    let FilesError::Refused(refusal) = error else { return Error::from(error).into() };
    let sharper_elsewhere = matches!(refusal.code, FileCode::NotFound | FileCode::AgentBusy);
    if sharper_elsewhere || refusal.code.status() == StatusCode::UNPROCESSABLE_ENTITY {
        return Error::from(FilesError::Refused(refusal)).into();
    }
    let FileProblem { code, params, detail, .. } = refusal;
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    params
        .into_iter()
        .fold(Problem::new(status, code.name(), detail), |problem, (name, value)| problem.with(&name, value))
}

/// The word for it in the audit log.
pub(super) fn code_of(error: &FilesError) -> &'static str {
    match error {
        FilesError::Refused(refusal) => refusal.code.name(),
        FilesError::OtherUser { .. } => "other_user_on_this_machine",
        FilesError::NotStarted(_) => "agent_not_started",
        FilesError::Lost(_) | FilesError::Rubbish(_) => "agent_lost",
        FilesError::SenderGone(_) => "sender_gone",
        FilesError::TooSlow => "agent_too_slow",
    }
}

/// The problem of a removal that left something.
pub(super) fn remains(report: RemovalReport) -> Problem {
    let fields = report.failures.into_iter().map(|failure| {
        FieldProblem::new(format!("paths[{}]", failure.index), failure.code.name(), failure.detail)
            .with("path", failure.path.to_string())
    });
    let fields = fields.collect();
    Problem::new(
        StatusCode::CONFLICT,
        "not_all_removed",
        format!("{} names could not be removed", report.failed),
    )
    .with("failed", report.failed)
    .with_fields(fields)
}
