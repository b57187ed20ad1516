//! The browser's half of a sign-in: its cookie, what follows from it, and where it goes afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use myksc_core::secret::{Secret, SecretHash};

/// Length of a cookie's value: 256 bits in unpadded base64.
const COOKIE_CHARS: usize = 43;
/// Longest address in the portal to come back to.
const MAX_NEXT_BYTES: usize = 2000;
const NONCE_LABEL: &[u8] = b"myksc oidc nonce v1";
const VERIFIER_LABEL: &[u8] = b"myksc oidc verifier v1";

/// What one browser holds while somebody signs in with it; the same for all its tabs.
pub(super) struct Browser(String);

impl Browser {
    /// A browser that holds nothing yet.
    pub(super) fn new() -> Self {
        Self(Secret::random().expose().to_owned())
    }

    /// The browser of a cookie, if it is one of ours by its looks.
    pub(super) fn of_cookie(cookie: &str) -> Option<Self> {
        let ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (cookie.len() == COOKIE_CHARS && cookie.bytes().all(ours)).then(|| Self(cookie.to_owned()))
    }

    /// The cookie's value.
    pub(super) fn cookie(&self) -> &str {
        &self.0
    }

    /// What stands for it in the database.
    pub(super) fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// The nonce of the sign-in with this state. Following from the cookie, it rests nowhere else.
    pub(super) fn nonce(&self, state: &str) -> String {
        self.derive(NONCE_LABEL, state)
    }

    /// The code verifier (RFC 7636) of the sign-in with this state; it rests nowhere else, either.
    pub(super) fn verifier(&self, state: &str) -> String {
        self.derive(VERIFIER_LABEL, state)
    }

    fn derive(&self, label: &[u8], state: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(label);
        mac.update(&[0]);
        mac.update(state.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

/// A place in the portal's own pages; anything else becomes the first page.
pub(super) fn place(next: Option<&str>, origin: &Url) -> String {
    let fits = |next: &&str| {
        next.len() <= MAX_NEXT_BYTES
            && next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && origin.join(next).is_ok_and(|place| {
                place.origin() == origin.origin()
                    && !["/api/", "/oidc/"].iter().any(|other| place.path().starts_with(other))
            })
    };
    next.filter(fits).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_the_portal_are_gone_to() {
        let origin = Url::parse("https://portal.example").unwrap();
        for next in ["/", "/apps?new=1#top", "/files/home/a%20b", "/open/a1?to=%2Flab"] {
            assert_eq!(place(Some(next), &origin), next);
        }
        for next in [
            "",
            "apps",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/a b",
            "/api/v1/session",
            "/x/../oidc/centre/start",
            "javascript:alert(1)",
            &format!("/{}", "a".repeat(2000)),
        ] {
            assert_eq!(place(Some(next), &origin), "/", "{next:?}");
        }
        assert_eq!(place(None, &origin), "/");
    }

    #[test]
    fn nonce_and_verifier_differ_by_browser_state_and_purpose() {
        let (one, other) = (Browser::new(), Browser::new());
        let all = [one.nonce("a"), one.nonce("b"), one.verifier("a"), other.nonce("a"), other.verifier("a")];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(Browser::of_cookie(one.cookie()).unwrap().verifier("a"), one.verifier("a"));
        for cookie in ["", "short", &"a".repeat(44), &format!("{};", "a".repeat(42))] {
            assert!(Browser::of_cookie(cookie).is_none(), "{cookie:?}");
        }
    }
}
