//! One app under watch: when it was used, and what end follows from that. Pure; the moment comes from outside.

use std::time::Duration;

use myksc_core::{App, AppId, AutoStop, AutoStopCause, Step, Timestamp};
use myksc_store::AppUse;

use super::IdleRules;
use super::load::{Load, Meter};
use crate::catalogue::{Idle, IdleProbe};
use crate::runtime::Place;

/// What holds for one app; in seconds, nothing where it is never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    after_secs: Option<i64>,
    max_life_secs: Option<i64>,
    warn_secs: i64,
}

/// An app that runs.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) generation: u32,
    pub(super) place: Option<Place>,
    pub(super) probe: Option<IdleProbe>,
    /// What its card says.
    pub(super) told: Option<AutoStop>,
    limits: Limits,
    launched_at: Timestamp,
    used_at: Timestamp,
    /// Where its idle time counts from.
    idle_from: Timestamp,
    meter: Meter,
    /// Its end for want of use, since it was announced.
    idle_stop: Option<AutoStop>,
    /// The end of its longest life, since it was announced.
    life_stop: Option<AutoStop>,
    saved_at: Option<Timestamp>,
}

/// What the app itself says of its use, where its template knows how to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It can't be asked.
    None,
    /// It was asked and did not answer as it should.
    Failed,
    /// It was used at this moment; at none if never.
    LastUse(Option<Timestamp>),
}

impl Limits {
    /// The template's, else the site's; 0 seconds is never.
    pub(super) fn of(rules: &IdleRules, idle: &Idle) -> Self {
        let secs = |own: Option<u64>, site: Option<Duration>| {
            let secs = own.or(site.map(|site| site.as_secs())).filter(|secs| *secs > 0)?;
            i64::try_from(secs).ok()
        };
        Self {
            after_secs: secs(idle.after_secs, rules.after),
            max_life_secs: secs(idle.max_life_secs, rules.max_life),
            warn_secs: i64::try_from(rules.warn.as_secs()).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.after_secs.is_none() && self.max_life_secs.is_none()
    }

    /// The shorter of its warnings.
    pub(super) fn shortest_warning_secs(&self) -> Option<i64> {
        [self.after_secs, self.max_life_secs].into_iter().flatten().map(|span| self.warn_secs(span)).min()
    }

    /// How long before the end of a span the person is told; a short span is not all warning.
    fn warn_secs(&self, span_secs: i64) -> i64 {
        self.warn_secs.min(span_secs / 2)
    }
}

impl Watched {
    /// An app that answers. `remembered` is what is known of its use before this portal's start, with its idle time
    /// counted as far as that portal looked; without it, it counts from now.
    pub(super) fn new(
        app: &App,
        limits: Limits,
        idle: &Idle,
        remembered: Option<AppUse>,
        now: Timestamp,
    ) -> Self {
        let answering = app.steps.iter().find(|record| record.step == Step::Answering);
        let began_at = answering.map_or(app.launched_at, |record| record.at);
        let remembered = remembered.filter(|known| known.used_at >= app.launched_at);
        Self {
            generation: app.generation,
            place: None,
            probe: idle.probe,
            told: app.auto_stop,
            limits,
            launched_at: app.launched_at,
            used_at: remembered.as_ref().map_or(began_at, |known| known.used_at),
            idle_from: remembered.as_ref().map_or(now, |known| known.idle_from).min(now),
            meter: Meter::new(idle.cpu_percent),
            idle_stop: None,
            life_stop: None,
            saved_at: None,
        }
    }

    /// Takes note of a use. A moment to come, by another machine's clock, is this one.
    pub(super) fn note_use(&mut self, at: Timestamp, now: Timestamp) {
        let at = at.min(now);
        self.used_at = self.used_at.max(at);
        self.count_from(at);
    }

    /// Takes note that its person wants it to go on.
    pub(super) fn keep(&mut self, now: Timestamp) {
        self.count_from(now);
    }

    fn count_from(&mut self, at: Timestamp) {
        if at > self.idle_from {
            self.idle_from = at;
            self.idle_stop = None;
        }
    }

    /// Whether its CPU time is of interest.
    pub(super) fn is_measured(&self) -> bool {
        self.limits.after_secs.is_some() && self.meter.is_on()
    }

    /// Takes note of all the CPU time that its processes have used; `None` where that can't be measured.
    pub(super) fn note_cpu(&mut self, total: Option<Duration>, window: Duration, now: Timestamp) {
        if self.meter.read(total, window, now) == Load::Busy {
            self.note_use(now, now);
        }
    }

    /// Whether its idle time is so long that it has to be asked whether something uses it; with `is_look`, from when its
    /// end may be announced on, else when that has come.
    pub(super) fn has_to_be_asked(&self, is_look: bool, now: Timestamp) -> bool {
        if is_look {
            return self.idle_end().is_some_and(|(end, warn_secs)| now >= end.plus_secs(-warn_secs));
        }
        self.idle_stop.is_some_and(|stop| stop.at <= now)
    }

    /// Takes note of what it says. Only a word that nothing uses it lets its end be announced, or stand.
    pub(super) fn hear(&mut self, word: Word, now: Timestamp) {
        if let Word::LastUse(Some(at)) = word {
            self.note_use(at, now);
        }
        let load = self.meter.load();
        let is_unused = match word {
            Word::Failed => false,
            Word::None => matches!(load, Load::NotLooked | Load::Calm),
            // It knows of what runs in it where nobody can measure that.
            Word::LastUse(_) => !matches!(load, Load::Beginning | Load::Busy),
        };
        let end = self.idle_end().filter(|_| is_unused);
        self.idle_stop =
            end.and_then(|end| announced(self.idle_stop, (AutoStopCause::Idle, self.used_at), end, now));
    }

    /// The end that it has before it.
    pub(super) fn plan(&mut self, now: Timestamp) -> Option<AutoStop> {
        let since = (AutoStopCause::MaxLife, self.launched_at);
        self.life_stop = self.life_end().and_then(|end| announced(self.life_stop, since, end, now));
        self.planned()
    }

    /// The end that was announced.
    pub(super) fn planned(&self) -> Option<AutoStop> {
        self.idle_stop.into_iter().chain(self.life_stop).min_by_key(|stop| stop.at)
    }

    fn idle_end(&self) -> Option<(Timestamp, i64)> {
        let secs = self.limits.after_secs?;
        Some((self.idle_from.plus_secs(secs), self.limits.warn_secs(secs)))
    }

    fn life_end(&self) -> Option<(Timestamp, i64)> {
        let secs = self.limits.max_life_secs?;
        Some((self.launched_at.plus_secs(secs), self.limits.warn_secs(secs)))
    }

    /// Whether what the database knows of its use is older than `secs`.
    pub(super) fn is_unsaved(&self, secs: i64) -> bool {
        self.saved_at.is_none_or(|saved| self.idle_from.secs_since(saved) > secs)
    }

    /// What the database shall know.
    pub(super) fn take_unsaved(&mut self, app: &AppId) -> AppUse {
        self.saved_at = Some(self.idle_from);
        AppUse { app: app.clone(), used_at: self.used_at, idle_from: self.idle_from }
    }
}

/// An end once it is near: as it was announced, else late enough for its person to hear of it.
fn announced(
    known: Option<AutoStop>,
    (cause, since): (AutoStopCause, Timestamp),
    (end, warn_secs): (Timestamp, i64),
    now: Timestamp,
) -> Option<AutoStop> {
    if now < end.plus_secs(-warn_secs) {
        return None;
    }
    Some(known.unwrap_or(AutoStop { cause, at: end.max(now.plus_secs(warn_secs)), since }))
}

#[cfg(test)]
mod tests;
