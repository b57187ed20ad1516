//! Signing in at OpenID providers: the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636), signing out of them, and
//! being told by them who is no longer signed in or no longer there.
//!
//! A provider says who somebody is by issuer and subject; which account she has is a directory's word, or the
//! provider's own where the site says so.

mod browser;
mod config;
mod http;
mod person;
mod provider;
mod recheck;
mod roles;
mod token;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinSet;
use url::Url;

use myksc_core::secret::{Secret, SecretHash};
use myksc_core::{Error, Result, Translated, User};
use myksc_store::{OidcFlow, OidcLogout, Store};

use crate::audit::{Actor, audited};
use crate::clock::Clock;
use crate::password::busy;
use crate::people::People;
use crate::seal::Seal;
use crate::sessions::{Client, Opened, Sessions};

use browser::Browser;
use provider::{Granted, Provider, refused};
use token::Claims;

pub use config::{OidcConfig, OidcConfigError, OidcIdentity, OidcTimes};
pub use roles::ClaimRole;

/// How long somebody has for signing in at the provider.
pub const OIDC_FLOW_SECS: i64 = 600;

/// Sign-ins under way at most; each is a row.
const MAX_FLOWS: u32 = 50_000;
/// Longest code, state or error that a browser may bring.
const MAX_ANSWER_BYTES: usize = 4096;
/// How often what is due is looked for.
const ROUND: Duration = Duration::from_secs(1);

/// The OpenID providers of the site; cheap to clone.
#[derive(Clone)]
pub struct Oidc {
    shared: Arc<Shared>,
}

/// What signing in at providers is made of.
#[derive(Clone)]
pub struct OidcParts {
    /// The database.
    pub store: Store,
    /// Whose users people become.
    pub people: People,
    /// Where sessions are opened.
    pub sessions: Sessions,
    /// Encrypts refresh tokens.
    pub seal: Seal,
    /// The present moment.
    pub clock: Clock,
}

/// A provider as the sign-in page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcWay {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Translated,
    /// Whether it answered when it was last asked.
    pub available: bool,
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct OidcStarted {
    /// Where the browser goes.
    pub address: String,
    /// The cookie that the browser holds until it is back.
    pub cookie: SecretString,
}

/// What a browser brings back from a provider (RFC 6749, section 4.1.2; RFC 9207).
#[derive(Debug, Default)]
pub struct OidcAnswer {
    /// The code.
    pub code: Option<String>,
    /// The state of the sign-in.
    pub state: Option<String>,
    /// The issuer that answers.
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// A sign-in that succeeded.
#[derive(Debug)]
pub struct OidcFinished {
    /// The new session.
    pub opened: Opened,
    /// Where in the portal to go.
    pub next: String,
}

struct Shared {
    parts: OidcParts,
    providers: Vec<Arc<Provider>>,
}

impl Oidc {
    /// Without any provider.
    #[must_use]
    pub fn none(parts: OidcParts) -> Self {
        Self { shared: Arc::new(Shared { parts, providers: Vec::new() }) }
    }

    /// The same for the portal at `origin`, with the providers as configured. None is asked yet.
    ///
    /// # Errors
    /// What does not hold, with the provider's id.
    pub fn with_providers(
        &self,
        origin: &str,
        providers: Vec<OidcConfig>,
    ) -> Result<Self, (String, OidcConfigError)> {
        let bad_origin = |_| (String::new(), OidcConfigError::Origin(origin.to_owned()));
        let origin = Url::parse(origin).map_err(bad_origin)?;
        let mut made: Vec<Arc<Provider>> = Vec::new();
        for config in providers {
            let id = config.id.clone();
            if made.iter().any(|other| other.config.id == id) {
                return Err((id.clone(), OidcConfigError::Id(id)));
            }
            let provider = Provider::new(config, &origin).map_err(|error| (id, error))?;
            made.push(Arc::new(provider));
        }
        Ok(Self { shared: Arc::new(Shared { parts: self.shared.parts.clone(), providers: made }) })
    }

    /// The providers in the order of the configuration.
    #[must_use]
    pub fn ways(&self) -> Vec<OidcWay> {
        let way = |provider: &Arc<Provider>| OidcWay {
            id: provider.config.id.clone(),
            title: provider.config.title.clone(),
            available: provider.answers(),
        };
        self.shared.providers.iter().map(way).collect()
    }

    /// Begins a sign-in for the browser that holds `cookie`, or that holds none yet. `next` is where in the portal
    /// to go afterwards; what is no place of the portal becomes its first page.
    ///
    /// # Errors
    /// Not found; unavailable with `oidc_unavailable`, or `sign_in_busy` when too many are under way.
    pub async fn start(
        &self,
        provider: &str,
        next: Option<&str>,
        cookie: Option<&str>,
    ) -> Result<OidcStarted> {
        let provider = self.provider(provider)?;
        let known = provider.known().await?;
        let browser = cookie.and_then(Browser::of_cookie).unwrap_or_else(Browser::new);
        let state = Secret::random();
        let flow = OidcFlow {
            state: state.hash(),
            browser: browser.hash(),
            provider: provider.config.id.clone(),
            next: browser::place(next, &provider.origin),
            expires_at: self.shared.parts.clock.now().plus_secs(OIDC_FLOW_SECS),
        };
        if !self.shared.parts.store.begin_oidc_flow(&flow, MAX_FLOWS).await? {
            return Err(busy());
        }
        let address = provider.sign_in_address(&known, &browser, state.expose()).into();
        Ok(OidcStarted { address, cookie: SecretString::from(browser.cookie()) })
    }

    /// Ends a sign-in with what the browser brought back. `replaced` is the session's cookie that it held before;
    /// that session ends.
    ///
    /// # Errors
    /// Forbidden with `oidc_state_unknown` when this browser began no such sign-in or it is over,
    /// `oidc_cancelled`, `oidc_refused`, `oidc_token_invalid`, `account_locked`, `identity_…`; unavailable with
    /// `oidc_unavailable` or `directory_unavailable`.
    pub async fn finish(
        &self,
        provider: &str,
        answer: &OidcAnswer,
        cookie: Option<&str>,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<OidcFinished> {
        let provider = self.provider(provider)?;
        let store = &self.shared.parts.store;
        let actor = |name: &str| Actor::remote(name, client.address);
        let id = &provider.config.id;
        let (next, granted, claims) = match self.identify(provider, answer, cookie).await {
            Ok(identified) => identified,
            Err(error) => return audited(store, &actor(""), "sign_in", id, async { Err(error) }).await,
        };
        let name = person::claimed_name(&provider.config, &claims);
        let open = self.open(provider, &claims, &granted, client, replaced);
        let opened = audited(store, &actor(name), "sign_in", id, open).await?;
        Ok(OidcFinished { opened, next })
    }

    /// Where somebody who signed out of the portal signs out of her provider, if it wants that.
    #[must_use]
    pub fn sign_out_address(&self, user: &User) -> Option<String> {
        let provider = self.provider(&user.provider).ok()?;
        let known = provider.known_before()?;
        provider.sign_out_address(&known).map(Into::into)
    }

    /// Ends the sessions that a provider says are over (OpenID Connect Back-Channel Logout 1.0).
    ///
    /// # Errors
    /// Not found; forbidden with `oidc_token_invalid`, also for a token that was taken before; unavailable with
    /// `oidc_unavailable`.
    pub async fn log_out(&self, provider: &str, token: &str) -> Result<()> {
        let OidcParts { store, sessions, clock, .. } = &self.shared.parts;
        let provider = self.provider(provider)?;
        let now = clock.now();
        let logout = provider.logout(token, now.as_millis().div_euclid(1000)).await?;
        let subject = logout.subject.map(|subject| person::subject_of(&provider.config, &subject));
        let taken = OidcLogout {
            provider: provider.config.id.clone(),
            // Bounded, whatever the provider takes for ids.
            token_id: SecretHash::of(&logout.token_id).to_hex(),
            session: logout.session,
            expires_at: now.plus_secs(2 * token::MAX_AGE_SECS),
        };
        let actor = Actor::portal();
        let end = async {
            let ended = store.take_oidc_logout(&taken, subject.as_deref()).await?;
            ended.ok_or_else(|| refused("oidc_token_invalid", "this logout token was taken before"))
        };
        let ended = audited(store, &actor, "back_channel_logout", &provider.config.id, end).await?;
        for (session, user) in ended {
            sessions.announce(session, user);
        }
        Ok(())
    }

    /// Looks at the providers' configurations, asks them about the people who are here, and clears away what is
    /// over, for as long as it is polled.
    pub async fn keep(&self) {
        let mut tasks = JoinSet::new();
        for provider in &self.shared.providers {
            tasks.spawn(keep_one(self.shared.parts.clone(), Arc::clone(provider)));
        }
        let mut rounds = tokio::time::interval(Duration::from_secs(60));
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let OidcParts { store, clock, .. } = &self.shared.parts;
            if let Err(error) = store.delete_over_oidc(clock.now()).await {
                tracing::warn!(%error, "sign-ins that are over could not be cleared away");
            }
        }
    }

    fn provider(&self, id: &str) -> Result<&Arc<Provider>> {
        let found = self.shared.providers.iter().find(|provider| provider.config.id == id);
        found.ok_or_else(|| Error::not_found("provider", id))
    }

    /// Where to go, what the code was good for, and the claims of whoever signed in. The sign-in is spent by it,
    /// whatever comes of it.
    async fn identify(
        &self,
        provider: &Provider,
        answer: &OidcAnswer,
        cookie: Option<&str>,
    ) -> Result<(String, Granted, Claims)> {
        let over =
            || refused("oidc_state_unknown", "this browser began no such sign-in, or it took too long");
        let browser = cookie.and_then(Browser::of_cookie).ok_or_else(over)?;
        let state = bounded(answer.state.as_deref()).ok_or_else(over)?;
        let OidcParts { store, clock, .. } = &self.shared.parts;
        let (hash, held) = (SecretHash::of(state), browser.hash());
        let next = store.spend_oidc_flow(&provider.config.id, &hash, &held, clock.now()).await?;
        let next = next.ok_or_else(over)?;
        let known = provider.known().await?;
        if !provider.is_own_answer(&known, answer.issuer.as_deref()) {
            return Err(refused("oidc_token_invalid", "another provider answered"));
        }
        let Some(code) = bounded(answer.code.as_deref()) else { return Err(without_code(answer)) };
        let granted = provider.exchange(&known, code, &browser, state).await?;
        let now_secs = clock.now().as_millis().div_euclid(1000);
        let claims = provider.claims(&granted, &browser.nonce(state), now_secs).await?;
        Ok((next, granted, claims))
    }

    async fn open(
        &self,
        provider: &Provider,
        claims: &Claims,
        granted: &Granted,
        client: &Client,
        replaced: Option<&str>,
    ) -> Result<Opened> {
        let OidcParts { store, people, sessions, .. } = &self.shared.parts;
        let vouched = person::vouch(people, &provider.config, claims).await?;
        let mut person = people.admit(&vouched).await?;
        person.provider_session = claims.session().map(str::to_owned);
        let user = person.user.id.clone();
        let opened = sessions.open(person, client).await?;
        let opened = opened.ok_or_else(|| refused("account_locked", "the account is locked"))?;
        // A logout that came while the session was opened found nothing to end.
        if let Some(session) = claims.session()
            && store.oidc_session_ended(&provider.config.id, session).await?
        {
            sessions.end(&user, &opened.verified.session.id).await?;
            return Err(refused("oidc_state_unknown", "the provider's session ended meanwhile"));
        }
        if let Some(cookie) = replaced {
            sessions.end_replaced(cookie).await?;
        }
        if let Some(token) = &granted.refresh_token
            && let Err(error) = recheck::keep(&self.shared.parts, provider, &user, token).await
        {
            tracing::warn!(%error, "a refresh token could not be kept; nobody will be asked about the person");
        }
        Ok(opened)
    }
}

async fn keep_one(parts: OidcParts, provider: Arc<Provider>) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        provider.look_now_and_then().await;
        if provider.answers()
            && let Err(error) = recheck::round(&parts, &provider).await
        {
            tracing::warn!(provider = provider.config.id, %error, "nobody could be asked about");
        }
    }
}

fn bounded(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty() && text.len() <= MAX_ANSWER_BYTES)
}

/// Why a provider sends somebody back without a code (RFC 6749, section 4.1.2.1).
fn without_code(answer: &OidcAnswer) -> Error {
    match bounded(answer.error.as_deref()) {
        Some("access_denied") => refused("oidc_cancelled", "the sign-in was given up at the provider"),
        Some("temporarily_unavailable" | "server_error") => Error::Unavailable {
            code: "oidc_unavailable",
            detail: "the provider can't sign anybody in now; try again later".to_owned(),
        },
        _ => refused("oidc_refused", "the provider refused the sign-in"),
    }
}

#[cfg(test)]
mod tests;
