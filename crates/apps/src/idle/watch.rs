//! The loop that looks at the apps under watch.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::{Instant, sleep, timeout};

use myksc_core::{AppId, AppPhase, AutoStop, Error, Timestamp};

use super::Idleness;
use super::jupyter;
use super::watched::Word;
use crate::apps::Inner;
use crate::catalogue::IdleProbe;
use crate::control::Intent;
use crate::runtime::Place;

/// Apps that are asked at the same time.
const ASKED_AT_ONCE: usize = 16;
/// How long an app may take to answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// CPU time is looked at over so long at least: the answers to an open tab's questions are short bursts.
const SHORTEST_WINDOW: Duration = Duration::from_secs(10);
/// While an end is announced, a use takes it back within this.
const ANNOUNCED_PAUSE: Duration = Duration::from_secs(2);

/// Gives when somebody worked last in each app, as the gateway has seen.
pub(crate) type Uses<'a> = &'a (dyn Fn() -> Vec<(AppId, Timestamp)> + Send + Sync);

/// An app that has to be asked.
struct Due {
    app: AppId,
    generation: u32,
    probe: Option<IdleProbe>,
    place: Option<Place>,
}

/// What one said.
struct Asked {
    app: AppId,
    generation: u32,
    word: Word,
}

/// What an app's card shall say, or the end that it said before.
struct Change {
    app: AppId,
    plan: Option<AutoStop>,
    is_over: bool,
}

impl Inner {
    /// Looks at the apps again and again for as long as it is polled.
    pub(crate) async fn watch_idleness(&self, uses: Uses<'_>) {
        let Some(pause) = self.idleness.pause else { return };
        let mut next_look = Instant::now();
        loop {
            let is_look = Instant::now() >= next_look;
            if is_look {
                next_look = Instant::now() + pause;
            }
            self.look_at_uses(uses, pause, is_look).await;
            sleep(self.idleness.pause_until(next_look)).await;
        }
    }

    /// Takes note of uses; with `is_look`, asks every app that is due, else only those whose announced end is.
    async fn look_at_uses(&self, uses: Uses<'_>, window: Duration, is_look: bool) {
        if is_look {
            self.read_cpu_times(window).await;
        }
        let now = Timestamp::now();
        let due = self.idleness.due(&uses(), is_look, now);
        let asked = stream::iter(due).map(|due| self.ask_about_use(due)).buffer_unordered(ASKED_AT_ONCE);
        let asked: Vec<Asked> = asked.collect().await;
        // Whoever came back while others were asked goes first. An end that came meanwhile has not been asked about.
        for change in self.idleness.changes(&uses(), asked, now) {
            if let Err(error) = self.carry_out(&change).await {
                tracing::warn!(app = %change.app, %error, "an app's end could not be announced or brought about; tried again soon");
            }
        }
        if let Err(error) = self.idleness.save(&self.store, false).await {
            tracing::warn!(%error, "uses of apps could not be written down; tried again soon");
        }
    }

    async fn read_cpu_times(&self, window: Duration) {
        for app in self.idleness.measured() {
            // What can't be read now is nothing known, so the app goes on.
            let total = self.runtime.cpu_time(&app).await.unwrap_or_default();
            self.idleness.note_cpu(&app, total, window, Timestamp::now());
        }
    }

    async fn ask_about_use(&self, due: Due) -> Asked {
        let word = match (due.probe, due.place) {
            (None, _) => Word::None,
            (Some(_), None) => Word::Failed,
            (Some(IdleProbe::Jupyter), Some(place)) => {
                match timeout(ASK_TIMEOUT, jupyter::last_use(&place)).await {
                    Ok(Ok(at)) => Word::LastUse(at),
                    Ok(Err(error)) => {
                        tracing::info!(app = %due.app, error, "an app does not say whether it is used; it goes on");
                        Word::Failed
                    }
                    Err(_) => Word::Failed,
                }
            }
        };
        Asked { app: due.app, generation: due.generation, word }
    }

    /// Writes the plan on the app's card, or ends the app where that said so and the time has come.
    async fn carry_out(&self, change: &Change) -> Result<(), Error> {
        let app = self.store.app(&change.app).await?;
        let Some(mut app) = app.filter(|app| app.phase == AppPhase::Ready) else { return Ok(()) };
        let was_told = app.auto_stop == change.plan;
        let is_over = change.is_over && was_told;
        if is_over {
            app.phase = AppPhase::Stopping;
        } else if was_told {
            self.idleness.tell(&app);
            return Ok(());
        }
        app.auto_stop = change.plan;
        let mut tx = self.store.begin().await?;
        // Somebody else's change comes first, and what follows from it is seen at the next look.
        if !tx.update_app(&mut app).await? {
            return Ok(());
        }
        if is_over {
            tracing::info!(app = %app.id, cause = ?app.auto_stop.map(|stop| stop.cause), "an app is stopped");
            self.ask(&mut tx, Intent::Stop, &app).await?;
        }
        tx.commit().await?;
        self.idleness.tell(&app);
        self.publish_early(&app);
        Ok(())
    }
}

impl Idleness {
    fn note_uses(&self, uses: &[(AppId, Timestamp)], now: Timestamp) {
        let mut state = self.lock();
        for (app, at) in uses {
            if let Some(watched) = state.watched.get_mut(app) {
                watched.note_use(*at, now);
            }
        }
    }

    fn due(&self, uses: &[(AppId, Timestamp)], is_look: bool, now: Timestamp) -> Vec<Due> {
        self.note_uses(uses, now);
        let state = self.lock();
        let due = state.watched.iter().filter(|(_, watched)| watched.has_to_be_asked(is_look, now));
        due.map(|(app, watched)| Due {
            app: app.clone(),
            generation: watched.generation,
            probe: watched.probe,
            place: watched.place.clone(),
        })
        .collect()
    }

    fn measured(&self) -> Vec<AppId> {
        let state = self.lock();
        state
            .watched
            .iter()
            .filter(|(_, watched)| watched.is_measured())
            .map(|(app, _)| app.clone())
            .collect()
    }

    fn note_cpu(&self, app: &AppId, total: Option<Duration>, window: Duration, now: Timestamp) {
        if let Some(watched) = self.lock().watched.get_mut(app) {
            watched.note_cpu(total, (window / 2).max(SHORTEST_WINDOW), now);
        }
    }

    /// The plans that are not what cards say, or whose time has come.
    fn changes(&self, uses: &[(AppId, Timestamp)], asked: Vec<Asked>, now: Timestamp) -> Vec<Change> {
        self.note_uses(uses, now);
        let mut state = self.lock();
        for asked in asked {
            if let Some(watched) = state.watched.get_mut(&asked.app)
                && watched.generation == asked.generation
            {
                watched.hear(asked.word, now);
            }
        }
        let changed = state.watched.iter_mut().filter_map(|(app, watched)| {
            let plan = watched.plan(now);
            let is_over = plan.is_some_and(|plan| plan.at <= now);
            (plan != watched.told || is_over).then(|| Change { app: app.clone(), plan, is_over })
        });
        changed.collect()
    }

    /// Until something has to be looked at.
    fn pause_until(&self, next_look: Instant) -> Duration {
        let left = next_look.saturating_duration_since(Instant::now());
        let ends =
            self.lock().watched.values().filter_map(|watched| watched.planned()).map(|plan| plan.at).min();
        let Some(end) = ends else { return left };
        let millis = end.as_millis().saturating_sub(Timestamp::now().as_millis());
        let until_end = Duration::from_millis(millis.max(0).unsigned_abs());
        left.min(until_end.max(super::SHORTEST_PAUSE)).min(ANNOUNCED_PAUSE)
    }
}
