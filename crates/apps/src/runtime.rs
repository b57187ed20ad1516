//! The seam between apps and where they run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use myksc_core::app::{Failure, Hold, StepRecord};
use myksc_core::error::Params;
use myksc_core::grant::Endpoint;
use myksc_core::guard::GuardKey;
use myksc_core::{App, AppId, Contract, Error, FieldProblem, Identity, Resources, Timestamp};
use myksc_spool::Chunk;

use crate::catalogue::{Missing, Template};
use crate::image::ImageRules;
use crate::registry::RegistryLogin;

pub(crate) mod ask;
pub(crate) mod kubernetes;
pub(crate) mod local;
mod orders;
mod probe;

/// What a call of a runtime gives, some time later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Code of [`Error::Unavailable`] where the person's place was removed: it is made anew once that has ended.
pub(crate) const PLACE_GOING: &str = "place_going";

/// Where apps run. Every call carries the identity of the app's owner; a runtime that can't act as that one
/// refuses. All calls may be repeated after a death of the portal and do nothing twice.
pub trait Runtime: fmt::Debug + Send + Sync {
    /// `local` or `kubernetes`.
    fn name(&self) -> &'static str;

    /// What one app can get at most.
    fn capacity(&self) -> Resources;

    /// What keeps this template from running here, and else its version if that is known.
    fn availability(&self, template: &Template) -> Availability;

    /// The images that people may name themselves; `None` where no images run.
    fn images(&self) -> Option<&ImageRules>;

    /// What of a person's values for this template does not hold here; each for itself, they have been checked.
    fn check(&self, template: &Template, values: &BTreeMap<String, String>) -> Vec<FieldProblem>;

    /// Makes a place for a person's apps, as far as her contract goes, or brings it to that.
    ///
    /// # Errors
    /// As [`Runtime::launch`].
    fn settle<'a>(&'a self, identity: &'a Identity, contract: Option<&'a Contract>) -> Answer<'a, ()>;

    /// Lets the next [`Runtime::settle`] look at everything again: something of the person's place may be gone.
    fn unsettle(&self, identity: &Identity);

    /// What a person uses as the runtime counts it; `None` where it does not count.
    fn usage(&self, identity: &Identity) -> Option<Resources>;

    /// Brings the app's present generation on its way.
    ///
    /// # Errors
    /// A refusal, whose code and text become the app's failure.
    fn launch<'a>(
        &'a self,
        identity: &'a Identity,
        app: &'a App,
        template: &'a Template,
    ) -> Answer<'a, Launch>;

    /// Asks the present generation to end.
    ///
    /// # Errors
    /// When it can't be asked now.
    fn stop<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()>;

    /// Takes note of a new name.
    ///
    /// # Errors
    /// When it can't be noted now.
    fn describe<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()>;

    /// Removes everything of an ended app but the person's own files.
    ///
    /// # Errors
    /// When something of it runs or can't be removed now.
    fn remove<'a>(&'a self, identity: &'a Identity, app: &'a App) -> Answer<'a, ()>;

    /// Where the app's present generation is.
    ///
    /// # Errors
    /// When that can't be seen now.
    fn observe<'a>(&'a self, app: &'a App) -> Answer<'a, Observation>;

    /// All CPU time that the app's processes have used since their start; `None` where that can't be measured.
    ///
    /// # Errors
    /// When it can't be read now.
    fn cpu_time<'a>(&'a self, app: &'a AppId) -> Answer<'a, Option<Duration>>;

    /// A piece of the app's output by byte offset; a negative one counts from the end.
    ///
    /// # Errors
    /// When it can't be read now.
    fn log<'a>(&'a self, identity: &'a Identity, app: &'a App, offset: i64, limit: u64) -> Answer<'a, Chunk>;

    /// Keeps a person's sign-in at an image registry where her images are fetched, in place of the one that is there. Her
    /// place is settled.
    ///
    /// # Errors
    /// When it can't be kept here or now.
    fn put_registry<'a>(&'a self, identity: &'a Identity, login: &'a RegistryLogin) -> Answer<'a, ()>;

    /// Removes a person's sign-in at a registry; none is no error.
    ///
    /// # Errors
    /// When it can't be removed now.
    fn remove_registry<'a>(&'a self, identity: &'a Identity, host: &'a str) -> Answer<'a, ()>;

    /// Where the person's file agent is, or will be within seconds; `None` where her files are on this machine. Her
    /// place is settled.
    ///
    /// # Errors
    /// When it can't be brought on its way now.
    fn agent<'a>(&'a self, identity: &'a Identity) -> Answer<'a, Option<Place>>;

    /// All apps that are here, whoever knows of them.
    ///
    /// # Errors
    /// When that can't be seen now.
    fn found(&self) -> Answer<'_, Vec<Found>>;
}

/// Whether a template can be launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The program's version, as it says itself.
    pub version: Option<String>,
    /// What it needs and has not; empty when it can be launched.
    pub missing: Vec<Missing>,
}

/// How a launch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// It is on its way.
    Begun,
    /// An earlier generation has to end first; a change will tell.
    Later,
}

/// An app that a runtime found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The app as it was last described.
    pub app: App,
    /// Its owner.
    pub identity: Identity,
}

/// What a runtime sees of an app's present generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Where it is.
    pub state: Observed,
    /// The steps it reached, in their order, without `accepted`.
    pub steps: Vec<StepRecord>,
    /// How its limits are enforced, once that is known.
    pub limits_by: Option<String>,
    /// The way to it, once that is known.
    pub place: Option<Place>,
    /// What keeps it from going on, while something does.
    pub hold: Option<Hold>,
}

/// The way to an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it, or its guard, listens.
    pub endpoint: Endpoint,
    /// Value of the `Authorization` header that it expects.
    pub authorization: Option<String>,
    /// What its guard asks for, where it has one.
    pub guard: Option<GuardKey>,
}

/// Where an app is, as its runtime sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// There is nothing of this generation.
    Absent,
    /// On its way, or running without an answer yet.
    Coming,
    /// It answers.
    Answering,
    /// It runs and did not answer in time.
    Silent(Failure),
    /// It ended.
    Ended {
        /// When.
        at: Timestamp,
        /// Why, unless it was asked to.
        failure: Option<Failure>,
    },
}

/// Something about an app may be new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// Observe this app.
    App(AppId),
    /// Observe all apps.
    All,
}

impl Observation {
    /// Nothing of the generation is there.
    #[must_use]
    pub fn absent() -> Self {
        Self::of(Observed::Absent)
    }

    /// This and nothing else is known.
    pub(crate) fn of(state: Observed) -> Self {
        Self { state, steps: Vec::new(), limits_by: None, place: None, hold: None }
    }
}

/// Why an app failed that did not answer in its time; `last` is the last thing that was seen.
fn not_answering(orders: &probe::ProbeOrders, last: &str, log_tail: Vec<String>) -> Failure {
    let seconds = orders.timeout_secs;
    Failure {
        code: "not_answering".to_owned(),
        params: Params::from([
            ("timeout_secs".to_owned(), seconds.into()),
            ("path".to_owned(), orders.path.clone().into()),
            ("last".to_owned(), last.into()),
        ]),
        detail: format!("it did not answer at {} within {seconds} s: {last}", orders.path),
        log_tail,
    }
}
