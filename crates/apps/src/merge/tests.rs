use std::path::PathBuf;

use myksc_core::grant::Endpoint;
use myksc_core::{AppId, AppName, Resources, UserId};

use super::*;

fn app(phase: AppPhase) -> App {
    App {
        id: AppId::random(),
        owner: UserId::random(),
        name: AppName::parse("lab").unwrap(),
        template: "jupyter".into(),
        runtime: "local".into(),
        phase,
        steps: vec![accepted(at(1))],
        failure: None,
        hold: None,
        auto_stop: None,
        resources: Resources::default(),
        limits_by: None,
        values: Default::default(),
        generation: 1,
        created_at: at(1),
        launched_at: at(1),
        ended_at: None,
        revision: 1,
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn step(step: Step, millis: i64) -> StepRecord {
    StepRecord { step, at: at(millis), source: "s".into() }
}

fn seen(state: Observed) -> Observation {
    let steps = vec![step(Step::Placed, 5), step(Step::Started, 6)];
    let place = Place {
        endpoint: Endpoint::Unix(PathBuf::from("/run/a.sock")),
        authorization: Some("token x".to_owned()),
        guard: None,
    };
    Observation { steps, limits_by: Some("cgroup v1".into()), place: Some(place), ..Observation::of(state) }
}

fn failure(code: &str) -> Failure {
    Failure { code: code.into(), params: Params::new(), detail: String::new(), log_tail: Vec::new() }
}

fn ended(code: Option<&str>) -> Observed {
    Observed::Ended { at: at(9), failure: code.map(failure) }
}

#[test]
fn every_phase_goes_where_what_is_seen_leads() {
    use AppPhase::{Failed, Ready, Starting, Stopped, Stopping};
    let silent = || Observed::Silent(failure("not_answering"));
    let cases = [
        (Starting, Observed::Absent, Starting),
        (Starting, Observed::Coming, Starting),
        (Starting, Observed::Answering, Ready),
        (Starting, silent(), Failed),
        (Starting, ended(Some("exited")), Failed),
        (Starting, ended(None), Stopped),
        (Ready, Observed::Answering, Ready),
        (Ready, Observed::Coming, Ready),
        (Ready, Observed::Absent, Failed),
        (Ready, ended(Some("killed")), Failed),
        (Ready, ended(None), Stopped),
        (Stopping, Observed::Coming, Stopping),
        (Stopping, Observed::Answering, Stopping),
        (Stopping, Observed::Absent, Stopped),
        (Stopping, ended(Some("exited")), Stopped),
        (Stopping, ended(None), Stopped),
        (Stopped, ended(None), Stopped),
        (Stopped, Observed::Absent, Stopped),
        (Failed, Observed::Answering, Failed),
        (Failed, ended(None), Failed),
    ];
    for (before, state, after) in cases {
        let merged = merge(&app(before), &seen(state.clone()), at(20));
        assert_eq!(merged.phase, after, "{before:?} and {state:?}");
        assert_eq!(merged.failure.is_some(), before != Failed && after == Failed, "{before:?} and {state:?}");
    }
}

#[test]
fn a_step_is_recorded_once_and_never_before_the_one_it_follows() {
    let merged = merge(&app(AppPhase::Starting), &seen(Observed::Coming), at(20));
    let late = Observation {
        steps: vec![step(Step::Answering, 3), step(Step::ImageReady, 4), step(Step::Placed, 99)],
        ..seen(Observed::Answering)
    };
    let merged = merge(&merged, &late, at(30));
    let steps: Vec<_> = merged.steps.iter().map(|record| (record.step, record.at.as_millis())).collect();
    assert_eq!(
        steps,
        [
            (Step::Accepted, 1),
            (Step::Placed, 5),
            (Step::ImageReady, 5),
            (Step::Started, 6),
            (Step::Answering, 6)
        ]
    );
    assert_eq!(merged.limits_by.as_deref(), Some("cgroup v1"));
    assert_eq!(merge(&merged, &late, at(40)), merged, "seeing the same again changes nothing");
}

#[test]
fn only_a_ready_app_can_be_reached() {
    let state = |phase| {
        route(&app(phase), &Idle::default(), Some(&seen(Observed::Answering))).map(|route| route.state)
    };
    assert!(matches!(state(AppPhase::Ready), Some(RouteState::Ready { .. })));
    for phase in [AppPhase::Starting, AppPhase::Stopping] {
        assert_eq!(state(phase), Some(RouteState::NotReady));
    }
    for phase in [AppPhase::Stopped, AppPhase::Failed] {
        assert_eq!(state(phase), Some(RouteState::Ended));
    }
    assert_eq!(state(AppPhase::Deleted), None);
    assert_eq!(route(&app(AppPhase::Ready), &Idle::default(), None).unwrap().state, RouteState::NotReady);
}
