//! `/events`: what changes, as it changes (server-sent events, WHATWG HTML section 9.2).
//!
//! Nothing is queued for a reader: a stream that is read asks the database for the rows that are newer than the
//! last one it gave, so a slow reader gets fewer and newer rows, and one that comes back goes on by its revision.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use http::HeaderMap;
use myksc_core::contract::Contract;
use myksc_core::{App, Job, Result};
use myksc_identity::Lease;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app_view::AppView;
use crate::caller::Caller;
use crate::event_streams::Place;
use crate::extract::Query;
use crate::lease;
use crate::problem::Problem;
use crate::state::AppState;

/// How often a stream without news shows that it lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Rows of a kind that are read at once.
const PAGE: u32 = 200;

/// A reader that is further behind had better fetch everything anew.
const FURTHEST_BEHIND: i64 = 10_000;

/// Where a reader goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct EventsQuery {
    /// The last revision that was seen; the header `Last-Event-ID` stands above it.
    since: Option<i64>,
}

#[derive(Serialize)]
struct Hello {
    revision: i64,
}

#[derive(Serialize)]
struct Nothing {}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_events))
}

/// The caller's live events.
///
/// `hello {revision}` first, then `app` (an App; phase `deleted` drops it), `job` (a Job), `contract {}` (fetch it
/// again), `reset {}` (fetch everything again), `session_ended {}` (the last one).
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read"]}))),
    params(EventsQuery),
    responses((status = 200, description = "Events whose ids are revisions.", content_type = "text/event-stream", body = String))
)]
async fn get_events(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = state.event_streams.take(&caller.user.id)?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let reader = Reader::new(state, caller, place, last_id.or(query.since)).await?;
    Ok(Sse::new(reader.stream()))
}

/// One reader and what it has seen.
struct Reader {
    state: AppState,
    caller: Caller,
    changes: watch::Receiver<i64>,
    lease: Lease,
    pings: Interval,
    revision: i64,
    is_far_behind: bool,
    contract: Option<Contract>,
    place: Place,
}

/// Why a reader woke.
enum Wake {
    Changed,
    Ping,
    Ended,
    Stopping,
}

impl Reader {
    async fn new(state: AppState, caller: Caller, place: Place, since: Option<i64>) -> Result<Self> {
        // Before anything is read, so that no change falls in between.
        let (changes, lease) = (state.store.subscribe(), lease::of(&state, &caller));
        let newest = state.store.revision().await?;
        let known = since.unwrap_or(newest);
        let is_far_behind = !(newest - FURTHEST_BEHIND..=newest).contains(&known);
        let contract = state.store.contract(&caller.user.id).await?;
        let mut pings = tokio::time::interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        let revision = if is_far_behind { newest } else { known };
        Ok(Self { state, caller, changes, lease, pings, revision, is_far_behind, contract, place })
    }

    fn stream(mut self) -> impl Stream<Item = Result<Event, Infallible>> {
        async_stream::stream! {
            yield Ok(event("hello", self.revision, &Hello { revision: self.revision }));
            if self.is_far_behind {
                yield Ok(event("reset", self.revision, &Nothing {}));
            }
            loop {
                match self.news().await {
                    Ok(news) if !news.is_empty() => {
                        for piece in news {
                            yield Ok(piece);
                        }
                        continue;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        // The browser comes back by itself and goes on where this stream ended.
                        tracing::warn!(%error, "a stream of events ended");
                        return;
                    }
                }
                match self.wait().await {
                    Wake::Changed => {}
                    Wake::Ping => yield Ok(Event::default().comment("ping")),
                    Wake::Ended => {
                        yield Ok(event("session_ended", self.revision, &Nothing {}));
                        return;
                    }
                    Wake::Stopping => return,
                }
            }
        }
    }

    /// The events behind the last revision, in their order.
    async fn news(&mut self) -> Result<Vec<Event>> {
        self.changes.borrow_and_update();
        let (store, owner) = (&self.state.store, &self.caller.user.id);
        let apps = store.apps_changed_since(owner, self.revision, PAGE).await?;
        let jobs = store.jobs_changed_since(owner, self.revision, PAGE).await?;
        let contract = store.contract(owner).await?;
        // Behind a full page there may be more of its kind: the other kind must not run ahead.
        let whole_to = [full_to(&apps, |app| app.revision), full_to(&jobs, |job| job.revision)];
        let whole_to = whole_to.into_iter().flatten().min().unwrap_or(i64::MAX);
        let apps = apps.into_iter().map(Change::App);
        let mut changes: Vec<_> = apps.chain(jobs.into_iter().map(Change::Job)).collect();
        changes.retain(|change| change.revision() <= whole_to);
        changes.sort_by_key(Change::revision);
        if let Some(last) = changes.last() {
            self.revision = last.revision();
        }
        let mut events: Vec<_> = changes.into_iter().map(|change| change.event(&self.state)).collect();
        if contract != self.contract {
            self.contract = contract;
            events.push(event("contract", self.revision, &Nothing {}));
        }
        Ok(events)
    }

    async fn wait(&mut self) -> Wake {
        let stopping = self.place.stopping();
        tokio::select! {
            changed = self.changes.changed() => if changed.is_ok() { Wake::Changed } else { Wake::Stopping },
            () = self.lease.ended() => Wake::Ended,
            _ = self.pings.tick() => Wake::Ping,
            () = stopping.cancelled() => Wake::Stopping,
        }
    }
}

enum Change {
    App(App),
    Job(Job),
}

impl Change {
    fn revision(&self) -> i64 {
        match self {
            Self::App(app) => app.revision,
            Self::Job(job) => job.revision,
        }
    }

    fn event(self, state: &AppState) -> Event {
        let revision = self.revision();
        match self {
            Self::App(app) => event("app", revision, &AppView::new(&state.site, app)),
            Self::Job(job) => event("job", revision, &job),
        }
    }
}

/// The last revision of a page that is full.
fn full_to<T>(page: &[T], revision: impl Fn(&T) -> i64) -> Option<i64> {
    (page.len() >= PAGE as usize).then(|| page.last().map(revision)).flatten()
}

fn event(name: &str, revision: i64, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("our own types are written as JSON");
    Event::default().event(name).id(revision.to_string()).data(data)
}
