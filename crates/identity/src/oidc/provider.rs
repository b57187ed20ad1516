//! One provider: its configuration and keys, learnt once and looked at again now and then, and what it is asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jsonwebtoken::jwk::Jwk;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreRequestTokenError,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, Scope,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;

use myksc_core::{Error, Result};

use super::browser::Browser;
use super::config::{OFFLINE_ACCESS, OidcConfig, OidcConfigError, OidcIdentity};
use super::http::{Http, HttpError};
use super::token::{
    Claims, Disbelief, Logout, Parties, verify_id_token, verify_later_id_token, verify_logout_token,
};

/// A provider.
pub(super) struct Provider {
    pub(super) config: OidcConfig,
    /// The portal's own.
    pub(super) origin: Url,
    http: Http,
    redirect: RedirectUrl,
    learnt: Mutex<Learnt>,
    /// One at a time looks at the provider's configuration or keys.
    asking: Semaphore,
}

/// What a provider says of itself.
pub(super) struct Known {
    client: Client,
    metadata: Metadata,
    keys: Vec<Jwk>,
}

/// What a code was good for.
pub(super) struct Granted {
    id_token: String,
    /// The refresh token, where it outlives the provider's session.
    pub(super) refresh_token: Option<String>,
}

/// What a refresh token was good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// The provider still knows the person.
    Known {
        /// Another refresh token, if it gave one.
        other_token: Option<String>,
        /// A new ID token, if it gave one.
        id_token: Option<String>,
    },
    /// It does not: the account is locked or gone, or the grant was taken back.
    Refused,
}

#[derive(Default)]
struct Learnt {
    known: Option<Arc<Known>>,
    answers: bool,
    tried_at: Option<Instant>,
    keys_tried_at: Option<Instant>,
}

/// What is read of a provider's configuration beyond OpenID Connect Discovery 1.0.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct More {
    /// Of OpenID Connect RP-Initiated Logout 1.0.
    end_session_endpoint: Option<Url>,
    /// Of RFC 9207.
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type TokenError = CoreRequestTokenError<HttpError>;

impl Provider {
    /// As configured, for the portal at `origin`. Nothing is asked yet.
    pub(super) fn new(config: OidcConfig, origin: &Url) -> Result<Self, OidcConfigError> {
        config.check()?;
        let refused = || OidcConfigError::Origin(origin.to_string());
        let redirect = origin.join(&format!("/oidc/{}/callback", config.id)).map_err(|_| refused())?;
        Ok(Self {
            http: Http::new(&config)?,
            redirect: RedirectUrl::from_url(redirect),
            origin: origin.clone(),
            learnt: Mutex::default(),
            asking: Semaphore::new(1),
            config,
        })
    }

    /// Whether it answered when it was last asked.
    pub(super) fn answers(&self) -> bool {
        self.learnt(|learnt| learnt.answers)
    }

    /// What it says of itself, as it was last told; asked for where it never was.
    pub(super) async fn known(&self) -> Result<Arc<Known>> {
        match self.learnt(|learnt| learnt.known.clone()) {
            Some(known) => Ok(known),
            None => self.look().await,
        }
    }

    /// What it says of itself, if it was told before.
    pub(super) fn known_before(&self) -> Option<Arc<Known>> {
        self.learnt(|learnt| learnt.known.clone())
    }

    /// Looks at its configuration if it is time for that.
    pub(super) async fn look_now_and_then(&self) {
        let (answers, tried_at) = self.learnt(|learnt| (learnt.answers, learnt.tried_at));
        let times = self.config.times;
        let every = if answers { times.configuration } else { times.retry };
        if tried_at.is_none_or(|at| at.elapsed() >= every) {
            // What went wrong is in the log.
            let _ = self.look().await;
        }
    }

    /// The address at which a person signs in to it.
    pub(super) fn sign_in_address(&self, known: &Known, browser: &Browser, state: &str) -> Url {
        let (state_again, nonce) = (state.to_owned(), browser.nonce(state));
        let verifier = PkceCodeVerifier::new(browser.verifier(state));
        let request = known
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state_again),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.config.further_scopes().map(|scope| Scope::new(scope.to_owned())));
        request.url().0
    }

    /// The address at which a person signs out of it, to come back to the portal.
    pub(super) fn sign_out_address(&self, known: &Known) -> Option<Url> {
        let end = known.metadata.additional_metadata().end_session_endpoint.clone();
        let mut address = end.filter(|end| self.config.may_use(end))?;
        let back = self.origin.join("/sign-in").ok()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", back.as_str());
        Some(address)
    }

    /// Whether an answer that names its issuer so, or does not name it, is this provider's (RFC 9207).
    pub(super) fn is_own_answer(&self, known: &Known, issuer: Option<&str>) -> bool {
        let names_itself =
            known.metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match issuer {
            Some(issuer) => issuer == self.config.issuer,
            None => names_itself != Some(true),
        }
    }

    /// Exchanges the code of a sign-in.
    pub(super) async fn exchange(
        &self,
        known: &Known,
        code: &str,
        browser: &Browser,
        state: &str,
    ) -> Result<Granted> {
        let request = known.client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|_| self.rubbish("it names no address for tokens"))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(browser.verifier(state)));
        let answer: Result<CoreTokenResponse, TokenError> = request.request_async(&self.http).await;
        let answer = answer.map_err(|error| match refusal(&error) {
            Some(why) => {
                tracing::warn!(provider = self.config.id, why = why.as_ref(), "a code was refused");
                refused("oidc_refused", format!("the provider refused the sign-in: {}", why.as_ref()))
            }
            None => self.token_trouble(&error),
        })?;
        let refresh_token = self.offline_token(&answer);
        if refresh_token.is_none() && self.config.identity == OidcIdentity::Claims {
            return Err(self.rubbish("it gave no refresh token that outlives its session"));
        }
        let id_token = id_token_of(&answer).ok_or_else(|| self.rubbish("it gave no ID token"))?;
        Ok(Granted { id_token, refresh_token })
    }

    /// Asks whether it still knows the person to whom it gave a refresh token.
    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<Refreshed> {
        let known = self.known().await?;
        let token = RefreshToken::new(refresh_token.to_owned());
        let request = known.client.exchange_refresh_token(&token);
        let request = request.map_err(|_| self.rubbish("it names no address for tokens"))?;
        let answer: Result<CoreTokenResponse, TokenError> = request.request_async(&self.http).await;
        match answer {
            Ok(answer) => {
                let other = answer.refresh_token().map(|token| token.secret().clone());
                let other_token = other.filter(|other| other != refresh_token);
                Ok(Refreshed::Known { other_token, id_token: id_token_of(&answer) })
            }
            Err(error) if matches!(refusal(&error), Some(CoreErrorResponseType::InvalidGrant)) => {
                Ok(Refreshed::Refused)
            }
            Err(error) => Err(self.token_trouble(&error)),
        }
    }

    /// The claims of the ID token that a sign-in gave.
    pub(super) async fn claims(&self, granted: &Granted, nonce: &str, now_secs: i64) -> Result<Claims> {
        let parties = self.parties();
        let verify = |keys: &[Jwk]| verify_id_token(&granted.id_token, keys, parties, nonce, now_secs);
        self.with_keys(verify).await
    }

    /// The claims of an ID token that the provider itself gave for a refresh token.
    pub(super) async fn later_claims(&self, id_token: &str, now_secs: i64) -> Result<Claims> {
        let parties = self.parties();
        self.with_keys(|keys| verify_later_id_token(id_token, keys, parties, now_secs)).await
    }

    /// What a logout token says.
    pub(super) async fn logout(&self, token: &str, now_secs: i64) -> Result<Logout> {
        let parties = self.parties();
        self.with_keys(|keys| verify_logout_token(token, keys, parties, now_secs)).await
    }

    /// Verifies with the keys that are known, and once more with new ones where the key is not among them.
    async fn with_keys<T>(&self, verify: impl Fn(&[Jwk]) -> Result<T, Disbelief>) -> Result<T> {
        let known = self.known().await?;
        let mut answer = verify(&known.keys);
        if matches!(answer, Err(Disbelief::UnknownKey)) {
            answer = verify(&self.newer_keys(&known).await?.keys);
        }
        answer.map_err(|why| {
            tracing::warn!(provider = self.config.id, %why, "a token was not believed");
            refused("oidc_token_invalid", format!("the provider's token can't be believed: {why}"))
        })
    }

    /// The provider's keys now, unless they were looked at a moment ago: a stranger's token must not make us ask
    /// again and again.
    async fn newer_keys(&self, known: &Arc<Known>) -> Result<Arc<Known>> {
        let asking = self.asking.acquire().await.map_err(Error::internal)?;
        let now = Instant::now();
        let may_ask = self.learnt(|learnt| {
            let due = learnt.keys_tried_at.is_none_or(|at| now - at >= self.config.times.keys);
            if due {
                learnt.keys_tried_at = Some(now);
            }
            due
        });
        if !may_ask {
            drop(asking);
            return self.known().await;
        }
        let keys = CoreJsonWebKeySet::fetch_async(known.metadata.jwks_uri(), &self.http).await;
        let keys = keys.map_err(|error| self.trouble("its keys can't be read", &error))?;
        let newer =
            Known { client: known.client.clone(), metadata: known.metadata.clone(), keys: usable(&keys) };
        let newer = Arc::new(newer);
        self.learnt(|learnt| learnt.known = Some(Arc::clone(&newer)));
        Ok(newer)
    }

    /// Looks at its configuration and keys. Who comes while somebody looks shares what is found, and while it does
    /// not answer it is not asked anew for everybody.
    async fn look(&self) -> Result<Arc<Known>> {
        let came_at = Instant::now();
        let _asking = self.asking.acquire().await.map_err(Error::internal)?;
        let (known, answers, tried_at) =
            self.learnt(|learnt| (learnt.known.clone(), learnt.answers, learnt.tried_at));
        if let Some(tried_at) = tried_at {
            let is_shared = tried_at >= came_at;
            let is_recent = !answers && tried_at.elapsed() < self.config.times.retry;
            match known {
                Some(known) if is_shared && answers => return Ok(known),
                _ if is_shared || is_recent => return Err(self.unavailable()),
                _ => {}
            }
        }
        let found = self.ask().await;
        self.learnt(|learnt| {
            learnt.answers = found.is_ok();
            learnt.tried_at = Some(Instant::now());
            if let Ok(found) = &found {
                learnt.known = Some(Arc::clone(found));
            }
        });
        found
    }

    async fn ask(&self) -> Result<Arc<Known>> {
        let config = &self.config;
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(Error::internal)?;
        let found = Metadata::discover_async(issuer, &self.http).await;
        let metadata = found.map_err(|error| self.trouble("its configuration can't be read", &error))?;
        let token_address = metadata.token_endpoint().map(|address| address.url());
        let addresses =
            [Some(metadata.authorization_endpoint().url()), token_address, Some(metadata.jwks_uri().url())];
        if !addresses.iter().all(|address| address.is_some_and(|address| config.may_use(address))) {
            return Err(self.rubbish("it names addresses that are missing or not safe"));
        }
        let secret = ClientSecret::new(config.client_secret.expose_secret().to_owned());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes_basic =
            methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth_type = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let keys = usable(metadata.jwks());
        let client_id = ClientId::new(config.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), client_id, Some(secret))
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth_type);
        Ok(Arc::new(Known { client, metadata, keys }))
    }

    fn parties(&self) -> Parties<'_> {
        Parties { issuer: &self.config.issuer, client_id: &self.config.client_id }
    }

    /// The refresh token of an answer, where the provider granted one that outlives its own session. An answer
    /// without scopes grants what was asked for (RFC 6749, section 5.1).
    fn offline_token(&self, answer: &CoreTokenResponse) -> Option<String> {
        let is_granted = answer.scopes().map_or(self.config.wants_offline_access(), |scopes| {
            scopes.iter().any(|scope| scope.as_str() == OFFLINE_ACCESS)
        });
        answer.refresh_token().filter(|_| is_granted).map(|token| token.secret().clone())
    }

    /// What went wrong at the token endpoint. Its answers may hold tokens and are never written down.
    fn token_trouble(&self, error: &TokenError) -> Error {
        match error {
            TokenError::Request(error) => self.trouble("it gives no tokens", error),
            TokenError::ServerResponse(answer) => {
                self.rubbish(&format!("it gives no tokens: {}", answer.error().as_ref()))
            }
            TokenError::Parse(..) | TokenError::Other(_) => {
                self.rubbish("its answer with tokens can't be read")
            }
        }
    }

    fn trouble(&self, what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        tracing::warn!(provider = self.config.id, error = text, "an OpenID provider: {what}");
        self.unavailable()
    }

    fn rubbish(&self, what: &str) -> Error {
        tracing::warn!(provider = self.config.id, "an OpenID provider: {what}");
        self.unavailable()
    }

    fn unavailable(&self) -> Error {
        let detail = format!("the sign-in at {} does not answer; try again later", self.config.title.en);
        Error::Unavailable { code: "oidc_unavailable", detail }
    }

    fn learnt<T>(&self, look: impl FnOnce(&mut Learnt) -> T) -> T {
        look(&mut self.learnt.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Nobody is let in.
pub(super) fn refused(code: &'static str, detail: impl Into<String>) -> Error {
    Error::Forbidden { code, detail: detail.into() }
}

fn id_token_of(answer: &CoreTokenResponse) -> Option<String> {
    answer.extra_fields().id_token().map(ToString::to_string)
}

fn refusal(error: &TokenError) -> Option<&CoreErrorResponseType> {
    match error {
        TokenError::ServerResponse(answer) => Some(answer.error()),
        _ => None,
    }
}

/// The keys that tokens may be signed with, as the verifying side takes them; others are left out.
fn usable(keys: &CoreJsonWebKeySet) -> Vec<Jwk> {
    let read = |key: &CoreJsonWebKey| serde_json::from_value(serde_json::to_value(key).ok()?).ok();
    keys.keys().iter().filter_map(read).collect()
}
