use std::collections::BTreeMap;

use myksc_core::app::StepRecord;
use myksc_core::{AppName, AppPhase, Resources, UserId};

use super::*;

const RULES: IdleRules =
    IdleRules { after: Some(Duration::from_secs(3600)), max_life: None, warn: Duration::from_secs(900) };
const WINDOW: Duration = Duration::from_secs(30);

/// So many minutes after the app's launch.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_secs(minutes * 60)
}

fn app() -> App {
    App {
        id: AppId::random(),
        owner: UserId::random(),
        name: AppName::parse("lab").unwrap(),
        template: "jupyter".to_owned(),
        runtime: "local".to_owned(),
        phase: AppPhase::Ready,
        steps: vec![StepRecord { step: Step::Answering, at: at(0), source: String::new() }],
        failure: None,
        hold: None,
        auto_stop: None,
        resources: Resources::default(),
        limits_by: None,
        values: BTreeMap::new(),
        generation: 1,
        created_at: at(0),
        launched_at: at(0),
        ended_at: None,
        revision: 1,
    }
}

fn watched_by(rules: &IdleRules, idle: &Idle) -> Watched {
    Watched::new(&app(), Limits::of(rules, idle), idle, None, at(0))
}

/// An app that can be asked itself, and whose CPU time says nothing.
fn watched() -> Watched {
    watched_by(&RULES, &Idle::default())
}

fn idle_at(end: i64, since: i64) -> Option<AutoStop> {
    Some(AutoStop { cause: AutoStopCause::Idle, at: at(end), since: at(since) })
}

#[test]
fn an_unused_app_is_told_of_a_quarter_hour_before_its_end_and_then_ends() {
    let mut lab = watched();
    assert!(!lab.has_to_be_asked(true, at(44)));
    assert_eq!(lab.plan(at(44)), None);
    assert!(lab.has_to_be_asked(true, at(45)));
    lab.hear(Word::LastUse(None), at(45));
    assert_eq!(lab.plan(at(45)), idle_at(60, 0));
    assert!(!lab.has_to_be_asked(false, at(59)) && lab.has_to_be_asked(false, at(60)));
    lab.hear(Word::LastUse(None), at(60));
    assert_eq!(lab.plan(at(60)), idle_at(60, 0), "its end does not move");
}

#[test]
fn only_a_fresh_word_that_nothing_uses_it_ends_it() {
    let mut lab = watched();
    lab.hear(Word::Failed, at(200));
    assert_eq!(lab.plan(at(200)), None, "nobody knows");
    lab.hear(Word::LastUse(None), at(201));
    assert_eq!(lab.plan(at(201)), idle_at(216, 0), "the whole warning, however late");
    lab.hear(Word::Failed, at(216));
    assert_eq!(lab.plan(at(216)), None, "at the last moment nobody knows again");
    lab.hear(Word::LastUse(None), at(217));
    assert_eq!(lab.plan(at(217)), idle_at(232, 0));
}

#[test]
fn work_in_the_browser_takes_an_end_back_and_so_does_its_person() {
    let mut lab = watched();
    lab.hear(Word::LastUse(None), at(50));
    assert!(lab.plan(at(50)).is_some());
    lab.note_use(at(51), at(52));
    assert_eq!(lab.plan(at(52)), None);
    lab.hear(Word::LastUse(None), at(96));
    assert_eq!(lab.plan(at(96)), idle_at(111, 51));
    lab.keep(at(100));
    assert_eq!(lab.plan(at(100)), None);
    lab.hear(Word::LastUse(None), at(145));
    assert_eq!(lab.plan(at(145)), idle_at(160, 51), "to be kept is not to be used");
}

#[test]
fn an_old_use_that_is_told_again_takes_nothing_back() {
    let mut lab = watched();
    lab.note_use(at(10), at(11));
    lab.hear(Word::LastUse(Some(at(10))), at(56));
    let plan = lab.plan(at(56));
    assert_eq!(plan, idle_at(71, 10));
    lab.note_use(at(10), at(57));
    assert_eq!(lab.plan(at(57)), plan);
}

#[test]
fn a_cell_that_runs_is_use_and_its_end_begins_the_count() {
    let mut lab = watched();
    lab.hear(Word::LastUse(Some(at(46))), at(46));
    assert_eq!(lab.plan(at(46)), None, "it runs now");
    lab.hear(Word::LastUse(Some(at(80))), at(91));
    assert_eq!(lab.plan(at(91)), None, "it ended eleven minutes ago");
    lab.hear(Word::LastUse(Some(at(80))), at(126));
    assert_eq!(lab.plan(at(126)), idle_at(141, 80));
}

#[test]
fn a_clock_of_another_machine_that_is_ahead_gives_no_time_away() {
    let mut lab = watched();
    lab.hear(Word::LastUse(Some(at(1000))), at(46));
    lab.hear(Word::LastUse(None), at(91));
    assert_eq!(lab.plan(at(91)), idle_at(106, 46));
}

#[test]
fn what_computes_without_a_browser_is_used_and_what_can_not_be_measured_is_not_known() {
    let busy = Idle { cpu_percent: 5, ..Idle::default() };
    let mut desktop = watched_by(&RULES, &busy);
    let mut total = Duration::ZERO;
    for minute in 0..120 {
        desktop.note_cpu(Some(total), WINDOW, at(minute));
        desktop.hear(Word::None, at(minute));
        assert_eq!(desktop.plan(at(minute)), None, "minute {minute}");
        total += Duration::from_secs(6);
    }
    // It computes no more.
    for minute in 120..165 {
        desktop.note_cpu(Some(total), WINDOW, at(minute));
    }
    desktop.hear(Word::None, at(165));
    assert_eq!(desktop.plan(at(165)), idle_at(180, 120));

    let mut unmeasured = watched_by(&RULES, &busy);
    unmeasured.note_cpu(None, WINDOW, at(1));
    unmeasured.hear(Word::None, at(500));
    assert_eq!(unmeasured.plan(at(500)), None);
    unmeasured.hear(Word::LastUse(None), at(500));
    assert!(unmeasured.plan(at(500)).is_some(), "what can be asked knows itself");
}

#[test]
fn one_reading_of_cpu_time_says_nothing() {
    let mut lab = watched_by(&RULES, &Idle { cpu_percent: 5, ..Idle::default() });
    lab.note_cpu(Some(Duration::from_secs(9)), WINDOW, at(100));
    lab.hear(Word::LastUse(None), at(100));
    assert_eq!(lab.plan(at(100)), None);
    lab.note_cpu(Some(Duration::from_secs(9)), WINDOW, at(101));
    lab.hear(Word::LastUse(None), at(101));
    assert_eq!(lab.plan(at(101)), idle_at(116, 0));
}

#[test]
fn the_longest_life_ends_an_app_in_use_and_nobody_can_keep_it() {
    let rules = IdleRules { max_life: Some(Duration::from_secs(7200)), ..RULES };
    let mut lab = watched_by(&rules, &Idle::default());
    let end = Some(AutoStop { cause: AutoStopCause::MaxLife, at: at(120), since: at(0) });
    lab.note_use(at(104), at(104));
    assert_eq!(lab.plan(at(104)), None);
    assert_eq!(lab.plan(at(105)), end);
    lab.keep(at(110));
    lab.note_use(at(119), at(119));
    assert_eq!(lab.plan(at(120)), end);
    // What comes first is told.
    let mut unused = watched_by(&rules, &Idle { after_secs: Some(6600), ..Idle::default() });
    unused.hear(Word::LastUse(None), at(96));
    assert_eq!(unused.plan(at(106)), idle_at(111, 0));
}

#[test]
fn a_template_has_the_last_word_and_a_short_span_is_not_all_warning() {
    let never = Idle { after_secs: Some(0), ..Idle::default() };
    assert!(Limits::of(&RULES, &never).is_off());
    assert!(Limits::of(&IdleRules::default(), &Idle::default()).is_off());
    let short = Idle { after_secs: Some(600), ..Idle::default() };
    assert_eq!(Limits::of(&IdleRules::default(), &short).shortest_warning_secs(), Some(300));
    let mut lab = watched_by(&RULES, &short);
    assert!(!lab.has_to_be_asked(true, at(4)) && lab.has_to_be_asked(true, at(5)));
    lab.hear(Word::LastUse(None), at(5));
    assert_eq!(lab.plan(at(5)), idle_at(10, 0));
}

#[test]
fn what_was_before_the_portals_start_is_remembered_unless_it_was_of_another_launch() {
    let limits = Limits::of(&RULES, &Idle::default());
    let known = |used: i64, idle_from: i64| {
        Some(AppUse { app: AppId::random(), used_at: at(used), idle_from: at(idle_from) })
    };
    // Used at 10, away from 40 to 100: half an hour of idle time has passed.
    let mut lab = Watched::new(&app(), limits, &Idle::default(), known(10, 70), at(100));
    lab.hear(Word::LastUse(None), at(114));
    assert_eq!(lab.plan(at(114)), None);
    lab.hear(Word::LastUse(None), at(115));
    assert_eq!(lab.plan(at(115)), idle_at(130, 10));
    assert!(lab.is_unsaved(300));
    assert_eq!(lab.take_unsaved(&app().id).idle_from, at(70));
    assert!(!lab.is_unsaved(0));

    let mut again = Watched::new(&app(), limits, &Idle::default(), known(-5, 0), at(100));
    again.hear(Word::LastUse(None), at(144));
    assert_eq!(again.plan(at(144)), None, "nothing is known of it, so it counts from now");
}
