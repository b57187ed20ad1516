//! What PBS's commands say when they do not do what they are told.

use myksc_core::JobPhase;

use crate::commands::words;
use crate::reason::reason;
use crate::scheduler::SchedulerError;
use crate::transport::Output;

/// Texts of a server that can't be asked now.
const AWAY: [&str; 8] = [
    "cannot connect to server",
    "Connection refused",
    "No route to host",
    "Expired credential",
    "Server shutting down",
    "server could not be contacted",
    "Communication failure",
    "Premature end of message",
];

fn is_away(text: &str) -> bool {
    AWAY.iter().any(|away| text.contains(away))
}

/// Why qsub took no job.
pub(super) fn of_submission(output: &Output) -> SchedulerError {
    let detail = words(output, "qsub");
    // What stands behind is qsub's own help.
    let detail = detail.split("\nusage:").next().unwrap_or_default();
    if is_away(detail) || output.exit_code.is_none() {
        return SchedulerError::Away(detail.to_owned());
    }
    SchedulerError::Refused(reason("scheduler_refuses", [("detail", detail.into())], detail))
}

/// Whether qsub is too old for an option by which output is written while the job runs.
pub(super) fn is_of_live_output(output: &Output) -> bool {
    words(output, "qsub").contains("illegal -k value")
}

/// Why another walltime was not given.
pub(super) fn of_walltime(output: &Output, id: &str) -> SchedulerError {
    let detail = words(output, "qalter");
    let refused = |code: &str| {
        SchedulerError::Refused(reason(code, [("detail", detail.as_str().into())], detail.as_str()))
    };
    // The owner of a running job is told that when it would get more.
    if detail.contains("Unauthorized Request") {
        return refused("walltime_not_lengthened");
    }
    match of_action(output, "qalter", id) {
        SchedulerError::NoSuchJob(_)
            if !detail.contains("Unknown Job") && !detail.contains("has finished") =>
        {
            refused("scheduler_refuses")
        }
        other => other,
    }
}

/// Why an action was not done.
pub(super) fn of_action(output: &Output, program: &str, id: &str) -> SchedulerError {
    let detail = words(output, program);
    if is_away(&detail) || output.exit_code.is_none() {
        return SchedulerError::Away(detail);
    }
    if detail.contains("MOM rejected hold request") || detail.contains("Request invalid for state of job") {
        return SchedulerError::WrongPhase(JobPhase::Running);
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
    fn refusals_keep_what_the_server_says_and_nothing_of_the_help() {
        let refused = of_submission(&output(
            "qsub: illegal -N value\nusage: qsub [-a date_time] [-A account_string]\n\t[-C x]\n",
        ));
        let SchedulerError::Refused(why) = refused else { panic!("{refused:?}") };
        assert_eq!(why.detail, "illegal -N value");
        for away in [
            "Connection refused\nqsub: cannot connect to server vm (errno=15010)\n",
            "qsub: Server shutting down\n",
        ] {
            assert!(matches!(of_submission(&output(away)), SchedulerError::Away(_)), "{away}");
        }
        assert!(is_of_live_output(&output("qsub: illegal -k value\n")));
    }

    #[test]
    fn a_walltime_that_is_not_given_is_told() {
        let of = |text: &str| match of_walltime(&output(text), "5.vm") {
            SchedulerError::Refused(why) => why.code,
            other => format!("{other:?}").split('(').next().unwrap().to_owned(),
        };
        assert_eq!(of("qalter: Unauthorized Request  5.vm\n"), "walltime_not_lengthened");
        assert_eq!(
            of("qalter: Job violates queue and/or server resource limits 5.vm\n"),
            "scheduler_refuses"
        );
        assert_eq!(of("qalter: Job has finished 5.vm\n"), "NoSuchJob");
        assert_eq!(of("qalter: Unknown Job Id 5.vm\n"), "NoSuchJob");
    }

    #[test]
    fn an_action_that_comes_too_late_is_told_from_a_server_that_is_away() {
        let of = |text: &str| of_action(&output(text), "qdel", "5.vm");
        assert!(matches!(of("qdel: Unknown Job Id 5.vm\n"), SchedulerError::NoSuchJob(_)));
        assert!(matches!(of("qdel: Unauthorized Request  5.vm\n"), SchedulerError::NoSuchJob(_)));
        assert!(matches!(
            of("qhold: MOM rejected hold request: 15016 6.vm\n"),
            SchedulerError::WrongPhase(_)
        ));
        assert!(matches!(of("qdel: cannot connect to server vm (errno=15010)\n"), SchedulerError::Away(_)));
    }
}
