//! `/tokens`: API tokens of a person.

use axum::extract::State;
use http::StatusCode;
use myksc_core::{Scope, Timestamp, TokenId};
use myksc_identity::{Actor, NewToken, TokenWish, audited};
use myksc_store::Token;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Credential};
use crate::extract::{Id, Json, PathId as _};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// A token to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// The person's name for it, for example the machine it is used on.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// Days until it ends.
    #[schema(minimum = 1, maximum = 365)]
    expires_in_days: u32,
    /// What it is good for; `read`, `apps`, `jobs` and `files` when absent. Apps and jobs run as the person and so
    /// reach her files. `admin` is for operators.
    #[serde(default = "usual_scopes")]
    scopes: Vec<Scope>,
    /// Networks or addresses it may be used from, for example `192.0.2.0/24`; any when there are none.
    #[serde(default)]
    #[schema(max_items = 20)]
    networks: Vec<String>,
}

/// A token that was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CreatedToken {
    /// Its id.
    id: TokenId,
    /// Its name.
    name: String,
    /// What goes into `Authorization: Bearer`. Shown this once.
    token: String,
    /// When it ends.
    expires_at: Timestamp,
    /// What it is good for.
    scopes: Vec<Scope>,
    /// Networks it may be used from; any when there are none.
    networks: Vec<String>,
}

/// A person's tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TokenList {
    /// The youngest first.
    items: Vec<TokenEntry>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// One token, without its secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TokenEntry {
    /// Its id.
    id: TokenId,
    /// Its name.
    name: String,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Timestamp,
    /// What it is good for.
    scopes: Vec<Scope>,
    /// Networks it may be used from; any when there are none.
    networks: Vec<String>,
    /// When it was last used, to a minute.
    last_used_at: Option<Timestamp>,
    /// From where it was used then.
    last_used_address: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_tokens, create_token)).routes(routes!(delete_token))
}

/// The caller's tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    responses((status = 200, body = TokenList))
)]
async fn list_tokens(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<TokenList>, Problem> {
    let tokens = state.access.tokens.list(&caller.user.id).await?;
    let items = tokens.into_iter().map(|token| TokenEntry {
        id: token.id,
        name: token.name,
        created_at: token.created_at,
        expires_at: token.expires_at,
        scopes: token.scopes,
        networks: token.networks,
        last_used_at: token.last_used_at,
        last_used_address: token.last_used_address,
    });
    Ok(axum::Json(TokenList { items: items.collect(), next_cursor: None }))
}

/// Makes a token; its text is in this answer and nowhere else. `Idempotency-Key` is not looked at: the answer
/// could not be given again without storing the token.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    extensions(("x-access" = json!({"role": "user", "scopes": []}))),
    request_body = TokenRequest,
    responses((status = 201, body = CreatedToken))
)]
async fn create_token(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<TokenRequest>,
) -> Result<(StatusCode, axum::Json<CreatedToken>), Problem> {
    let session = caller.require_session()?;
    let actor = Actor::remote(&caller.user.name, peer.0);
    let TokenRequest { name, expires_in_days, scopes, networks } = request;
    let wish = TokenWish { name, expires_in_days, scopes, networks };
    let make = state.access.tokens.create_in(session, &wish);
    let made = audited(&state.store, &actor, "create_token", &wish.name, make).await?;
    let token = made.expose();
    let NewToken { token: Token { id, name, expires_at, scopes, networks, .. }, .. } = made;
    let created = CreatedToken { id, name, token, expires_at, scopes, networks };
    Ok((StatusCode::CREATED, axum::Json(created)))
}

/// Deletes a token; what it opened closes. A token knows itself alone, and may delete itself.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "tokens",
    extensions(("x-access" = json!({"role": "user", "scopes": ["read", "apps", "jobs", "files", "admin"]}))),
    params(("id" = TokenId, Path)),
    responses((status = 204))
)]
async fn delete_token(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    if let Credential::Token(shown) = &caller.credential
        && shown.id != id
    {
        return Err(Problem::not_found(TokenId::KIND, id));
    }
    let actor = Actor::remote(&caller.user.name, peer.0);
    let delete = state.access.tokens.delete(&caller.user.id, &id);
    audited(&state.store, &actor, "delete_token", id.as_str(), delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn usual_scopes() -> Vec<Scope> {
    Scope::USUAL.to_vec()
}

#[cfg(test)]
mod tests;
