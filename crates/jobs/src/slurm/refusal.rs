//! What Slurm's commands say when they do not do what they are told.

use myksc_core::JobPhase;

use crate::commands::words;
use crate::reason::reason;
use crate::scheduler::{Action, SchedulerError};
use crate::transport::Output;

/// Texts of a controller that can't be asked now.
const AWAY: [&str; 8] = [
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Zero Bytes were transmitted",
    "Transport endpoint is not connected",
    "Rate limit exceeded",
    "Resource temporarily unavailable",
    "in standby mode",
];

pub(super) fn is_away(text: &str) -> bool {
    AWAY.iter().any(|away| text.contains(away))
}

pub(super) fn of_submission(output: &Output) -> SchedulerError {
    let said = words(output, "sbatch");
    let lines = said.lines().map(|line| line.strip_prefix("Batch job submission failed: ").unwrap_or(line));
    let detail = lines.collect::<Vec<_>>().join("\n");
    if is_away(&detail) || output.exit_code.is_none() {
        return SchedulerError::Away(detail);
    }
    let detail = detail.strip_prefix("allocation failure: ").unwrap_or(&detail);
    SchedulerError::Refused(reason("scheduler_refuses", [("detail", detail.into())], detail))
}

pub(super) fn of_action(output: &Output, id: &str, action: Action) -> SchedulerError {
    of_words(words(output, "scontrol"), id, action)
}

/// What was said against something that was to be done to a job.
pub(super) fn of_words(detail: String, id: &str, action: Action) -> SchedulerError {
    if is_away(&detail) {
        return SchedulerError::Away(detail);
    }
    let refused = |code: &str| {
        SchedulerError::Refused(reason(code, [("detail", detail.as_str().into())], detail.as_str()))
    };
    match action {
        _ if detail.contains("already completing or completed") => {
            SchedulerError::WrongPhase(JobPhase::Ended)
        }
        Action::Requeue if detail.contains("pending execution") => {
            SchedulerError::WrongPhase(JobPhase::Queued)
        }
        Action::Requeue if detail.contains("presently disabled") => refused("requeue_disabled"),
        Action::SetWalltime(_) if detail.contains("permission denied") => refused("walltime_not_lengthened"),
        Action::Requeue | Action::SetWalltime(_) if !detail.contains("Invalid job id") => {
            refused("scheduler_refuses")
        }
        _ => SchedulerError::NoSuchJob(format!("{id}: {detail}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stderr: &str) -> Output {
        Output { exit_code: Some(1), stdout: Vec::new(), stderr: stderr.into(), is_cut: false }
    }

    #[test]
    fn a_refusal_keeps_what_the_site_says_and_a_controller_that_is_away_is_none() {
        let refused = of_submission(&output(
            "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy\n",
        ));
        let SchedulerError::Refused(why) = refused else { panic!("{refused:?}") };
        assert_eq!(why.detail, "QOSMaxSubmitJobPerUserLimit\nJob violates accounting/QOS policy");
        for away in [
            "Unable to contact slurm controller (connect failure)",
            "Socket timed out on send/recv operation",
        ] {
            let error =
                of_submission(&output(&format!("sbatch: error: Batch job submission failed: {away}\n")));
            assert!(matches!(error, SchedulerError::Away(_)), "{error:?}");
        }
    }

    #[test]
    fn what_people_may_not_do_is_told_in_words_of_their_own() {
        let of = |text: &str, action| {
            let error = of_action(&output(&format!("{text} for job 7\n")), "7", action);
            match error {
                SchedulerError::Refused(why) => why.code,
                other => format!("{other:?}").split('(').next().unwrap().to_owned(),
            }
        };
        let longer = "slurm_update error: Access/permission denied";
        assert_eq!(of(longer, Action::SetWalltime(60)), "walltime_not_lengthened");
        assert_eq!(of("Requested operation is presently disabled", Action::Requeue), "requeue_disabled");
        assert_eq!(of("Job is pending execution", Action::Requeue), "WrongPhase");
        assert_eq!(of("Job/step already completing or completed", Action::SetWalltime(60)), "WrongPhase");
        assert_eq!(of("Requested time limit is invalid", Action::SetWalltime(60)), "scheduler_refuses");
        assert_eq!(of("Invalid job id specified", Action::Hold), "NoSuchJob");
        assert_eq!(of("Unable to contact slurm controller", Action::Requeue), "Away");
    }
}
