//! Certificates for one person and a few minutes, by a key that the login nodes trust.
//!
//! The format is OpenSSH's, PROTOCOL.certkeys of its sources.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use myksc_core::Identity;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Certificate, PrivateKey};

/// Clocks may differ by this much.
const BEFORE_SECS: u64 = 60;
/// The whole is valid for five minutes.
const AFTER_SECS: u64 = 240;

/// The key that signs certificates for users.
pub struct UserCa {
    key: PrivateKey,
}

/// Why a text is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum UserCaError {
    /// It is no OpenSSH private key.
    #[error("no OpenSSH private key: {0}")]
    NoKey(String),
    /// There is nobody to ask for the passphrase.
    #[error("the key has a passphrase")]
    HasPassphrase,
}

/// A key with its certificate; lives in memory alone.
pub(super) struct Credential {
    pub(super) key: Arc<PrivateKey>,
    pub(super) certificate: Certificate,
}

impl UserCa {
    /// Takes an OpenSSH private key without a passphrase, as `ssh-keygen -t ed25519 -N ''` makes it.
    ///
    /// # Errors
    /// It is none.
    pub fn from_openssh(text: &str) -> Result<Self, UserCaError> {
        let key = PrivateKey::from_openssh(text).map_err(|error| UserCaError::NoKey(error.to_string()))?;
        if key.is_encrypted() {
            return Err(UserCaError::HasPassphrase);
        }
        Ok(Self { key })
    }

    #[cfg(test)]
    pub(super) fn of(key: PrivateKey) -> Self {
        Self { key }
    }

    /// A new key, signed for one account and nothing but commands: no terminal, no forwarding.
    pub(super) fn mint(&self, who: &Identity, source_address: Option<&str>) -> Result<Credential, String> {
        let mut seed = [0; 32];
        let mut nonce = [0; 32];
        let mut serial = [0; 8];
        for random in [&mut seed[..], &mut nonce, &mut serial] {
            getrandom::fill(random).map_err(|error| error.to_string())?;
        }
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let serial = u64::from_be_bytes(serial);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let sign = || {
            let mut builder =
                Builder::new(nonce, key.public_key(), now.saturating_sub(BEFORE_SECS), now + AFTER_SECS)?;
            builder.serial(serial)?.cert_type(CertType::User)?.valid_principal(&who.name)?;
            builder.key_id(format!("myksc {} uid {}", who.name, who.uid))?;
            if let Some(address) = source_address {
                builder.critical_option("source-address", address)?;
            }
            builder.sign(&self.key)
        };
        let certificate = sign().map_err(|error: russh::keys::ssh_key::Error| error.to_string())?;
        tracing::info!(serial, user = who.name, uid = who.uid, "a certificate was signed");
        Ok(Credential { key: Arc::new(key), certificate })
    }
}
