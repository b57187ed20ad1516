//! The secret of each app: derived, never stored by the portal.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use myksc_core::AppId;

/// What the apps' secrets are derived from; its `Debug` shows nothing.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A key of 256 random bits, the same at every start of the portal.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret of one launch of an app: 64 hexadecimal digits.
    pub(crate) fn of_app(&self, app: &AppId, generation: u32) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(app.as_str().as_bytes());
        mac.update(&generation.to_be_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_launch_of_every_app_has_its_own_secret_and_always_the_same() {
        let key = SecretKey::new([7; 32]);
        let app = AppId::random();
        let secret = key.of_app(&app, 1);
        assert_eq!(secret.len(), 64);
        assert_eq!(SecretKey::new([7; 32]).of_app(&app, 1), secret);
        for other in
            [key.of_app(&app, 2), key.of_app(&AppId::random(), 1), SecretKey::new([8; 32]).of_app(&app, 1)]
        {
            assert_ne!(other, secret);
        }
        assert!(!format!("{key:?}").contains('7'));
    }
}
