//! API tokens: `myksc_<id>_<secret>`, of which only the hash of the secret is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, FieldProblem, Result, Role, Scope, SessionId, Timestamp, TokenId, User, UserId};
use myksc_store::{Session, Store, Token, TokenOutcome};

use crate::audit::{Actor, audited};
use crate::clock::Clock;
use crate::remembered::Opens;
use crate::sessions::Sessions;

/// Longest life of a token.
pub const MAX_DAYS: u32 = 365;
/// Most tokens of one person.
pub const MAX_TOKENS: usize = 50;

const PREFIX: &str = "myksc_";
const MAX_NAME_CHARS: usize = 60;
const TOUCH_SECS: i64 = 60;

/// Longest list of networks.
const MAX_NETWORKS: usize = 20;
/// How often a use from a wrong place is written down, for one token.
const REFUSAL_SECS: i64 = 60;

/// The API tokens of the portal; cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    sessions: Sessions,
    clock: Clock,
    max_days: u32,
    /// When a use from a wrong place was last written down; no more tokens than there are.
    refused: Arc<Mutex<HashMap<TokenId, Timestamp>>>,
}

/// What somebody wants a token to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWish {
    /// Her name for it.
    pub name: String,
    /// Days until it ends.
    pub expires_in_days: u32,
    /// What it is to be good for.
    pub scopes: Vec<Scope>,
    /// Networks or addresses it may be used from; any when there are none.
    pub networks: Vec<String>,
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is on record.
    pub token: Token,
    secret: Secret,
}

impl TokenWish {
    /// A token with the usual scopes, good from anywhere.
    #[must_use]
    pub fn new(name: &str, expires_in_days: u32) -> Self {
        Self { name: name.to_owned(), expires_in_days, scopes: Scope::USUAL.to_vec(), networks: Vec::new() }
    }

    /// The same with other scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[Scope]) -> Self {
        self.scopes = scopes.to_vec();
        self
    }

    /// The same, good from these networks alone.
    #[must_use]
    pub fn with_networks(mut self, networks: &[&str]) -> Self {
        self.networks = networks.iter().map(|network| (*network).to_owned()).collect();
        self
    }
}

impl NewToken {
    /// The whole token, to hand to its holder once.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.token.id, self.secret.expose())
    }
}

impl Tokens {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, sessions: Sessions, clock: Clock) -> Self {
        Self { store, sessions, clock, max_days: MAX_DAYS, refused: Arc::default() }
    }

    /// The same with a shorter longest life of new tokens.
    #[must_use]
    pub fn with_max_days(mut self, max_days: u32) -> Self {
        self.max_days = max_days.clamp(1, MAX_DAYS);
        self
    }

    /// Makes a token.
    ///
    /// # Errors
    /// Invalid at `name` (`token_name_invalid`), `expires_in_days` (`below_min`, `above_max`), `scopes` (`required`,
    /// `scope_not_allowed`) or `networks[i]` (`network_invalid`); conflict `too_many_tokens`;
    /// [`Error::Unauthenticated`] when the person is locked.
    pub async fn create(&self, user: &UserId, wish: &TokenWish) -> Result<NewToken> {
        self.make(user, None, wish).await
    }

    /// Makes a token that somebody asks for in her session.
    ///
    /// # Errors
    /// As [`Tokens::create`]; [`Error::Unauthenticated`] also when the session ended meanwhile.
    pub async fn create_in(&self, session: &Session, wish: &TokenWish) -> Result<NewToken> {
        self.make(&session.user, Some(&session.id), wish).await
    }

    /// Whose token this is, if it is one, is not over, may be used from this address and its person is not locked.
    /// Counts as use. While the database is away this is what was verified lately.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify(&self, presented: &str, address: IpAddr) -> Result<Option<(User, Token)>> {
        let Some((id, secret)) = parse(presented) else { return Ok(None) };
        let remembered = self.sessions.remembered();
        let look_up = async {
            let Some(token) = self.store.token_by_secret(&id, &secret).await? else { return Ok(None) };
            let user = self.store.user(&token.user).await?.filter(|user| !user.locked);
            Ok(user.map(|user| Opens::Token(user, token)))
        };
        let found = remembered.or_look_up(presented, look_up).await?;
        let Some(Opens::Token(user, token)) = found else { return Ok(None) };
        let now = self.clock.now();
        if now >= token.expires_at {
            return Ok(None);
        }
        let address = address.to_canonical();
        if !is_within(&token.networks, address) {
            if !remembered.is_away() {
                self.note_refusal(&user, &token, address, now).await;
            }
            return Ok(None);
        }
        if !remembered.is_away() {
            self.touch(&token, address, now).await;
        }
        Ok(Some((user, token)))
    }

    /// A person's tokens that are not over, the youngest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self, user: &UserId) -> Result<Vec<Token>> {
        let now = self.clock.now();
        let mut tokens = self.store.tokens_of(user).await?;
        tokens.retain(|token| now < token.expires_at);
        Ok(tokens)
    }

    /// Whether a person still has a token, it is not over, and she is not locked.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn is_alive(&self, user: &UserId, id: &TokenId) -> Result<bool> {
        if self.store.user(user).await?.is_none_or(|user| user.locked) {
            return Ok(false);
        }
        Ok(self.list(user).await?.iter().any(|token| token.id == *id))
    }

    /// Deletes a person's token; what it opened closes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when she has no such token.
    pub async fn delete(&self, user: &UserId, id: &TokenId) -> Result<()> {
        let Some(sessions) = self.store.delete_token(user, id).await? else {
            return Err(Error::not_found("token", id));
        };
        self.sessions.remembered().forget_token(id);
        for session in sessions {
            self.sessions.announce(session, user.clone());
        }
        Ok(())
    }

    async fn touch(&self, token: &Token, address: IpAddr, now: Timestamp) {
        if token.last_used_at.is_some_and(|at| now.secs_since(at) < TOUCH_SECS) {
            return;
        }
        let since = now.plus_secs(-TOUCH_SECS);
        if let Err(error) = self.store.touch_token(&token.id, now, &address.to_string(), since).await {
            // Reading goes on with a full disk, too.
            tracing::warn!(%error, "the use of an API token could not be noted");
        }
    }

    /// Writes down that a token was used from where it may not be, once a minute at most.
    async fn note_refusal(&self, user: &User, token: &Token, address: IpAddr, now: Timestamp) {
        {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.get(&token.id).is_some_and(|at| now.secs_since(*at) < REFUSAL_SECS) {
                return;
            }
            refused.retain(|_, at| now.secs_since(*at) < REFUSAL_SECS);
            refused.insert(token.id.clone(), now);
        }
        let actor = Actor::remote(&user.name, address);
        let refusal = async {
            let detail = format!("the token may not be used from {address}");
            Err::<(), _>(Error::Forbidden { code: "network_not_allowed", detail })
        };
        if let Err(error @ Error::Unavailable { .. }) =
            audited(&self.store, &actor, "use_token", token.id.as_str(), refusal).await
        {
            tracing::warn!(%error, "the refusal of an API token could not be written down");
        }
    }

    async fn make(&self, user: &UserId, session: Option<&SessionId>, wish: &TokenWish) -> Result<NewToken> {
        let person = self.store.user(user).await?.ok_or(Error::Unauthenticated)?;
        let networks = self.check(wish, person.role)?;
        let now = self.clock.now();
        let mut scopes = wish.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let token = Token {
            id: TokenId::random(),
            user: user.clone(),
            name: wish.name.trim().to_owned(),
            created_at: now,
            expires_at: now.plus_secs(i64::from(wish.expires_in_days) * 24 * 3600),
            scopes,
            networks,
            last_used_at: None,
            last_used_address: None,
        };
        let secret = Secret::random();
        match self.store.create_token(&token, secret.hash(), MAX_TOKENS, session).await? {
            TokenOutcome::Created => Ok(NewToken { token, secret }),
            TokenOutcome::Refused => Err(Error::Unauthenticated),
            TokenOutcome::TooMany => {
                let detail = format!("delete a token first, {MAX_TOKENS} are the most one person may have");
                let params = [("max".to_owned(), MAX_TOKENS.into())].into();
                Err(Error::Conflict { code: "too_many_tokens", params, detail })
            }
        }
    }

    /// The networks of a wish, in one spelling, when all of it holds.
    pub(crate) fn check(&self, wish: &TokenWish, role: Role) -> Result<Vec<String>> {
        let mut problems: Vec<_> =
            [check_name(&wish.name), self.check_days(wish.expires_in_days), check_scopes(&wish.scopes, role)]
                .into_iter()
                .filter_map(Result::err)
                .collect();
        let networks = check_networks(&wish.networks).unwrap_or_else(|found| {
            problems.extend(found);
            Vec::new()
        });
        if problems.is_empty() { Ok(networks) } else { Err(Error::Invalid(problems)) }
    }

    fn check_days(&self, days: u32) -> Result<(), FieldProblem> {
        let field = "expires_in_days";
        if days == 0 {
            return Err(FieldProblem::new(field, "below_min", "choose 1 day or more").with("min", 1));
        }
        if days > self.max_days {
            let detail = format!("choose {} days or fewer", self.max_days);
            return Err(FieldProblem::new(field, "above_max", detail).with("max", self.max_days));
        }
        Ok(())
    }
}

fn parse(presented: &str) -> Option<(TokenId, SecretHash)> {
    let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
    Some((id.parse().ok()?, SecretHash::of(secret)))
}

fn check_name(name: &str) -> Result<(), FieldProblem> {
    let chars = name.trim().chars().count();
    if (1..=MAX_NAME_CHARS).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("use 1 to {MAX_NAME_CHARS} characters without line breaks");
    Err(FieldProblem::new("name", "token_name_invalid", detail).with("max", MAX_NAME_CHARS))
}

fn check_scopes(scopes: &[Scope], role: Role) -> Result<(), FieldProblem> {
    if scopes.is_empty() {
        return Err(FieldProblem::new("scopes", "required", "choose what the token is good for"));
    }
    if scopes.contains(&Scope::Admin) && role < Role::Operator {
        let detail = "only operators have tokens with the scope admin";
        return Err(
            FieldProblem::new("scopes", "scope_not_allowed", detail).with("scope", Scope::Admin.name())
        );
    }
    Ok(())
}

fn check_networks(networks: &[String]) -> Result<Vec<String>, Vec<FieldProblem>> {
    if networks.len() > MAX_NETWORKS {
        let detail = format!("{MAX_NETWORKS} networks are the most a token may have");
        return Err(vec![FieldProblem::new("networks", "above_max", detail).with("max", MAX_NETWORKS)]);
    }
    let parsed = networks.iter().enumerate().map(|(index, text)| {
        let network = network(text).map(|network| network.trunc().to_string());
        network.ok_or_else(|| {
            let detail = "write a network as 192.0.2.0/24 or 2001:db8::/32, or one address";
            FieldProblem::new(format!("networks[{index}]"), "network_invalid", detail)
        })
    });
    let (networks, problems): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
    if problems.is_empty() {
        return Ok(networks.into_iter().flatten().collect());
    }
    Err(problems.into_iter().filter_map(Result::err).collect())
}

/// A network as it is written, or the network of one address.
fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether an address lies in one of the networks; anywhere when there are none.
fn is_within(networks: &[String], address: IpAddr) -> bool {
    // What can't be read holds no address.
    networks.is_empty()
        || networks.iter().filter_map(|text| network(text)).any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests;
