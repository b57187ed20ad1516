//! `/tokens`: API tokens of a person.

use axum::extract::State;
use http::StatusCode;
use myksc_core::{Error, Timestamp, TokenId};
use myksc_identity::{Actor, audited};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Id, Json};
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
    /// When it was last used, to a minute.
    last_used_at: Option<Timestamp>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_tokens, create_token)).routes(routes!(delete_token))
}

/// The caller's tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = TokenList)))]
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
        last_used_at: token.last_used_at,
    });
    Ok(axum::Json(TokenList { items: items.collect(), next_cursor: None }))
}

/// Makes a token; its text is in this answer and nowhere else. `Idempotency-Key` is not looked at: the answer
/// could not be given again without storing the token.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = TokenRequest,
    responses((status = 201, body = CreatedToken))
)]
async fn create_token(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Json(request): Json<TokenRequest>,
) -> Result<(StatusCode, axum::Json<CreatedToken>), Problem> {
    if caller.session().is_none() {
        let detail = "an API token can't make tokens; sign in with your password".to_owned();
        return Err(Error::Forbidden { code: "token_cannot_make_tokens", detail }.into());
    }
    let actor = Actor::remote(&caller.user.name, peer.0);
    let make = state.access.tokens.create(&caller.user.id, &request.name, request.expires_in_days);
    let made = audited(&state.store, &actor, "create_token", &request.name, make).await?;
    let token = made.expose();
    let created =
        CreatedToken { id: made.token.id, name: made.token.name, token, expires_at: made.token.expires_at };
    Ok((StatusCode::CREATED, axum::Json(created)))
}

/// Deletes a token; what it opened closes.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "tokens",
    params(("id" = TokenId, Path)),
    responses((status = 204))
)]
async fn delete_token(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    let actor = Actor::remote(&caller.user.name, peer.0);
    let delete = state.access.tokens.delete(&caller.user.id, &id);
    audited(&state.store, &actor, "delete_token", id.as_str(), delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
