//! What the site says of an OpenID provider, and whether it holds.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use myksc_core::Translated;

use super::roles::ClaimRole;

/// The scope by which a provider gives a refresh token that outlives its own session (OpenID Connect Core 1.0,
/// section 11).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";
/// The scope that makes it OpenID Connect.
const OPENID: &str = "openid";
/// Longest id of a provider; it stands in addresses.
const MAX_ID_BYTES: usize = 32;

/// An OpenID provider.
#[derive(Clone)]
pub struct OidcConfig {
    /// Its id here.
    pub id: String,
    /// Its name on the sign-in page.
    pub title: Translated,
    /// Its issuer identifier, letter by letter.
    pub issuer: String,
    /// What it calls the portal.
    pub client_id: String,
    /// What the portal shows it.
    pub client_secret: SecretString,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Authorities (PEM) that its certificate may come from, instead of the machine's own.
    pub authorities_pem: Option<Vec<u8>>,
    /// The claim with the account's name.
    pub name_claim: String,
    /// Who says which account a person has.
    pub identity: OidcIdentity,
    /// Roles by its claims. Only for providers where nobody can edit her own claims.
    pub roles: Vec<ClaimRole>,
    /// How long things take at most.
    pub times: OidcTimes,
}

/// Who says which account a person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcIdentity {
    /// The directory that is assigned to the provider.
    Directory,
    /// The provider itself, by the claims `uid_number`, `gid_number`, `groups` and `home`. Only for providers where
    /// nobody can edit her own claims.
    Claims,
}

/// How long things take at most, and how often they are done.
#[derive(Debug, Clone, Copy)]
pub struct OidcTimes {
    /// One answer of the provider.
    pub answer: Duration,
    /// Between two looks at its configuration.
    pub configuration: Duration,
    /// Between two looks at its configuration while it does not answer.
    pub retry: Duration,
    /// Between two looks at its keys because of a key that is not known.
    pub keys: Duration,
    /// Between two questions whether it still knows a person.
    pub recheck: Duration,
}

/// Why a provider can't be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum OidcConfigError {
    /// The id.
    #[error(
        "id {0:?}: use 1 to {MAX_ID_BYTES} characters of a-z, 0-9 and '-', and another one for each provider"
    )]
    Id(String),
    /// The issuer.
    #[error(
        "issuer {0:?}: give an https address without query and fragment (http on a loopback address only)"
    )]
    Issuer(String),
    /// The client's id.
    #[error("client_id: must not be empty")]
    ClientId,
    /// What is asked for.
    #[error(
        "scopes: with accounts made of claims the provider has to be asked about its people; ask for \"offline_access\""
    )]
    Scopes,
    /// The authorities' certificates.
    #[error("ca_file: {0}")]
    Authorities(String),
    /// The portal's own address.
    #[error("the portal's origin {0:?} makes no address to come back to")]
    Origin(String),
}

impl Default for OidcTimes {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            configuration: Duration::from_secs(3600),
            retry: Duration::from_secs(5),
            keys: Duration::from_secs(10),
            recheck: Duration::from_secs(45),
        }
    }
}

impl OidcConfig {
    /// Whether the provider may be asked in plain HTTP: one on this machine alone.
    pub(super) fn is_plain(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| issuer.scheme() == "http" && is_loopback(&issuer))
    }

    /// Whether an address that the provider names may be used.
    pub(super) fn may_use(&self, address: &Url) -> bool {
        address.scheme() == "https" || (self.is_plain() && address.scheme() == "http" && is_loopback(address))
    }

    /// Whether the provider is on this machine.
    pub(super) fn is_on_loopback(&self) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| is_loopback(&issuer))
    }

    /// The scopes to ask for besides `openid`.
    pub(super) fn further_scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str).filter(|scope| *scope != OPENID)
    }

    /// Whether what the portal asked for includes refresh tokens that outlive the provider's session.
    pub(super) fn wants_offline_access(&self) -> bool {
        self.scopes.iter().any(|scope| scope == OFFLINE_ACCESS)
    }

    /// Whether what is said holds together; the secret and the authorities are not looked at.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), OidcConfigError> {
        let id = &self.id;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=MAX_ID_BYTES).contains(&id.len()) && !id.starts_with('-') && id.bytes().all(plain);
        if !fits || id == myksc_core::User::LOCAL {
            return Err(OidcConfigError::Id(id.clone()));
        }
        let refused = || OidcConfigError::Issuer(self.issuer.clone());
        let issuer = Url::parse(&self.issuer).map_err(|_| refused())?;
        if !self.may_use(&issuer) || issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(refused());
        }
        if self.client_id.is_empty() {
            return Err(OidcConfigError::ClientId);
        }
        // No directory says when such a person is locked or gone.
        if self.identity == OidcIdentity::Claims && !self.wants_offline_access() {
            return Err(OidcConfigError::Scopes);
        }
        Ok(())
    }
}

impl fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcConfig")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
