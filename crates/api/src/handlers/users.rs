//! `/users`: the people of the portal, for operators and support.

mod activity;

use axum::extract::State;
use myksc_core::user::Group;
use myksc_core::{Role, SessionId, Timestamp, User, UserId};
use myksc_identity::{Actor, FactorsOf, Profile, audited};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Id, Json, PathId, Query};
use crate::peer::PeerAddress;
use crate::problem::Problem;
use crate::state::AppState;

/// People on a page when nobody says how many.
const PAGE_PEOPLE: u32 = 50;

/// A page of people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PersonList {
    /// By name.
    items: Vec<Person>,
    /// What to ask the next page with; null on the last.
    next_cursor: Option<String>,
}

/// A person in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Person {
    /// The portal's id of the person.
    id: UserId,
    /// Account name.
    name: String,
    /// Name as the person writes it.
    display_name: String,
    /// Numeric user id.
    uid: u32,
    /// Who vouches for her: `local`, or the id of a configured provider.
    provider: String,
    /// What she is at the centre.
    role: Role,
    /// Whether she can't sign in: an operator locked her, or her directory shut her out.
    locked: bool,
}

/// What operators see of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PersonProfile {
    /// The person.
    #[serde(flatten)]
    person: Person,
    /// Numeric id of the primary group.
    gid: u32,
    /// All groups, the primary one included.
    groups: Vec<Group>,
    /// Home folder, absolute.
    home: String,
    /// Login shell, absolute.
    shell: String,
    /// When the account was made.
    created_at: Timestamp,
    /// When her provider was last asked about her; null for a local account.
    refreshed_at: Option<Timestamp>,
    /// Whether an operator locked her.
    locked_by_operator: bool,
    /// Why, if the operator said so.
    lock_reason: Option<String>,
    /// Why her directory shut her out, as a code; null when it did not.
    shut_out_reason: Option<String>,
    /// Where she is signed in, the one used last first.
    sessions: Vec<SessionOfPerson>,
    /// How many API tokens she has.
    tokens: usize,
    /// Her second factors.
    factors: FactorsOfPerson,
}

/// A session of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionOfPerson {
    /// Its id.
    id: SessionId,
    /// When it was opened.
    created_at: Timestamp,
    /// When it was last used, to a minute.
    last_used_at: Timestamp,
    /// When it ends at the latest.
    expires_at: Timestamp,
    /// Address it was opened from.
    address: String,
    /// What the browser called itself.
    user_agent: String,
}

/// What second factors a person has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct FactorsOfPerson {
    /// Since when she has time-based codes; null when she has none.
    totp_since: Option<Timestamp>,
    /// How many recovery codes she has left.
    recovery_codes_left: u32,
    /// How many passkeys she has.
    passkeys: usize,
    /// Whether she must have a factor.
    required: bool,
}

/// Which people.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PeopleQuery {
    /// A part of the name or the full name, or a UID; everybody when absent.
    query: Option<String>,
    /// People on a page; 50 when absent, never more than 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A lock.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LockOrder {
    /// Why, for the other operators.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

impl PathId for UserId {
    const KIND: &'static str = "user";
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list_users))
        .routes(routes!(get_user))
        .routes(routes!(lock_user))
        .routes(routes!(unlock_user))
        .routes(routes!(end_sessions_of_user))
        .routes(routes!(reset_factor_of_user))
        .merge(activity::router())
}

/// People by a part of a name, or by UID.
#[utoipa::path(
    get, path = "/users", tag = "users",
    extensions(("x-access" = json!({"role": "support", "scopes": ["admin"]}))),
    params(PeopleQuery), responses((status = 200, body = PersonList))
)]
async fn list_users(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Query(query): Query<PeopleQuery>,
) -> Result<axum::Json<PersonList>, Problem> {
    let part = query.query.as_deref().unwrap_or_default();
    let limit = query.limit.unwrap_or(PAGE_PEOPLE);
    let actor = Actor::remote(&caller.user.name, peer.0);
    let find = state.access.operators.find(part, query.cursor.as_deref(), limit);
    let page = audited(&state.store, &actor, "find_users", part, find).await?;
    let items = page.items.into_iter().map(Person::from).collect();
    Ok(axum::Json(PersonList { items, next_cursor: page.next_cursor }))
}

/// One person: account, standing, sessions and second factors.
#[utoipa::path(
    get, path = "/users/{id}", tag = "users",
    extensions(("x-access" = json!({"role": "support", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), responses((status = 200, body = PersonProfile))
)]
async fn get_user(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    let look = state.access.operators.profile(&id);
    Ok(axum::Json(looked_up(&state, peer, &caller, "view_user", &id, look).await?.into()))
}

/// Locks a person: her sessions end, her tokens are refused, what she runs ends. 409 `own_account` and
/// `last_operator` keep an operator from locking everybody out.
#[utoipa::path(
    post, path = "/users/{id}/lock", tag = "users",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), request_body = LockOrder, responses((status = 200, body = PersonProfile))
)]
async fn lock_user(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(order): Json<LockOrder>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    let lock = state.access.operators.lock(&caller.user.id, &id, order.reason.as_deref());
    changed(&state, peer, &caller, "lock_user", &id, lock).await
}

/// Lets a locked person sign in again.
#[utoipa::path(
    post, path = "/users/{id}/unlock", tag = "users",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), responses((status = 200, body = PersonProfile))
)]
async fn unlock_user(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    let unlock = state.access.operators.unlock(&id);
    changed(&state, peer, &caller, "unlock_user", &id, unlock).await
}

/// Ends all sessions of a person and everything they opened; her apps and jobs go on.
#[utoipa::path(
    post, path = "/users/{id}/end-sessions", tag = "users",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), responses((status = 200, body = PersonProfile))
)]
async fn end_sessions_of_user(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    let end = state.access.operators.end_sessions(&id);
    changed(&state, peer, &caller, "end_sessions", &id, end).await
}

/// Takes a person's second factors away, so that she enrols anew; her sessions end. 409 `own_account` for one's own.
#[utoipa::path(
    post, path = "/users/{id}/reset-factor", tag = "users",
    extensions(("x-access" = json!({"role": "operator", "scopes": ["admin"]}))),
    params(("id" = UserId, Path)), responses((status = 200, body = PersonProfile))
)]
async fn reset_factor_of_user(
    State(state): State<AppState>,
    peer: PeerAddress,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    let reset = state.access.operators.reset_factors(&caller.user.id, &id);
    changed(&state, peer, &caller, "reset_factor", &id, reset).await
}

/// Has `act` done to a person and shows what she is then.
async fn changed(
    state: &AppState,
    peer: PeerAddress,
    caller: &Caller,
    action: &'static str,
    id: &UserId,
    act: impl Future<Output = myksc_core::Result<()>>,
) -> Result<axum::Json<PersonProfile>, Problem> {
    looked_up(state, peer, caller, action, id, act).await?;
    profile(state, id).await
}

/// Does `act` about a person, under its word and her name in the audit log.
async fn looked_up<T>(
    state: &AppState,
    peer: PeerAddress,
    caller: &Caller,
    action: &'static str,
    id: &UserId,
    act: impl Future<Output = myksc_core::Result<T>>,
) -> Result<T, Problem> {
    let name = state.access.operators.user(id).await?.name;
    let actor = Actor::remote(&caller.user.name, peer.0);
    Ok(audited(&state.store, &actor, action, &name, act).await?)
}

async fn profile(state: &AppState, id: &UserId) -> Result<axum::Json<PersonProfile>, Problem> {
    Ok(axum::Json(state.access.operators.profile(id).await?.into()))
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            display_name: user.display_name,
            uid: user.uid,
            provider: user.provider,
            role: user.role,
            locked: user.locked,
        }
    }
}

impl From<Profile> for PersonProfile {
    fn from(profile: Profile) -> Self {
        let Profile { user, standing, sessions, tokens, factors } = profile;
        let sessions = sessions.into_iter().map(|session| SessionOfPerson {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            address: session.address,
            user_agent: session.user_agent,
        });
        Self {
            gid: user.gid,
            groups: user.groups.clone(),
            home: user.home.to_string_lossy().into_owned(),
            shell: user.shell.to_string_lossy().into_owned(),
            created_at: user.created_at,
            refreshed_at: standing.refreshed_at,
            locked_by_operator: standing.locked,
            lock_reason: standing.lock_reason,
            shut_out_reason: standing.shut_out,
            sessions: sessions.collect(),
            tokens,
            factors: factors.into(),
            person: user.into(),
        }
    }
}

impl From<FactorsOf> for FactorsOfPerson {
    fn from(factors: FactorsOf) -> Self {
        Self {
            totp_since: factors.totp_since,
            recovery_codes_left: factors.recovery_codes_left,
            passkeys: factors.passkeys.len(),
            required: factors.required,
        }
    }
}

#[cfg(test)]
mod tests;
