//! API tokens: `myksc_<id>_<secret>`, of which only the hash of the secret is kept.

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, FieldProblem, Result, TokenId, User, UserId};
use myksc_store::{Store, Token};

use crate::clock::Clock;
use crate::sessions::Sessions;

/// Longest life of a token.
pub const MAX_DAYS: u32 = 365;
/// Most tokens of one person.
pub const MAX_TOKENS: usize = 50;

const PREFIX: &str = "myksc_";
const MAX_NAME_CHARS: usize = 60;
const TOUCH_SECS: i64 = 60;

/// The API tokens of the portal; cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    sessions: Sessions,
    clock: Clock,
    max_days: u32,
}

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is on record.
    pub token: Token,
    secret: Secret,
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
        Self { store, sessions, clock, max_days: MAX_DAYS }
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
    /// Invalid at `name` (`token_name_invalid`) or `expires_in_days` (`below_min`, `above_max`); conflict
    /// `too_many_tokens`.
    pub async fn create(&self, user: &UserId, name: &str, expires_in_days: u32) -> Result<NewToken> {
        let problems: Vec<_> = [check_name(name), self.check_days(expires_in_days)]
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let now = self.clock.now();
        let token = Token {
            id: TokenId::random(),
            user: user.clone(),
            name: name.trim().to_owned(),
            created_at: now,
            expires_at: now.plus_secs(i64::from(expires_in_days) * 24 * 3600),
            last_used_at: None,
        };
        let secret = Secret::random();
        if !self.store.create_token(&token, secret.hash(), MAX_TOKENS).await? {
            let detail = format!("delete a token first, {MAX_TOKENS} are the most one person may have");
            let params = [("max".to_owned(), MAX_TOKENS.into())].into();
            return Err(Error::Conflict { code: "too_many_tokens", params, detail });
        }
        Ok(NewToken { token, secret })
    }

    /// Whose token this is, if it is one, is not over and its person is not locked. Counts as use.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify(&self, presented: &str) -> Result<Option<(User, Token)>> {
        let Some((id, secret)) = parse(presented) else { return Ok(None) };
        let now = self.clock.now();
        let found = self.store.token_by_secret(&id, &secret).await?;
        let Some(token) = found.filter(|token| now < token.expires_at) else { return Ok(None) };
        let Some(user) = self.store.user(&token.user).await?.filter(|user| !user.locked) else {
            return Ok(None);
        };
        if token.last_used_at.is_none_or(|at| now.secs_since(at) >= TOUCH_SECS)
            && let Err(error) = self.store.touch_token(&token.id, now, now.plus_secs(-TOUCH_SECS)).await
        {
            // Reading goes on with a full disk, too.
            tracing::warn!(%error, "the use of an API token could not be noted");
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

    /// Deletes a person's token; what it opened closes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when she has no such token.
    pub async fn delete(&self, user: &UserId, id: &TokenId) -> Result<()> {
        let Some(sessions) = self.store.delete_token(user, id).await? else {
            return Err(Error::not_found("token", id));
        };
        for session in sessions {
            self.sessions.announce(session, user.clone());
        }
        Ok(())
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

#[cfg(test)]
mod tests;
