//! Secrets that must be read again, encrypted where they rest: AES-256-GCM (NIST SP 800-38D) with a random nonce.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use myksc_core::{Error, Result};

/// Encrypts what the database keeps; cheap to clone.
#[derive(Clone)]
pub struct Seal {
    key: Arc<RandomizedNonceKey>,
}

impl Seal {
    /// With the portal's own key.
    ///
    /// # Errors
    /// Internal, when the key can't be used.
    pub fn new(key: &[u8; 32]) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| broken("the sealing key"))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Encrypts `plain` as text. It opens under the same label only, which says what and whose it is.
    ///
    /// # Errors
    /// Internal, when the library refuses.
    pub fn seal(&self, label: &str, plain: &[u8]) -> Result<String> {
        let mut bytes = plain.to_vec();
        let sealed = self.key.seal_in_place_append_tag(Aad::from(label.as_bytes()), &mut bytes);
        let nonce = sealed.map_err(|_| broken("a secret to seal"))?;
        Ok(hex::encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// What was sealed under this label.
    ///
    /// # Errors
    /// Internal, when it was sealed by another key, under another label, or changed since.
    pub fn open(&self, label: &str, sealed: &str) -> Result<Vec<u8>> {
        let bytes = hex::decode(sealed).map_err(Error::internal)?;
        let (nonce, body) = bytes.split_at_checked(NONCE_LEN).ok_or_else(|| broken("a sealed secret"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken("a sealed secret"))?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(label.as_bytes()), &mut body);
        Ok(plain.map_err(|_| broken("a sealed secret"))?.to_vec())
    }
}

fn broken(what: &str) -> Error {
    Error::internal(format!("{what} can't be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_by_the_same_key_and_label_only() {
        let seal = Seal::new(&[7; 32]).unwrap();
        let sealed = seal.seal("totp kim", b"secret").unwrap();
        assert_ne!(sealed, seal.seal("totp kim", b"secret").unwrap());
        assert_eq!(seal.open("totp kim", &sealed).unwrap(), b"secret");
        seal.open("totp lee", &sealed).unwrap_err();
        Seal::new(&[8; 32]).unwrap().open("totp kim", &sealed).unwrap_err();
        for broken in ["", "00", &sealed[2..], "zz", &sealed.replace(&sealed[40..42], "")] {
            seal.open("totp kim", broken).unwrap_err();
        }
    }
}
