//! `/open/{app}`: the portal's side of the way into an app, and `/apps/{id}/tickets` for the command line.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{RequestExt as _, Router};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderMap, StatusCode};
use myksc_core::secret::SecretHash;
use myksc_core::{App, AppId, Error, Scope, Timestamp};
use myksc_identity::{Actor, IssuedTicket, audited};
use myksc_store::Session;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::client;
use crate::caller::{Caller, Credential};
use crate::extract::{Id, Json, Query};
use crate::peer::PeerAddress;
use crate::policy;
use crate::problem::Problem;
use crate::state::AppState;
use crate::web_ui;

/// Longest address inside an app that is kept on the way in.
const MAX_TO_BYTES: usize = 2000;

/// What the gateway sends along.
#[derive(Debug, Deserialize)]
struct OpenQuery {
    /// Hash of the nonce that the app's host gave the browser, as 64 hexadecimal digits.
    n: Option<String>,
    /// Where in the app to go.
    to: Option<String>,
}

/// Where in the app to go.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TicketRequest {
    /// Path and query in the app; `/` when absent.
    to: Option<String>,
}

/// An address that opens an app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TicketView {
    /// The address, good for one use.
    url: String,
    /// When it ends.
    expires_at: Timestamp,
}

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/open/{app}", get(open_app))
}

/// The operation of the API.
pub(super) fn api_router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(create_ticket))
}

/// Sends a signed-in owner on to her app with a ticket for her browser alone.
async fn open_app(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    mut request: Request,
) -> Result<Response, Problem> {
    let Ok(Id(id)) = request.extract_parts_with_state::<Id<AppId>, _>(&state).await else {
        return Ok(web_ui::page(&request, StatusCode::NOT_FOUND));
    };
    let Query(query) = request.extract_parts::<Query<OpenQuery>>().await?;
    let Some(caller) = request.extract_parts_with_state::<Option<Caller>, _>(&state).await? else {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        return Ok(go_to(format!("/sign-in?next={}", encode(here))));
    };
    if !caller.has_scope(Scope::Apps) {
        // A browser shows no API token; what does asks for a ticket.
        return Err(policy::session_needed());
    }
    let to = place_in_app(query.to.as_deref());
    let app = match state.apps.get(&caller.user, &id).await {
        Ok(app) => app,
        Err(Error::NotFound { .. }) => return Ok(web_ui::page(&request, StatusCode::NOT_FOUND)),
        Err(error) => return Err(error.into()),
    };
    let Some(nonce) = query.n.as_deref().and_then(SecretHash::from_hex) else {
        // Without a nonce the app's host is asked for one; it comes back here with it.
        return Ok(go_to(format!("{}{to}", state.site.app_origin(&app.id))));
    };
    let ticket = issue(&state, &caller, peer, &headers, &app, Some(nonce)).await?;
    Ok(go_to(entry(&state, &app, &ticket, &to)))
}

/// An address that opens the app in any browser, once, for 30 seconds: for the command line.
#[utoipa::path(
    post,
    path = "/apps/{id}/tickets",
    tag = "apps",
    extensions(("x-access" = json!({"role": "user", "scopes": ["apps"]}))),
    params(("id" = AppId, Path)),
    request_body = TicketRequest,
    responses((status = 201, body = TicketView))
)]
async fn create_ticket(
    State(state): State<AppState>,
    peer: PeerAddress,
    headers: HeaderMap,
    caller: Caller,
    Id(id): Id<AppId>,
    Json(wanted): Json<TicketRequest>,
) -> Result<(StatusCode, axum::Json<TicketView>), Problem> {
    let app = state.apps.get(&caller.user, &id).await?;
    let ticket = issue(&state, &caller, peer, &headers, &app, None).await?;
    let url = entry(&state, &app, &ticket, &place_in_app(wanted.to.as_deref()));
    Ok((StatusCode::CREATED, axum::Json(TicketView { url, expires_at: ticket.expires_at })))
}

async fn issue(
    state: &AppState,
    caller: &Caller,
    peer: PeerAddress,
    headers: &HeaderMap,
    app: &App,
    nonce: Option<SecretHash>,
) -> Result<IssuedTicket, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let session: Session = match &caller.credential {
        Credential::Session { session, .. } => session.clone(),
        Credential::Token(token) => state.access.sessions.of_token(token, &client(peer, headers)).await?,
    };
    let issue = state.access.tickets.issue(&session, &app.id, nonce);
    Ok(audited(&state.store, &actor, "open_app", app.id.as_str(), issue).await?)
}

fn entry(state: &AppState, app: &App, ticket: &IssuedTicket, to: &str) -> String {
    let origin = state.site.app_origin(&app.id);
    format!("{origin}/.myksc/enter?ticket={}&to={}", ticket.secret.expose(), encode(to))
}

/// A path and query below the app's own origin; anything else becomes `/`.
fn place_in_app(to: Option<&str>) -> String {
    let fits = |to: &&str| {
        to.starts_with('/')
            && !to.starts_with("//")
            && to.len() <= MAX_TO_BYTES
            && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    to.filter(fits).unwrap_or("/").to_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn go_to(address: String) -> Response {
    let headers = [(LOCATION, address), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests;
