//! What Slurm's commands say when they do not do what they are told.

use crate::commands::words;
use crate::reason::reason;
use crate::scheduler::SchedulerError;
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

fn is_away(text: &str) -> bool {
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

pub(super) fn of_action(output: &Output, id: &str) -> SchedulerError {
    let detail = words(output, "scontrol");
    if is_away(&detail) {
        return SchedulerError::Away(detail);
    }
    SchedulerError::NoSuchJob(format!("{id}: {detail}"))
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
}
