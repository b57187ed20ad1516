//! From what is on record and what a runtime sees to what is so now; pure.

use myksc_core::app::{Failure, StepRecord};
use myksc_core::error::Params;
use myksc_core::grant::{Route, RouteState};
use myksc_core::{App, AppPhase, Step, Timestamp};

use crate::catalogue::Idle;
use crate::runtime::{Observation, Observed, Place};

/// The app after this observation.
pub(crate) fn merge(app: &App, seen: &Observation, now: Timestamp) -> App {
    let mut merged = app.clone();
    let is_live = matches!(app.phase, AppPhase::Starting | AppPhase::Ready);
    match (&seen.state, app.phase) {
        (Observed::Answering, AppPhase::Starting) => merged.phase = AppPhase::Ready,
        (Observed::Silent(failure), AppPhase::Starting | AppPhase::Ready) => {
            fail(&mut merged, failure.clone(), now);
        }
        (Observed::Ended { at, failure: Some(failure) }, _) if is_live => {
            fail(&mut merged, failure.clone(), *at);
        }
        (Observed::Ended { at, .. }, AppPhase::Starting | AppPhase::Ready | AppPhase::Stopping) => {
            end(&mut merged, AppPhase::Stopped, *at);
        }
        (Observed::Absent, AppPhase::Stopping) => end(&mut merged, AppPhase::Stopped, now),
        (Observed::Absent, AppPhase::Ready) => fail(&mut merged, gone(), now),
        _ => {}
    }
    if is_live || app.phase == AppPhase::Stopping {
        merged.steps = join_steps(&app.steps, &seen.steps);
        merged.limits_by = seen.limits_by.clone().or(merged.limits_by);
    }
    let goes_on = matches!(merged.phase, AppPhase::Starting | AppPhase::Ready);
    merged.hold = seen.hold.clone().filter(|_| goes_on);
    merged
}

/// The app's way for the gateway; `None` when it is gone for good. `idle` is what its template says of use.
pub(crate) fn route(app: &App, idle: &Idle, seen: Option<&Observation>) -> Option<Route> {
    let state = match app.phase {
        AppPhase::Deleted => return None,
        AppPhase::Starting | AppPhase::Stopping => RouteState::NotReady,
        AppPhase::Stopped | AppPhase::Failed => RouteState::Ended,
        AppPhase::Ready => match seen.and_then(|seen| seen.place.clone()) {
            Some(Place { endpoint, authorization, guard }) => {
                RouteState::Ready { endpoint, authorization, guard }
            }
            None => RouteState::NotReady,
        },
    };
    Some(Route {
        owner: app.owner.clone(),
        name: app.name.to_string(),
        polls: idle.polls.clone(),
        frames: idle.frames,
        state,
    })
}

/// Marks an app as failed.
pub(crate) fn fail(app: &mut App, failure: Failure, at: Timestamp) {
    app.failure = Some(failure);
    end(app, AppPhase::Failed, at);
}

fn end(app: &mut App, phase: AppPhase, at: Timestamp) {
    // What ends while an end is only announced ends for another reason.
    if app.phase != AppPhase::Stopping {
        app.auto_stop = None;
    }
    app.phase = phase;
    app.ended_at = Some(at);
}

/// Each step once, as it was first recorded, and none before the one it follows.
fn join_steps(recorded: &[StepRecord], seen: &[StepRecord]) -> Vec<StepRecord> {
    let mut steps = recorded.to_vec();
    for record in seen {
        if !steps.iter().any(|known| known.step == record.step) {
            steps.push(record.clone());
        }
    }
    steps.sort_by_key(|record| record.step);
    let mut latest: Option<Timestamp> = None;
    for record in &mut steps {
        let at = latest.map_or(record.at, |latest| latest.max(record.at));
        record.at = at;
        latest = Some(at);
    }
    steps
}

/// Why an app failed of which nothing is there.
pub(crate) fn gone() -> Failure {
    Failure {
        code: "gone".to_owned(),
        params: Params::new(),
        detail: "nothing of it is there any more".to_owned(),
        log_tail: Vec::new(),
    }
}

/// The step of the portal itself.
pub(crate) fn accepted(at: Timestamp) -> StepRecord {
    StepRecord { step: Step::Accepted, at, source: "portal".to_owned() }
}

#[cfg(test)]
mod tests;
