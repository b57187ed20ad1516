//! What slurmrestd says when it does not do what it is told.

use myksc_core::FieldProblem;

use super::super::refusal::{is_away, of_words};
use super::directives::Unfit;
use super::submission::NoBody;
use crate::reason::reason;
use crate::scheduler::{Action, SchedulerError};
use crate::transport::{ApiError, RestError, words};

/// Of a request that only reads: whatever it is, it may be otherwise the next time.
pub(super) fn of_reading(error: RestError) -> SchedulerError {
    match error {
        RestError::NotLetIn(why) => SchedulerError::NotAllowed(why),
        RestError::Unreached(why) => SchedulerError::Unreached(why),
        other => SchedulerError::Away(other.to_string()),
    }
}

/// Of a submission.
pub(super) fn of_submission(error: RestError) -> SchedulerError {
    match error {
        RestError::Refused(detail) if !is_away(&detail) => refused(&detail),
        other => of_reading(other),
    }
}

/// Of something that is done to a job.
pub(super) fn of_action(error: RestError, id: &str, action: Action) -> SchedulerError {
    match error {
        RestError::Refused(detail) => of_words(detail, id, action),
        other => of_reading(other),
    }
}

/// Errors that stand in an answer of success.
pub(super) fn beside_success(errors: &[ApiError]) -> Option<RestError> {
    let detail = words(errors);
    (!detail.is_empty()).then_some(RestError::Refused(detail))
}

pub(super) fn refused(detail: &str) -> SchedulerError {
    SchedulerError::Refused(reason("scheduler_refuses", [("detail", detail.into())], detail))
}

/// Of a script that can't be handed over.
pub(super) fn of_no_body(no_body: NoBody) -> SchedulerError {
    match no_body {
        NoBody::Path(error) => error,
        NoBody::Unfit(unfit) => refused(&problem(&unfit).detail),
    }
}

/// The same, at the form.
pub(super) fn problem(unfit: &Unfit) -> FieldProblem {
    match unfit {
        Unfit::Option(option) => {
            let detail = format!("this site does not take the option {option}");
            FieldProblem::new("script", "option_forbidden", detail).with("option", option.as_str())
        }
        Unfit::Line(detail) => {
            FieldProblem::new("script", "scheduler_refuses", detail.as_str()).with("detail", detail.as_str())
        }
    }
}
