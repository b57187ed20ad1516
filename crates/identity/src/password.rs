//! Passwords: the rule for new ones, and Argon2id with a bound on what a storm of sign-ins may take.
//!
//! Parameters follow the OWASP Password Storage Cheat Sheet (Argon2id, m = 19 MiB, t = 2, p = 1); hashes are
//! kept as PHC strings, so that other parameters later still verify what is stored today.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use myksc_core::{Error, FieldProblem, Result};

/// Fewest characters of a new password.
pub const MIN_CHARS: usize = 8;
/// Most bytes of any password; a longer one is wrong without hashing it.
pub const MAX_BYTES: usize = 1024;

/// Hashes that run at once; each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Sign-ins that may wait for a hash; about two seconds of work.
const WAITING: usize = 64;
/// How long one of them may wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// Verified against when there is no account, so that an unknown name costs what a wrong password costs.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUh$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Letters and digits that nobody mistakes for one another.
const READABLE: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Hashes and verifies passwords off the async threads, few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    operations: AtomicU64,
}

/// Held while one hash waits and runs.
struct Turn {
    _place: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

/// Checks a new password by the rule.
///
/// # Errors
/// A problem at `field` with code `password_too_short` or `password_too_long`.
pub fn check_new_password(field: &str, password: &SecretString) -> Result<(), FieldProblem> {
    let text = password.expose_secret();
    if text.chars().count() < MIN_CHARS {
        let detail = format!("use at least {MIN_CHARS} characters");
        return Err(FieldProblem::new(field, "password_too_short", detail).with("min", MIN_CHARS));
    }
    if text.len() > MAX_BYTES {
        let detail = format!("use at most {MAX_BYTES} bytes");
        return Err(FieldProblem::new(field, "password_too_long", detail).with("max", MAX_BYTES));
    }
    Ok(())
}

/// A password to print once: four groups of four characters, 79 random bits.
#[must_use]
pub fn generate_password() -> SecretString {
    let groups: Vec<String> = (0..4).map(|_| (0..4).map(|_| readable()).collect()).collect();
    SecretString::from(groups.join("-"))
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// With two hashes at a time and 64 waiting.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            operations: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The PHC string to store for a password.
    ///
    /// # Errors
    /// `sign_in_busy` when too many wait already.
    pub async fn hash(&self, password: SecretString) -> Result<String> {
        self.run(move || {
            let hash = hasher().hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(Error::internal)
        })
        .await?
    }

    /// Whether `password` is the one that `stored` was made from. Without a stored hash the answer is no, after
    /// the same work.
    ///
    /// # Errors
    /// `sign_in_busy` when too many wait already; internal when `stored` is not a PHC string.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| NOBODY.to_owned());
        self.run(move || {
            let parsed = PasswordHash::new(&phc).map_err(Error::internal)?;
            // Beyond the limit there is no such password; the hash of a short one keeps the work equal.
            let text = password.expose_secret().as_bytes();
            let fits = text.len() <= MAX_BYTES;
            let matches = hasher().verify_password(if fits { text } else { b"" }, &parsed).is_ok();
            Ok(known && fits && matches)
        })
        .await?
    }

    /// How many hashes were computed so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.operations.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = self.turn().await?;
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        let task = tokio::task::spawn_blocking(move || {
            let answer = work();
            // The caller may be gone; the turn ends with the work all the same.
            drop(turn);
            answer
        });
        task.await.map_err(Error::internal)
    }

    async fn turn(&self) -> Result<Turn> {
        let place = self.shared.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let running = tokio::time::timeout(PATIENCE, self.shared.running.clone().acquire_owned()).await;
        let running = running.map_err(|_| busy())?.map_err(Error::internal)?;
        Ok(Turn { _place: place, _running: running })
    }
}

/// Too many people sign in at once.
pub(crate) fn busy() -> Error {
    Error::Unavailable { code: "sign_in_busy", detail: "too many people sign in right now".to_owned() }
}

/// One of the readable characters, each as likely as any other.
fn readable() -> char {
    loop {
        let mut byte = [0u8];
        getrandom::fill(&mut byte).expect("the kernel's random source answers");
        if let Some(character) = READABLE.get(usize::from(byte[0] & 31)) {
            return char::from(*character);
        }
    }
}

fn hasher() -> Argon2<'static> {
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn the_rule_counts_characters_below_and_bytes_above() {
        let cases = [
            ("", Some("password_too_short")),
            ("1234567", Some("password_too_short")),
            ("일곱글자입니다", Some("password_too_short")),
            ("여덟글자입니다요", None),
            ("12345678", None),
        ];
        for (text, expected) in cases {
            let code = check_new_password("new", &secret(text)).err().map(|problem| problem.code);
            assert_eq!(code.as_deref(), expected, "{text:?}");
        }
        let longest = "x".repeat(MAX_BYTES);
        assert!(check_new_password("new", &secret(&longest)).is_ok());
        assert!(check_new_password("new", &secret(&format!("{longest}x"))).is_err());
    }

    #[test]
    fn generated_passwords_are_readable_distinct_and_hold_the_rule() {
        let one = generate_password();
        assert!(check_new_password("new", &one).is_ok());
        assert_eq!(one.expose_secret().len(), 19);
        assert!(!one.expose_secret().contains(['0', 'O', '1', 'l', 'i', 'I', 'o']));
        assert_ne!(one.expose_secret(), generate_password().expose_secret());
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let passwords = Passwords::new();
        let stored = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(secret("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(secret("correct horsf"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(secret(""), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_s_password_and_a_giant_one_cost_one_hash_and_are_wrong() {
        let passwords = Passwords::new();
        assert!(!passwords.verify(secret("anything"), None).await.unwrap());
        assert_eq!(passwords.operations(), 1);
        assert!(!passwords.verify(secret(&"x".repeat(MAX_BYTES + 1)), None).await.unwrap());
        assert_eq!(passwords.operations(), 2);
    }

    #[tokio::test]
    async fn beyond_the_bound_the_answer_is_busy_at_once() {
        let passwords = Passwords::new();
        let _running = passwords.shared.running.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let _places =
            passwords.shared.places.clone().acquire_many_owned((AT_ONCE + WAITING) as u32).await.unwrap();
        let answer = passwords.verify(secret("anything"), None).await;
        assert!(matches!(answer, Err(Error::Unavailable { code: "sign_in_busy", .. })), "{answer:?}");
        assert_eq!(passwords.operations(), 0);
    }
}
