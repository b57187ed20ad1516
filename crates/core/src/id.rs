//! Ids: a letter that tells the kind, and 15 random characters of lower-case base32.
//!
//! An app's id is a label of its origin's host name (RFC 1123 section 2.1), so every id keeps to `a-z` and `2-7`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const RANDOM_CHARS: usize = 15;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {0:?}")]
pub struct InvalidId(String);

fn random_text(prefix: char) -> String {
    let mut bytes = [0u8; RANDOM_CHARS];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers");
    spell(prefix, &bytes)
}

fn derived_text(prefix: char, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    spell(prefix, &hash.finalize()[..RANDOM_CHARS])
}

fn spell(prefix: char, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(RANDOM_CHARS + 1);
    text.push(prefix);
    text.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
    text
}

fn is_id(text: &str, prefix: char) -> bool {
    text.len() == RANDOM_CHARS + 1
        && text.starts_with(prefix)
        && text.bytes().skip(1).all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// A new id from the kernel's random source (75 bits).
            #[must_use]
            pub fn random() -> Self {
                Self(random_text($prefix))
            }

            /// The id that follows from these texts: the same ones give the same id.
            #[must_use]
            pub fn derived(parts: &[&str]) -> Self {
                Self(derived_text($prefix, parts))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_id(text, $prefix) { Ok(Self(text.to_owned())) } else { Err(InvalidId(text.to_owned())) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A user of the portal.
    UserId = 'u';
    /// A session of a signed-in person; not the cookie's secret.
    SessionId = 's';
    /// An API token's public half.
    TokenId = 't';
    /// One app; also the label of its own origin.
    AppId = 'a';
    /// One batch job as the portal knows it.
    JobId = 'j';
    /// A browser's right to reach one app, made from a ticket.
    GrantId = 'g';
    /// What the centre tells everybody.
    NoticeId = 'n';
    /// A person's passkey.
    PasskeyId = 'k';
    /// One upload of a file.
    UploadId = 'f';
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_parses_as_its_own_kind_only() {
        let id = AppId::random();
        assert_eq!(id.as_str().parse::<AppId>().as_ref(), Ok(&id));
        assert!(id.as_str().parse::<JobId>().is_err());
    }

    #[test]
    fn a_derived_id_follows_from_its_parts_alone() {
        let id = AppId::derived(&["launch", "kim", "key"]);
        assert_eq!(id.as_str().parse::<AppId>().as_ref(), Ok(&id));
        assert_eq!(AppId::derived(&["launch", "kim", "key"]), id);
        assert_ne!(AppId::derived(&["launch", "kimk", "ey"]), id);
    }

    #[test]
    fn hostile_texts_are_no_ids() {
        for text in
            ["", "a", "a../../etc/passwd", "aABCDEFGHIJKLMNO", "abcdefghijklmno1", "abcdefghijklmnop\n"]
        {
            assert!(text.parse::<AppId>().is_err(), "{text:?}");
        }
    }
}
