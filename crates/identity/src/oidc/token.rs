//! Verifying the tokens that a provider signs: ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) and logout tokens
//! (OpenID Connect Back-Channel Logout 1.0, section 2.6).

use std::str::FromStr as _;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

/// What signatures are believed. None of them is made with a secret that the portal shares.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Longest token that is looked at.
const MAX_BYTES: usize = 64 << 10;
/// How far the provider's clock may be from ours.
const SKEW_SECS: i64 = 60;
/// How old a token may be when it comes.
pub(super) const MAX_AGE_SECS: i64 = 600;
/// Longest subject (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT_BYTES: usize = 255;
/// Longest id of a session or of a token.
const MAX_ID_BYTES: usize = 255;
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Whom a token must come from, and whom it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parties<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Disbelief {
    /// It names a key that is not known, which may be a new one.
    #[error("its key is not known")]
    UnknownKey,
    /// Anything else.
    #[error("{0}")]
    Wrong(&'static str),
}

/// The claims of a token that is believed.
#[derive(Debug, Clone)]
pub(super) struct Claims(Map<String, Value>);

/// What a logout token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logout {
    /// The token's own id.
    pub(super) token_id: String,
    /// The provider's session.
    pub(super) session: Option<String>,
    /// The person.
    pub(super) subject: Option<String>,
}

impl Claims {
    /// A claim that is a text with something in it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Any claim.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The person, as the provider calls her for ever.
    pub(super) fn subject(&self) -> Option<&str> {
        self.text("sub").filter(|subject| subject.len() <= MAX_SUBJECT_BYTES && subject.is_ascii())
    }

    /// The provider's session.
    pub(super) fn session(&self) -> Option<&str> {
        self.text("sid").filter(|session| session.len() <= MAX_ID_BYTES)
    }

    fn number(&self, name: &str) -> Option<i64> {
        // Times may have fractions (RFC 7519, section 2).
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond i64 is no time")]
        self.0.get(name).and_then(|value| value.as_i64().or_else(|| value.as_f64().map(|secs| secs as i64)))
    }
}

/// The claims of an ID token, if it is believed now.
pub(super) fn verify_id_token(
    token: &str,
    keys: &[Jwk],
    parties: Parties<'_>,
    nonce: &str,
    now_secs: i64,
) -> Result<Claims, Disbelief> {
    let claims = verify_later_id_token(token, keys, parties, now_secs)?;
    let shown = claims.text("nonce").ok_or(Disbelief::Wrong("it has no nonce"))?;
    if !bool::from(shown.as_bytes().ct_eq(nonce.as_bytes())) {
        return Err(Disbelief::Wrong("its nonce is another sign-in's"));
    }
    Ok(claims)
}

/// The same of an ID token that a refresh gave, which belongs to no sign-in (OpenID Connect Core 1.0, section 12.2).
pub(super) fn verify_later_id_token(
    token: &str,
    keys: &[Jwk],
    parties: Parties<'_>,
    now_secs: i64,
) -> Result<Claims, Disbelief> {
    let claims = signed_claims(token, keys, &["jwt"])?;
    check_parties(&claims, parties)?;
    let expires = claims.number("exp").ok_or(Disbelief::Wrong("it has no end"))?;
    check_times(&claims, Some(expires), now_secs)?;
    claims.subject().ok_or(Disbelief::Wrong("it names nobody"))?;
    Ok(claims)
}

/// What a logout token says, if it is believed now.
pub(super) fn verify_logout_token(
    token: &str,
    keys: &[Jwk],
    parties: Parties<'_>,
    now_secs: i64,
) -> Result<Logout, Disbelief> {
    let claims = signed_claims(token, keys, &["logout+jwt", "jwt"])?;
    check_parties(&claims, parties)?;
    check_times(&claims, claims.number("exp"), now_secs)?;
    let event = claims.get("events").and_then(|events| events.get(LOGOUT_EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(Disbelief::Wrong("it tells of no logout"));
    }
    if claims.get("nonce").is_some() {
        return Err(Disbelief::Wrong("it has a nonce, as ID tokens have"));
    }
    let token_id = claims.text("jti").filter(|id| id.len() <= MAX_ID_BYTES);
    let logout = Logout {
        token_id: token_id.ok_or(Disbelief::Wrong("it has no id"))?.to_owned(),
        session: claims.session().map(str::to_owned),
        subject: claims.subject().map(str::to_owned),
    };
    if logout.session.is_none() && logout.subject.is_none() {
        return Err(Disbelief::Wrong("it names nobody"));
    }
    Ok(logout)
}

fn signed_claims(token: &str, keys: &[Jwk], types: &[&str]) -> Result<Claims, Disbelief> {
    let wrong = |_| Disbelief::Wrong("it is no signed token");
    if token.len() > MAX_BYTES {
        return Err(Disbelief::Wrong("it is too long"));
    }
    // A header with an algorithm that nobody should use, such as `none`, is not even read.
    let header = jsonwebtoken::decode_header(token).map_err(wrong)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Disbelief::Wrong("its algorithm is not believed"));
    }
    if header.crit.is_some() {
        return Err(Disbelief::Wrong("it demands what is not understood"));
    }
    if let Some(kind) = &header.typ {
        let kind = kind.to_ascii_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        if !types.contains(&kind) {
            return Err(Disbelief::Wrong("it is another kind of token"));
        }
    }
    let key = DecodingKey::from_jwk(key_of(&header, keys)?)
        .map_err(|_| Disbelief::Wrong("its key can't be used"))?;
    // The claims are looked at below, by our own clock.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let signed = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation);
    signed.map(|data| Claims(data.claims)).map_err(|_| Disbelief::Wrong("its signature does not hold"))
}

/// The one key that may have made the signature.
fn key_of<'a>(header: &Header, keys: &'a [Jwk]) -> Result<&'a Jwk, Disbelief> {
    let is_named = |key: &&Jwk| header.kid.is_none() || header.kid.as_deref() == key.common.key_id.as_deref();
    let mut fitting = keys.iter().filter(is_named).filter(|key| fits(key, header.alg));
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(Disbelief::UnknownKey),
        (Some(_), Some(_)) => Err(Disbelief::Wrong("it does not say which of several keys is its own")),
    }
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind_fits = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => {
            matches!(key.algorithm, AlgorithmParameters::EllipticCurve(_))
        }
        Algorithm::EdDSA => matches!(key.algorithm, AlgorithmParameters::OctetKeyPair(_)),
        _ => matches!(key.algorithm, AlgorithmParameters::RSA(_)),
    };
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let named = key.common.key_algorithm.map(|named| Algorithm::from_str(&named.to_string()).ok());
    kind_fits && signs && named.is_none_or(|named| named == Some(algorithm))
}

fn check_parties(claims: &Claims, parties: Parties<'_>) -> Result<(), Disbelief> {
    if claims.text("iss") != Some(parties.issuer) {
        return Err(Disbelief::Wrong("another provider made it"));
    }
    let authorized = claims.get("azp").map(|party| party.as_str() == Some(parties.client_id));
    let (is_for_us, is_for_others) = match claims.get("aud") {
        Some(Value::String(one)) => (one == parties.client_id, false),
        Some(Value::Array(all)) => {
            let ours = |one: &Value| one.as_str() == Some(parties.client_id);
            (all.iter().any(ours), !all.iter().all(ours))
        }
        _ => (false, false),
    };
    if !is_for_us || authorized == Some(false) || (is_for_others && authorized.is_none()) {
        return Err(Disbelief::Wrong("it is for somebody else"));
    }
    Ok(())
}

fn check_times(claims: &Claims, expires: Option<i64>, now_secs: i64) -> Result<(), Disbelief> {
    let issued = claims.number("iat").ok_or(Disbelief::Wrong("it does not say when it was made"))?;
    let not_before = claims.number("nbf").unwrap_or(issued);
    if issued.max(not_before) > now_secs.saturating_add(SKEW_SECS) {
        return Err(Disbelief::Wrong("it is of the future"));
    }
    let is_over = expires.is_some_and(|end| end.saturating_add(SKEW_SECS) <= now_secs);
    if is_over || issued.saturating_add(MAX_AGE_SECS + SKEW_SECS) < now_secs {
        return Err(Disbelief::Wrong("it is over"));
    }
    Ok(())
}
