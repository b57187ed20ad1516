//! An app as the API shows it.

use myksc_core::App;
use serde::Serialize;

use crate::state::Site;

/// An app, and where it is on the web.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AppView {
    /// What is on record.
    #[serde(flatten)]
    app: App,
    /// Scheme, host and port of its own.
    origin: String,
}

impl AppView {
    /// The app as it shows on this site.
    pub(crate) fn new(site: &Site, app: App) -> Self {
        Self { origin: site.app_origin(&app.id), app }
    }
}
