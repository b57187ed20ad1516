//! Ends to apps that nothing uses, and to those that have run as long as they may.
//!
//! What counts as use is said by the template (`[idle]`): what the gateway sees of a person's browser, what the app says
//! when it is asked by its own way in, and the CPU time of its processes. An app's end is announced on its card for a
//! while before it comes. Only a fresh answer that nothing uses it brings it about; what can't be asked or measured goes on.
//!
//! When an app was used last is kept in memory, and in the database as of some minutes ago at most. Time in which no portal
//! looked does not count.

mod jupyter;
mod load;
mod watch;
mod watched;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use myksc_core::{App, AppId, AppPhase, Error, Timestamp};
use myksc_store::{AppUse, Store};

use crate::catalogue::{Catalogue, Idle, Template};
use crate::runtime::Place;

use watched::{Limits, Watched};

/// A use is in the database after so many seconds.
const SAVE_SECS: i64 = 300;
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// When apps end by themselves, where their templates say nothing else. Templates may limit apps that the site does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleRules {
    /// After so long without use; never when absent.
    pub after: Option<Duration>,
    /// After so long a run in any case; never when absent.
    pub max_life: Option<Duration>,
    /// So long before that its person is told; at most half of the span itself.
    pub warn: Duration,
}

impl Default for IdleRules {
    /// Nothing ends by itself.
    fn default() -> Self {
        Self { after: None, max_life: None, warn: Duration::from_secs(15 * 60) }
    }
}

/// The apps under watch.
#[derive(Debug)]
pub(crate) struct Idleness {
    rules: IdleRules,
    /// Between two looks at everything; nothing where no app ends by itself.
    pause: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    watched: HashMap<AppId, Watched>,
    /// Uses from before this portal's start, until their apps are seen.
    remembered: HashMap<AppId, AppUse>,
    saved_at: Timestamp,
}

impl Idleness {
    /// Takes up what is known of uses; the time since the last look counts for nobody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn load(rules: IdleRules, catalogue: &Catalogue, store: &Store) -> Result<Self, Error> {
        let now = Timestamp::now();
        let pause = pause_of(&rules, catalogue);
        let unwatched_secs = match store.apps_watched_until().await? {
            Some(until) if pause.is_some() => now.secs_since(until).max(0),
            _ => i64::MAX,
        };
        let remembered = store.app_uses().await?.into_iter().map(|known| {
            let idle_from = known.idle_from.plus_secs(unwatched_secs).min(now);
            (known.app.clone(), AppUse { idle_from, ..known })
        });
        let remembered = remembered.collect();
        let state = Mutex::new(State { watched: HashMap::new(), remembered, saved_at: now });
        Ok(Self { rules, pause, state })
    }

    /// Takes note of an app as it is on record, and of the way to it where that is known.
    pub(crate) fn follow(&self, app: &App, template: Option<&Template>, place: Option<&Place>) {
        let mut state = self.lock();
        if app.phase != AppPhase::Ready {
            state.watched.remove(&app.id);
            return;
        }
        let off = Idle::default();
        let idle = template.map_or(&off, |template| &template.idle);
        let limits = Limits::of(&self.rules, idle);
        if limits.is_off() {
            return;
        }
        let State { watched, remembered, .. } = &mut *state;
        let known = watched
            .entry(app.id.clone())
            .or_insert_with(|| Watched::new(app, limits, idle, remembered.remove(&app.id), Timestamp::now()));
        if known.generation != app.generation {
            *known = Watched::new(app, limits, idle, None, Timestamp::now());
        }
        known.told = app.auto_stop;
        known.place = place.cloned().or_else(|| known.place.take());
    }

    /// Takes note that a person wants her app to go on, at once in the database, too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn keep(&self, app: &AppId, store: &Store) -> Result<(), Error> {
        let now = Timestamp::now();
        let kept = self.lock().watched.get_mut(app).map(|watched| {
            watched.keep(now);
            watched.take_unsaved(app)
        });
        match kept {
            Some(kept) => Ok(store.note_app_uses(&[kept], now).await?),
            None => Ok(()),
        }
    }

    /// Takes note of what an app's card says.
    pub(crate) fn tell(&self, app: &App) {
        if let Some(watched) = self.lock().watched.get_mut(&app.id) {
            watched.told = app.auto_stop;
        }
    }

    /// Writes down the uses that the database does not know, or only those of which it is far behind.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn save(&self, store: &Store, all: bool) -> Result<(), Error> {
        if self.pause.is_none() {
            return Ok(());
        }
        let now = Timestamp::now();
        let uses = {
            let mut state = self.lock();
            let behind_secs = if all { 0 } else { SAVE_SECS };
            let unsaved = state.watched.iter_mut().filter(|(_, watched)| watched.is_unsaved(behind_secs));
            let uses: Vec<AppUse> = unsaved.map(|(app, watched)| watched.take_unsaved(app)).collect();
            if uses.is_empty() && !all && now.secs_since(state.saved_at) < SAVE_SECS {
                return Ok(());
            }
            state.saved_at = now;
            uses
        };
        Ok(store.note_app_uses(&uses, now).await?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A quarter of the shortest warning, so that it is seen at all.
fn pause_of(rules: &IdleRules, catalogue: &Catalogue) -> Option<Duration> {
    let spans = catalogue
        .templates()
        .iter()
        .filter_map(|template| Limits::of(rules, &template.idle).shortest_warning_secs());
    let shortest = Duration::from_secs(spans.min()?.unsigned_abs());
    Some((shortest / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}
