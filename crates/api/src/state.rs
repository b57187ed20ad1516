//! What every handler can reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use myksc_store::Store;
use serde::{Deserialize, Serialize};

/// A text in every language of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Translated {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// What the portal says of itself to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name of the centre or of its portal.
    pub name: Translated,
    /// Scheme, host and port of the portal, for example `http://localhost:8080`; no slash at its end.
    pub origin: String,
    /// Domain below which each app has its own host, with the port: `localhost:8080`.
    pub apps_domain: String,
}

/// The services behind the handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// What the portal says of itself.
    pub site: Arc<Site>,
    /// The database.
    pub store: Store,
}

impl Translated {
    /// The same text in both languages, for names that are not translated.
    #[must_use]
    pub fn same(text: &str) -> Self {
        Self { en: text.to_owned(), ko: text.to_owned() }
    }
}

impl Site {
    /// Origin of one app.
    #[must_use]
    pub fn app_origin(&self, app: &myksc_core::AppId) -> String {
        let scheme = self.origin.split_once("://").map_or("http", |(scheme, _)| scheme);
        format!("{scheme}://{app}.{}", self.apps_domain)
    }
}

/// Values by name; a short hand for `params` of problems.
pub(crate) type Params = BTreeMap<String, serde_json::Value>;
