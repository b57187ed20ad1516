//! The control loop: brings the runtime to what people asked for, and the record to what the runtime sees.
//!
//! It looks at one app at a time and works from what is there now, never from what it did before: looking twice
//! does nothing twice, and a death at any point is made good by looking again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use myksc_core::app::Failure;
use myksc_core::crash::{self, CrashPoint};
use myksc_core::error::Params;
use myksc_core::{App, AppId, AppPhase, Error, Identity, Timestamp};
use myksc_store::Intent as Row;

use crate::apps::Inner;
use crate::catalogue::Template;
use crate::merge::{fail, gone, merge};
use crate::runtime::{Launch, Observation, Observed, PLACE_GOING, RuntimeEvent};

/// When to look again at an app that could not be brought on: the pause doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause where a person's place comes back within seconds.
const PLACE_PAUSE: Duration = Duration::from_secs(2);
/// How long a deleted app stays on record for screens that are away.
const TOMBSTONE_SECS: i64 = 24 * 3600;
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// What somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Launch,
    Stop,
    Describe,
    Delete,
}

/// The loop's own state: only what may be forgotten.
pub(crate) struct Control {
    inner: Arc<Inner>,
    events: mpsc::Receiver<RuntimeEvent>,
    /// Apps to look at again after a while.
    retries: HashMap<AppId, Retry>,
}

/// When to look at an app again.
#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

impl Intent {
    pub(crate) const AREA: &str = "apps";

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Stop => "stop",
            Self::Describe => "describe",
            Self::Delete => "delete",
        }
    }

    fn of(row: &Row) -> Option<Self> {
        [Self::Launch, Self::Stop, Self::Describe, Self::Delete]
            .into_iter()
            .find(|one| one.kind() == row.kind)
    }
}

impl Control {
    pub(crate) fn new(inner: Arc<Inner>, events: mpsc::Receiver<RuntimeEvent>) -> Self {
        Self { inner, events, retries: HashMap::new() }
    }

    /// Looks at every app once: after a start of the portal anything may have happened.
    pub(crate) async fn take_up(&mut self) {
        self.look_at_all().await;
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut asked = self.inner.store.subscribe();
        let mut forget = tokio::time::interval(FORGET_EVERY);
        let mut is_open = true;
        loop {
            let next_retry = self.retries.values().map(|retry| retry.at).min();
            tokio::select! {
                () = stop.cancelled() => return,
                changed = asked.changed(), if is_open => {
                    is_open = changed.is_ok();
                    self.look_at_asked().await;
                }
                event = self.events.recv() => match event {
                    Some(RuntimeEvent::App(app)) => self.look_at(&app).await,
                    Some(RuntimeEvent::All) => self.look_at_all().await,
                    None => return,
                },
                () = sleep_until(next_retry.unwrap_or_else(Instant::now)), if next_retry.is_some() => {
                    self.look_at_due().await;
                }
                _ = forget.tick() => self.forget_deleted().await,
            }
        }
    }

    async fn look_at_all(&mut self) {
        // A runtime that could not be seen at the start may show apps that nobody knows.
        if let Err(error) = self.inner.find_apps().await {
            tracing::warn!(error = %describe(&error), "apps that are not on record are not found");
        }
        match self.inner.store.all_apps().await {
            Ok(apps) => {
                for app in apps {
                    self.look_at(&app.id).await;
                }
            }
            Err(error) => tracing::error!(%error, "apps can't be read"),
        }
    }

    async fn look_at_asked(&mut self) {
        match self.inner.store.intents(Intent::AREA).await {
            Ok(rows) => {
                let mut seen = HashSet::new();
                for app in rows.iter().filter_map(|row| row.subject.parse::<AppId>().ok()) {
                    if seen.insert(app.clone()) {
                        self.look_at(&app).await;
                    }
                }
            }
            Err(error) => tracing::error!(%error, "what was asked for can't be read"),
        }
    }

    async fn look_at_due(&mut self) {
        let now = Instant::now();
        let due: Vec<AppId> =
            self.retries.iter().filter(|(_, retry)| retry.at <= now).map(|(app, _)| app.clone()).collect();
        for app in due {
            self.look_at(&app).await;
        }
    }

    async fn look_at(&mut self, app: &AppId) {
        match self.inner.bring_on(app).await {
            Ok(()) => {
                self.retries.remove(app);
            }
            Err(error) => {
                let former = self.retries.get(app).map(|retry| retry.pause);
                let comes_back = matches!(error, Error::Unavailable { code: PLACE_GOING, .. });
                let longest = if comes_back { PLACE_PAUSE } else { LONGEST_PAUSE };
                let pause = former.map_or(SHORTEST_PAUSE, |pause| (pause * 2).min(longest));
                tracing::warn!(app = %app, error = %describe(&error), "an app is not brought on, trying again");
                self.retries.insert(app.clone(), Retry { at: Instant::now() + pause, pause });
            }
        }
    }

    async fn forget_deleted(&self) {
        let before = Timestamp::now().plus_secs(-TOMBSTONE_SECS);
        if let Err(error) = self.inner.store.forget_deleted_apps(before).await {
            tracing::warn!(%error, "deleted apps are not forgotten");
        }
    }
}

impl Inner {
    /// Does what was asked of one app, as far as that is possible now, and records what is seen of it.
    async fn bring_on(&self, id: &AppId) -> Result<(), Error> {
        let rows = self.intents_of(id).await?;
        let Some(app) = self.store.app(id).await?.filter(|app| app.phase != AppPhase::Deleted) else {
            return self.clear(&rows).await;
        };
        let Some(owner) = self.store.user(&app.owner).await? else {
            tracing::warn!(app = %id, "the owner of an app has no account");
            return Ok(());
        };
        let identity = owner.identity();
        for row in &rows {
            if !self.act(&identity, id, row).await? {
                break;
            }
        }
        self.record(&identity, id).await
    }

    async fn intents_of(&self, id: &AppId) -> Result<Vec<Row>, Error> {
        let rows = self.store.intents(Intent::AREA).await?;
        Ok(rows.into_iter().filter(|row| row.subject == id.as_str()).collect())
    }

    /// Does one thing that was asked; false when it has to wait.
    async fn act(&self, identity: &Identity, id: &AppId, row: &Row) -> Result<bool, Error> {
        let Some(app) = self.store.app(id).await?.filter(|app| app.phase != AppPhase::Deleted) else {
            self.clear(std::slice::from_ref(row)).await?;
            return Ok(true);
        };
        let done = match Intent::of(row) {
            Some(Intent::Launch) => self.act_launch(identity, &app, row).await?,
            Some(Intent::Stop) => {
                if app.phase == AppPhase::Stopping {
                    unless_refused(self.runtime.stop(identity, &app).await)?;
                }
                true
            }
            Some(Intent::Describe) => {
                unless_refused(self.runtime.describe(identity, &app).await)?;
                true
            }
            Some(Intent::Delete) => self.act_delete(identity, &app).await?,
            None => {
                tracing::warn!(app = %id, kind = row.kind, "nobody knows what was asked");
                true
            }
        };
        if done {
            self.clear(std::slice::from_ref(row)).await?;
        }
        Ok(done)
    }

    async fn act_launch(&self, identity: &Identity, app: &App, row: &Row) -> Result<bool, Error> {
        // Stopped before it was begun, or launched again since.
        if app.phase != AppPhase::Starting || row.body != app.generation.to_string() {
            return Ok(true);
        }
        let launched = match self.catalogue.find(&app.template) {
            Some(template) => self.launch_settled(identity, app, template).await,
            None => Err(Error::conflict("template_gone", "its template is not in the catalogue any more")),
        };
        match launched {
            Ok(Launch::Begun) => {}
            Ok(Launch::Later) => return Ok(false),
            // It is another matter when the runtime can be reached again.
            Err(error @ Error::Unavailable { code: "cluster_away" | PLACE_GOING, .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(app = %app.id, error = %describe(&error), "a launch was refused");
                let mut failed = app.clone();
                fail(&mut failed, refusal(&error), Timestamp::now());
                self.update(failed).await?;
            }
        }
        crash::point(CrashPoint::LaunchApplied);
        Ok(true)
    }

    async fn launch_settled(
        &self,
        identity: &Identity,
        app: &App,
        template: &Template,
    ) -> Result<Launch, Error> {
        let contract = self.store.contract(&app.owner).await?;
        self.runtime.settle(identity, contract.as_ref()).await?;
        self.runtime.launch(identity, app, template).await
    }

    /// Ends the app if it runs, and removes it once it has ended.
    async fn act_delete(&self, identity: &Identity, app: &App) -> Result<bool, Error> {
        let state = self.runtime.observe(app).await?.state;
        match state {
            Observed::Absent | Observed::Ended { .. } => {}
            Observed::Coming | Observed::Answering | Observed::Silent(_) => {
                self.runtime.stop(identity, app).await?;
                return Ok(false);
            }
        }
        match self.runtime.remove(identity, app).await {
            Ok(()) => {}
            // Its supervisor holds the folder a moment longer; the end of that is an event.
            Err(Error::Unavailable { code: "app_running", .. }) => return Ok(false),
            // It never ran here, so there is nothing to remove.
            Err(Error::Forbidden { .. }) if state == Observed::Absent => {}
            Err(error) => return Err(error),
        }
        let mut deleted = app.clone();
        deleted.phase = AppPhase::Deleted;
        deleted.ended_at = deleted.ended_at.or_else(|| Some(Timestamp::now()));
        let deleted = self.update(deleted).await?;
        self.publish(&deleted, None);
        Ok(true)
    }

    /// Brings the record to what is seen.
    async fn record(&self, identity: &Identity, id: &AppId) -> Result<(), Error> {
        let Some(app) = self.store.app(id).await?.filter(|app| app.phase != AppPhase::Deleted) else {
            return Ok(());
        };
        let seen = self.runtime.observe(&app).await?;
        let mut merged = merge(&app, &seen, Timestamp::now());
        if seen.state == Observed::Absent
            && app.phase == AppPhase::Starting
            && self.intents_of(id).await?.is_empty()
        {
            fail(&mut merged, gone(), Timestamp::now());
        }
        if merged != app {
            merged = self.update(merged).await?;
        }
        self.publish(&merged, Some(&seen));
        // Nobody wants what was given up; its end is seen later.
        if matches!((&seen.state, merged.phase), (Observed::Silent(_) | Observed::Coming, AppPhase::Failed)) {
            self.runtime.stop(identity, &merged).await?;
        }
        Ok(())
    }

    fn publish(&self, app: &App, seen: Option<&Observation>) {
        self.set_route(app, seen);
    }

    /// Writes a changed app and gives it with its new revision.
    ///
    /// # Errors
    /// `app_busy` when somebody else has changed it in between: then everything has to be looked at again.
    async fn update(&self, mut app: App) -> Result<App, Error> {
        let mut tx = self.store.begin().await?;
        if !tx.update_app(&mut app).await? {
            return Err(Error::Unavailable { code: "app_busy", detail: "the app was changed".to_owned() });
        }
        tx.commit().await?;
        Ok(app)
    }

    async fn clear(&self, rows: &[Row]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for row in rows {
            tx.clear_intent(row.id).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// What a runtime does for nobody of this identity, it has never begun for her: there is nothing to do.
fn unless_refused(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::Forbidden { .. }) => Ok(()),
        result => result,
    }
}

/// Why a launch was refused, for the card. What is internal goes to the log only.
fn refusal(error: &Error) -> Failure {
    let (code, params, detail) = match error {
        Error::Forbidden { code, detail } | Error::Unavailable { code, detail } => {
            ((*code).to_owned(), Params::new(), detail.clone())
        }
        Error::Conflict { code, params, detail } => ((*code).to_owned(), params.clone(), detail.clone()),
        Error::Invalid(problems) => ("invalid".to_owned(), BTreeMap::new(), problems_text(problems)),
        _ => ("launch_failed".to_owned(), Params::new(), "the portal could not launch it".to_owned()),
    };
    Failure { code, params, detail, log_tail: Vec::new() }
}

fn problems_text(problems: &[myksc_core::FieldProblem]) -> String {
    problems.iter().map(|problem| problem.detail.as_str()).collect::<Vec<_>>().join("; ")
}

/// An error with its causes, for the log.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
