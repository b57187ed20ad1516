//! From a supervisor's report to what the portal says of an app.

use std::collections::VecDeque;

use myksc_core::app::{Failure, StepRecord};
use myksc_core::error::Params;
use myksc_core::spool::{Exit, ExitCause, Status};
use myksc_core::{App, AppPhase, Step, Timestamp};
use myksc_spool::{Chunk, Folder, SpoolError, State, read_chunk};

use super::record::Record;
use crate::runtime::probe::{Outcome, Probes, Target};
use crate::runtime::{Observation, Observed, Place, not_answering};

/// How much of a log stands on a card.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: i64 = 8 << 10;

/// What is seen of an app whose orders are of its present generation.
pub(super) fn observation(
    folder: &Folder,
    app: &App,
    record: &Record,
    state: &State,
    probes: &Probes,
    authorization: Option<String>,
) -> Observation {
    let place = Place { endpoint: record.endpoint.clone(), authorization, guard: None };
    let (state, steps, limits_by) = match state {
        State::NotStarted => (Observed::Coming, Vec::new(), None),
        // Its end is on the way: a new supervisor settles it.
        State::Lost(status) => (Observed::Coming, steps(record, status), limits_by(status)),
        State::Running(status) => running(folder, app, record, status, probes, &place),
        State::Ended { status, exit } => {
            probes.forget(&app.id);
            let failure = failure(folder, app, exit);
            (Observed::Ended { at: exit.at, failure }, steps(record, status), limits_by(status))
        }
    };
    Observation { steps, limits_by, place: Some(place), ..Observation::of(state) }
}

/// What is seen of an app whose supervisor dies again and again before it starts anything.
pub(super) fn supervisor_failed(folder: &Folder) -> Observation {
    let log = folder.path().join("supervisor.log");
    let failure = Failure {
        code: "supervisor_failed".to_owned(),
        params: Params::new(),
        detail: "its supervisor does not start".to_owned(),
        log_tail: tail(read_chunk(&log, -TAIL_BYTES, TAIL_BYTES.unsigned_abs(), true)),
    };
    let state = Observed::Ended { at: Timestamp::now(), failure: Some(failure) };
    Observation { state, ..Observation::absent() }
}

type Seen = (Observed, Vec<StepRecord>, Option<String>);

fn running(
    folder: &Folder,
    app: &App,
    record: &Record,
    status: &Status,
    probes: &Probes,
    place: &Place,
) -> Seen {
    let mut steps = steps(record, status);
    let Some(process) = &status.process else { return (Observed::Coming, steps, None) };
    let limits_by = limits_by(status);
    match app.phase {
        // It answered in an earlier life of the portal.
        AppPhase::Ready => return (Observed::Answering, steps, limits_by),
        AppPhase::Starting => {}
        _ => return (Observed::Coming, steps, limits_by),
    }
    let outcome = probes.outcome(Target {
        app: app.id.clone(),
        run: app.generation.to_string(),
        place: place.clone(),
        orders: record.probe.clone(),
        started_at: process.started_at,
    });
    let state = match outcome {
        Outcome::Pending => Observed::Coming,
        Outcome::Answered { at, source } => {
            steps.push(StepRecord { step: Step::Answering, at, source });
            Observed::Answering
        }
        Outcome::Silent { last } => Observed::Silent(not_answering(&record.probe, &last, log_tail(folder))),
    };
    (state, steps, limits_by)
}

fn steps(record: &Record, status: &Status) -> Vec<StepRecord> {
    let placed = StepRecord {
        step: Step::Placed,
        at: status.placed_at,
        source: format!("supervisor {}", status.supervisor_pid),
    };
    // The program was found before the folder was taken; the step is reached when both are so.
    let image_ready =
        StepRecord { at: record.image_ready.at.max(status.placed_at), ..record.image_ready.clone() };
    let started = status.process.as_ref().map(|process| StepRecord {
        step: Step::Started,
        at: process.started_at,
        source: format!("process {}", process.pid),
    });
    [placed, image_ready].into_iter().chain(started).collect()
}

fn limits_by(status: &Status) -> Option<String> {
    status.process.as_ref().map(|process| process.limits_by.clone())
}

/// Why it ended; `None` when it was asked to.
fn failure(folder: &Folder, app: &App, exit: &Exit) -> Option<Failure> {
    let mut params = Params::new();
    let (code, detail) = match exit.cause {
        ExitCause::Stopped => return None,
        ExitCause::Exited => {
            let exit_code = exit.code.unwrap_or_default();
            params.insert("exit_code".to_owned(), exit_code.into());
            ("exited", format!("it ended by itself with exit code {exit_code}"))
        }
        ExitCause::Signalled => {
            let signal = exit.signal.unwrap_or_default();
            params.insert("signal".to_owned(), signal.into());
            ("killed", format!("signal {signal} ended it"))
        }
        ExitCause::OutOfMemory => {
            let limit = app.resources.memory_bytes;
            params.insert("limit_memory_bytes".to_owned(), limit.into());
            ("out_of_memory", format!("it took more than its {limit} bytes of memory"))
        }
        ExitCause::NotStarted => {
            let reason = exit.detail.clone().unwrap_or_default();
            params.insert("reason".to_owned(), reason.clone().into());
            ("not_started", format!("it could not be started: {reason}"))
        }
        ExitCause::WalltimeOver => ("walltime_over", "its time was over".to_owned()),
        ExitCause::SupervisorLost => ("supervisor_lost", "its supervisor died, so it was ended".to_owned()),
    };
    Some(Failure { code: code.to_owned(), params, detail, log_tail: log_tail(folder) })
}

fn log_tail(folder: &Folder) -> Vec<String> {
    tail(folder.read_log(-TAIL_BYTES, TAIL_BYTES.unsigned_abs(), true))
}

/// The last lines of what was read; none when it can't be read.
fn tail(end: Result<Chunk, SpoolError>) -> Vec<String> {
    let Ok(chunk) = end else { return Vec::new() };
    let mut lines = VecDeque::with_capacity(TAIL_LINES);
    for line in chunk.text.lines() {
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
    lines.into()
}
