//! Recovery codes: printed once, each good for one sign-in when the authenticator is lost.

use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::secret::SecretHash;
use myksc_core::{Result, User, UserId};

use crate::password::generate_password;

use super::{Factors, nothing_begun};

/// How many a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Codes that were just made, and what is stored of them.
pub(super) struct NewCodes {
    pub(super) codes: Vec<SecretString>,
    pub(super) hashes: Vec<String>,
}

impl Factors {
    /// New recovery codes in place of the present ones, for whoever shows a code.
    ///
    /// # Errors
    /// Invalid at `code` with `code_wrong`; [`myksc_core::Error::TooMany`] after wrong ones.
    pub async fn renew_recovery_codes(&self, user: &User, code: &str) -> Result<Vec<SecretString>> {
        self.take_code(user, code).await?;
        let new = NewCodes::of(&user.id);
        if !self.store.replace_recovery_codes(&user.id, &new.hashes).await? {
            // The last factor was removed meanwhile.
            return Err(nothing_begun());
        }
        Ok(new.codes)
    }

    pub(super) async fn take_recovery_code(&self, user: &User, code: &str) -> Result<bool> {
        Ok(self.store.spend_recovery_code(&user.id, &hash_of(&user.id, code)).await?)
    }
}

impl NewCodes {
    /// Ten codes of 79 random bits each, so that their plain hash can't be turned back.
    pub(super) fn of(user: &UserId) -> Self {
        let codes: Vec<SecretString> = (0..RECOVERY_CODES).map(|_| generate_password()).collect();
        let hashes = codes.iter().map(|code| hash_of(user, code.expose_secret())).collect();
        Self { codes, hashes }
    }
}

/// What is stored of a code. Case, spaces and hyphens do not matter.
fn hash_of(user: &UserId, code: &str) -> String {
    let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    SecretHash::of(&format!("recovery {user} {}", plain.to_ascii_lowercase())).to_hex()
}
