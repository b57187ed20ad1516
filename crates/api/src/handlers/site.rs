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
    /// What it asks for: `password`.
    kind: String,
    /// Its name.
    title: Translated,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get_site))
}

/// The portal's name, version and ways to sign in.
#[utoipa::path(get, path = "/site", tag = "site", security(()), responses((status = 200, body = SiteView)))]
async fn get_site(State(state): State<AppState>) -> Json<SiteView> {
    let local = SignInView {
        id: "local".to_owned(),
        kind: "password".to_owned(),
        title: Translated { en: "Account of this portal".to_owned(), ko: "포털 계정".to_owned() },
    };
    Json(SiteView {
        name: state.site.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sign_in: vec![local],
    })
}
