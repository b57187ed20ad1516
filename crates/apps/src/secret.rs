//! The secret of each app: derived, never stored by the portal.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use myksc_core::AppId;
use myksc_core::guard::GuardKey;

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
        hex::encode(self.derive(app, generation, b""))
    }

    /// What the guard of one launch of an app and the gateway share.
    pub(crate) fn of_guard(&self, app: &AppId, generation: u32) -> GuardKey {
        GuardKey::new(self.derive(app, generation, b"guard"))
    }

    /// What the guard of a person's agent and the portal share.
    pub(crate) fn of_agent(&self, uid: u32) -> GuardKey {
        GuardKey::new(self.mac(&[b"agent of ", &uid.to_be_bytes()]))
    }

    fn derive(&self, app: &AppId, generation: u32, purpose: &[u8]) -> [u8; 32] {
        self.mac(&[app.as_str().as_bytes(), &generation.to_be_bytes(), purpose])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
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
