//! `/site`: what the portal says of itself to anybody.

use axum::Json;
use axum::extract::State;
use myksc_core::Translated;
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

/// The portal's name, version and ways to sign in.
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
    })
}
