//! `/site`: what the portal says of itself to anybody.

use axum::Json;
use axum::extract::State;
use myksc_core::{Notice, Translated};
use myksc_jobs::SystemState;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// What the portal says of itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SiteView {
    /// Name of the centre or of its portal.
    name: Translated,
    /// Version of the portal.
    version: String,
    /// The ways to sign in.
    sign_in: Vec<SignInView>,
    /// What the centre tells everybody now, the most pressing first.
    notices: Vec<Notice>,
    /// Where jobs and apps run.
    systems: Vec<SiteSystem>,
}

/// A system of the centre.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SiteSystem {
    /// Its id.
    id: String,
    /// Its name.
    title: Translated,
    /// Whether it can be used now.
    available: bool,
    /// What runs there.
    uses: Vec<SystemUse>,
}

/// What runs on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SystemUse {
    /// Batch jobs.
    Jobs,
    /// Interactive apps.
    Apps,
}

/// One way to sign in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SignInView {
    /// Its id.
    id: String,
    /// What it asks for: `password` here, or `redirect` to the provider's own pages.
    kind: String,
    /// Its name.
    title: Translated,
    /// Whether it answered when it was last asked.
    available: bool,
    /// Where a redirect begins; `next` can be added. Null with a password.
    start: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_site))
}

/// The portal's name and version, the ways to sign in, notices and systems.
#[utoipa::path(
    get, path = "/site", tag = "site",
    extensions(("x-access" = json!({"role": "nobody"}))),
    responses((status = 200, body = SiteView))
)]
async fn get_site(State(state): State<AppState>) -> Json<SiteView> {
    let local = SignInView {
        id: "local".to_owned(),
        kind: "password".to_owned(),
        title: Translated { en: "Account of this portal".to_owned(), ko: "포털 계정".to_owned() },
        available: true,
        start: None,
    };
    let passwords = state.access.people.password_ways().into_iter().map(|way| SignInView {
        id: way.id,
        kind: "password".to_owned(),
        title: way.title,
        available: way.is_available,
        start: None,
    });
    let redirects = state.access.oidc.ways().into_iter().map(|way| SignInView {
        kind: "redirect".to_owned(),
        title: way.title,
        available: way.available,
        start: Some(format!("/oidc/{}/start", way.id)),
        id: way.id,
    });
    Json(SiteView {
        name: state.site.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Most people are in a directory; the portal's own accounts are for the few who must get in without it.
        sign_in: passwords.chain([local]).chain(redirects).collect(),
        notices: state.notices.holding().await,
        systems: systems(&state),
    })
}

/// The systems for jobs, then those that only apps run on.
fn systems(state: &AppState) -> Vec<SiteSystem> {
    let jobs = state.jobs.systems().into_iter().map(|system| SiteSystem {
        id: system.id,
        title: system.title,
        available: system.state == SystemState::Up,
        uses: vec![SystemUse::Jobs],
    });
    let mut systems: Vec<_> = jobs.collect();
    for of_apps in &state.site.apps_systems {
        match systems.iter_mut().find(|system| system.id == of_apps.id) {
            Some(system) => system.uses.push(SystemUse::Apps),
            None => systems.push(SiteSystem {
                id: of_apps.id.clone(),
                title: of_apps.title.clone(),
                available: true,
                uses: vec![SystemUse::Apps],
            }),
        }
    }
    systems
}

#[cfg(test)]
mod tests;
