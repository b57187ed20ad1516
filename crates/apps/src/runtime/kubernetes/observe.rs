//! From what the cluster says of an app to what the portal says of it; pure.

use myksc_core::app::{Failure, Hold, StepRecord};
use myksc_core::error::Params;
use myksc_core::{App, Step, Timestamp};

use super::records::{Container, DeploymentRecord, End, PodRecord};
use super::words;
use crate::runtime::Observed;

/// Ends in a row after which an app counts as failed.
const MAX_RESTARTS: u32 = 3;

/// How far an app has come, but for whether it answers.
#[derive(Debug, PartialEq)]
pub(super) enum Standing {
    /// All that can be said.
    Settled(Observed),
    /// On its way; what holds it, if anything does.
    Coming(Option<Hold>),
    /// Its container runs since then, so it can be asked.
    Running(Timestamp),
}

/// Where an app's present generation stands.
pub(super) fn standing(
    app: &App,
    deployment: Option<&DeploymentRecord>,
    pod: Option<&PodRecord>,
) -> Standing {
    let Some(deployment) = deployment.filter(|found| found.generation == app.generation) else {
        return Standing::Settled(Observed::Absent);
    };
    if deployment.replicas == 0 || deployment.is_going {
        let has_ended = deployment.pods == 0 && pod.is_none();
        let ended = Observed::Ended { at: Timestamp::now(), failure: None };
        return if has_ended { Standing::Settled(ended) } else { Standing::Coming(None) };
    }
    let Some(pod) = pod else {
        return Standing::Coming(deployment.refused.as_deref().map(words::refused));
    };
    if let Some(reason) = &pod.failed {
        return Standing::Coming(Some(words::pod_failed(reason)));
    }
    if let Some(message) = &pod.unplaced {
        return Standing::Coming(Some(words::unplaced(message)));
    }
    of_container(app, deployment, pod)
}

fn of_container(app: &App, deployment: &DeploymentRecord, pod: &PodRecord) -> Standing {
    let container = &pod.container;
    match &container.state {
        None => Standing::Coming(None),
        Some(Container::Running(since)) => Standing::Running(*since),
        Some(Container::Ended(end)) => again(app, container.restarts, end),
        Some(Container::Waiting { reason, message }) => match (&container.last_end, reason.as_str()) {
            (Some(end), "CrashLoopBackOff") => again(app, container.restarts, end),
            _ => Standing::Coming(words::waiting(reason, message, deployment.definition.own_image.as_ref())),
        },
    }
}

/// It ended and is started again, unless that was in vain too often.
fn again(app: &App, restarts: u32, end: &End) -> Standing {
    if restarts < MAX_RESTARTS {
        return Standing::Coming(Some(words::restarting(end, restarts)));
    }
    let limit = app.resources.memory_bytes;
    let failure = match words::start_fault(&end.last_lines) {
        Some(code) => not_begun(code, end),
        None if end.is_out_of_memory => out_of_memory(end, limit),
        None => crash_loop(end, restarts),
    };
    Standing::Settled(Observed::Silent(failure))
}

fn not_begun(code: &str, end: &End) -> Failure {
    Failure {
        code: code.to_owned(),
        params: Params::new(),
        detail: "the program in its image could not be started".to_owned(),
        log_tail: lines(&end.last_lines),
    }
}

fn crash_loop(end: &End, restarts: u32) -> Failure {
    let code = end.exit_code;
    Failure {
        code: "crash_loop".to_owned(),
        params: Params::from([
            ("exit_code".to_owned(), code.into()),
            ("restarts".to_owned(), restarts.into()),
        ]),
        detail: format!("it ended with exit code {code}, again after {restarts} restarts"),
        log_tail: lines(&end.last_lines),
    }
}

fn out_of_memory(end: &End, limit_bytes: u64) -> Failure {
    Failure {
        code: "out_of_memory".to_owned(),
        params: Params::from([("limit_memory_bytes".to_owned(), limit_bytes.into())]),
        detail: format!("it took more than its {limit_bytes} bytes of memory"),
        log_tail: lines(&end.last_lines),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The steps that the pod has taken, each with the moment and the object that say so.
pub(super) fn steps(deployment: &DeploymentRecord, pod: &PodRecord) -> Vec<StepRecord> {
    let source = format!("pod {}/{}", deployment.namespace, pod.name);
    let placed = pod.placed_at.map(|at| StepRecord {
        step: Step::Placed,
        at,
        source: pod.node.as_ref().map_or_else(|| source.clone(), |node| format!("node {node}")),
    });
    let started_at = match (&pod.container.state, &pod.container.last_end) {
        (Some(Container::Running(since)), _) => Some(*since),
        (Some(Container::Ended(end)), _) | (_, Some(end)) => Some(end.at),
        _ => None,
    };
    // The kubelet tells of the image when it makes the container from it.
    let image_ready = pod.container.image.as_ref().zip(started_at).map(|(image, at)| StepRecord {
        step: Step::ImageReady,
        at,
        source: image.clone(),
    });
    let started = started_at.map(|at| StepRecord { step: Step::Started, at, source: source.clone() });
    [placed, image_ready, started].into_iter().flatten().collect()
}
