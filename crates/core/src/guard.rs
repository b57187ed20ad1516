//! The handshake between an app's guard and whoever holds the app's key: what is said and how it is judged, and
//! [`pass`], which says the gateway's half over any stream.
//!
//! A guard owns the port of an app that stands in a network with others. On each connection both sides show that
//! they hold the same key before a byte of the app passes:
//!
//! ```text
//! guard   ─▶ gateway   "mykscgd1", G                                  Hello    40 bytes
//! gateway ─▶ guard     C, HMAC(key, "myksc guard 1 gateway", G, C)    Answer   64 bytes
//! guard   ─▶ gateway   HMAC(key, "myksc guard 1 guard", G, C)         Proof    32 bytes
//! ```
//!
//! G and C are random, so that nothing heard once is of use again; the two texts differ, so that neither side's
//! proof can be sent back to it. Neither learns anything of the key from the other. Afterwards the connection
//! carries raw bytes. They are not encrypted: who can pass on everything between a guard and its gateway can read it.

use std::fmt;
use std::io;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Length of a random number in bytes.
pub const NONCE_BYTES: usize = 32;
/// Length of HMAC-SHA256 in bytes.
pub const PROOF_BYTES: usize = 32;
/// Length of what the guard says first, in bytes.
pub const HELLO_BYTES: usize = MAGIC.len() + NONCE_BYTES;
/// Length of what the gateway answers, in bytes.
pub const ANSWER_BYTES: usize = NONCE_BYTES + PROOF_BYTES;

/// Random bytes of one side.
pub type Nonce = [u8; NONCE_BYTES];
/// What the guard says first.
pub type Hello = [u8; HELLO_BYTES];
/// What the gateway answers.
pub type Answer = [u8; ANSWER_BYTES];
/// What the guard ends the handshake with.
pub type Proof = [u8; PROOF_BYTES];

/// Tells a guard of this version from anything else that listens.
const MAGIC: [u8; 8] = *b"mykscgd1";
const BY_GATEWAY: &[u8] = b"myksc guard 1 gateway";
const BY_GUARD: &[u8] = b"myksc guard 1 guard";

/// What a guard and its gateway share: 256 bits, of one launch of one app. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct GuardKey([u8; 32]);

/// The guard's side of one handshake.
#[derive(Debug)]
pub struct Challenge {
    nonce: Nonce,
}

/// The gateway's side of one handshake, from its answer on.
#[derive(Debug)]
pub struct Response {
    answer: Answer,
    expected: Proof,
}

/// Why the other side is not let any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// What listens there doesn't speak as a guard of this version does.
    #[error("no guard speaks there")]
    NoGuard,
    /// The other side holds another key, or none.
    #[error("it does not hold the key")]
    WrongKey,
}

impl GuardKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The key as 64 hexadecimal digits, for the file that the guard reads.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    fn prove(&self, side: &[u8], guard: &Nonce, gateway: &Nonce) -> Proof {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in [side, guard, gateway] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl PartialEq for GuardKey {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for GuardKey {}

impl fmt::Debug for GuardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardKey")
    }
}

/// Random bytes for one side of one handshake.
#[must_use]
pub fn random_nonce() -> Nonce {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).expect("the kernel's random source answers");
    nonce
}

/// Passes the guard that listens at the other end of a stream, and sees that it is one; `stream` is the app's then.
/// Takes as long as the other side likes: callers have a deadline.
///
/// # Errors
/// When the stream fails, or what is there does not hold the key.
pub async fn pass<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, key: &GuardKey) -> io::Result<()> {
    let mut hello = [0; HELLO_BYTES];
    stream.read_exact(&mut hello).await?;
    let response = Response::new(key, &hello, random_nonce()).map_err(io::Error::other)?;
    stream.write_all(response.answer()).await?;
    let mut proof = [0; PROOF_BYTES];
    stream.read_exact(&mut proof).await?;
    response.check(&proof).map_err(io::Error::other)
}

impl Challenge {
    /// A handshake with these random bytes, which no other handshake may use.
    #[must_use]
    pub fn new(nonce: Nonce) -> Self {
        Self { nonce }
    }

    /// What to send first.
    #[must_use]
    pub fn hello(&self) -> Hello {
        join(&MAGIC, &self.nonce)
    }

    /// Looks at the gateway's answer; gives what to send back, after which the connection is the app's.
    ///
    /// # Errors
    /// When the answer does not show that the other side holds the key; nothing may be sent to it.
    pub fn admit(self, key: &GuardKey, answer: &Answer) -> Result<Proof, NotProven> {
        let (gateway, proof) = halves(answer);
        check(&key.prove(BY_GATEWAY, &self.nonce, &gateway), &proof)?;
        Ok(key.prove(BY_GUARD, &self.nonce, &gateway))
    }
}

impl Response {
    /// The answer to what a guard said first, with random bytes that no other handshake may use.
    ///
    /// # Errors
    /// When that was said by something else; nothing may be sent to it.
    pub fn new(key: &GuardKey, hello: &Hello, nonce: Nonce) -> Result<Self, NotProven> {
        let (magic, guard) = halves::<8, NONCE_BYTES, HELLO_BYTES>(hello);
        if magic != MAGIC {
            return Err(NotProven::NoGuard);
        }
        let answer = join(&nonce, &key.prove(BY_GATEWAY, &guard, &nonce));
        Ok(Self { answer, expected: key.prove(BY_GUARD, &guard, &nonce) })
    }

    /// What to send.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Looks at what came back; after that the connection is the app's.
    ///
    /// # Errors
    /// When it does not show that the other side holds the key; no byte for the app may be sent to it.
    pub fn check(self, proof: &Proof) -> Result<(), NotProven> {
        check(&self.expected, proof)
    }
}

fn check(expected: &Proof, proof: &Proof) -> Result<(), NotProven> {
    if expected.ct_eq(proof).into() { Ok(()) } else { Err(NotProven::WrongKey) }
}

fn join<const N: usize>(front: &[u8], back: &[u8]) -> [u8; N] {
    let mut joined = [0; N];
    joined[..front.len()].copy_from_slice(front);
    joined[front.len()..].copy_from_slice(back);
    joined
}

fn halves<const A: usize, const B: usize, const N: usize>(joined: &[u8; N]) -> ([u8; A], [u8; B]) {
    let (mut front, mut back) = ([0; A], [0; B]);
    front.copy_from_slice(&joined[..A]);
    back.copy_from_slice(&joined[A..]);
    (front, back)
}

#[cfg(test)]
mod tests;
