//! What every handler can reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use myksc_apps::Apps;
use myksc_core::{AppId, Translated};
use myksc_files::Files;
use myksc_identity::Access;
use myksc_jobs::Jobs;
use myksc_store::Store;

use crate::event_streams::EventStreams;
use crate::handlers::files::RecordedReads;
use crate::notices::Notices;

/// What the portal says of itself to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name of the centre or of its portal.
    pub name: Translated,
    /// Scheme, host and port of the portal, for example `http://localhost:8080`; no slash at its end.
    pub origin: String,
    /// Domain below which each app has its own host, with the port: `localhost:8080`.
    pub apps_domain: String,
    /// Where apps run.
    pub apps_systems: Vec<NamedSystem>,
}

/// A system by the name that people know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSystem {
    /// Its id; that of a system for jobs where it is the same.
    pub id: String,
    /// Its name.
    pub title: Translated,
}

/// The services behind the handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// What the portal says of itself.
    pub site: Arc<Site>,
    /// The database.
    pub store: Store,
    /// Sign-in, sessions, tokens, tickets and accounts.
    pub access: Access,
    /// Who listens to live events.
    pub event_streams: EventStreams,
    /// Everybody's files, each through her own agent.
    pub files: Files,
    /// The files that were read lately, for the audit log.
    pub reads: RecordedReads,
    /// Everybody's apps.
    pub apps: Apps,
    /// Everybody's batch jobs.
    pub jobs: Jobs,
    /// What the centre tells everybody.
    pub notices: Notices,
}

impl Site {
    /// Origin of one app.
    #[must_use]
    pub fn app_origin(&self, app: &AppId) -> String {
        let scheme = self.origin.split_once("://").map_or("http", |(scheme, _)| scheme);
        format!("{scheme}://{app}.{}", self.apps_domain)
    }
}

/// Values by name; a short hand for `params` of problems.
pub(crate) type Params = BTreeMap<String, serde_json::Value>;
