//! Tokens by which slurmrestd knows a person: JWT signed with the key that the cluster's auth/jwt has, each for one
//! account and a few minutes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::HeaderValue;
use serde::Serialize;
use tokio::time::Instant;

/// How long a token is good.
const LIFETIME: Duration = Duration::from_secs(300);
/// A token that is not good for this long any more is not shown again.
const REST_MIN: Duration = Duration::from_secs(60);
/// Slurm's own documents make keys of 32 bytes.
const KEY_BYTES_MIN: usize = 16;

/// The cluster's key, `jwt_hs256.key`. Who has it is anybody there, root included.
pub struct JwtKey(EncodingKey);

/// Why bytes are no key.
#[derive(Debug, thiserror::Error)]
#[error("a key for tokens has at least {KEY_BYTES_MIN} bytes; this one has {0}")]
pub struct JwtKeyError(usize);

/// What slurmctld reads in a token: until when and since when it is good, and for which account.
#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    iat: u64,
    sun: &'a str,
}

/// A token as the value of a header, which no log shows.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    minted_at: Instant,
}

impl JwtKey {
    /// Takes the bytes of the key's file as they are.
    ///
    /// # Errors
    /// There are too few.
    pub fn new(bytes: &[u8]) -> Result<Self, JwtKeyError> {
        if bytes.len() < KEY_BYTES_MIN {
            return Err(JwtKeyError(bytes.len()));
        }
        Ok(Self(EncodingKey::from_secret(bytes)))
    }

    /// Signs a token for an account. The error is a sentence.
    pub(super) fn mint(&self, name: &str) -> Result<Token, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        let (iat, exp) = (now.as_secs(), (now + LIFETIME).as_secs());
        let claims = Claims { exp, iat, sun: name };
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.0)
            .map_err(|error| error.to_string())?;
        let mut header = HeaderValue::from_str(&text).map_err(|error| error.to_string())?;
        header.set_sensitive(true);
        tracing::info!(user = name, expires = exp, "a token for slurmrestd was signed");
        Ok(Token { header, minted_at: Instant::now() })
    }
}

impl Token {
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.minted_at) + REST_MIN < LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_token_names_one_account_for_five_minutes_and_no_log_shows_it() {
        let bytes = b"0123456789abcdef0123456789abcdef";
        let token = JwtKey::new(bytes).unwrap().mint("kim").unwrap();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp"]);
        let text = token.header.to_str().unwrap();
        let read =
            jsonwebtoken::decode::<Value>(text, &DecodingKey::from_secret(bytes), &validation).unwrap();
        let claims = read.claims;
        assert_eq!(claims["sun"], "kim");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
        assert_eq!(claims.as_object().unwrap().len(), 3);
        assert!(!format!("{:?}", token.header).contains("ey"));
        let now = Instant::now();
        assert!(token.is_fresh(now) && !token.is_fresh(now + LIFETIME - REST_MIN));
        assert!(JwtKey::new(b"short").is_err());
    }
}
