//! The code that a person reads on one screen and types on another (RFC 8628, section 6.1).

use std::fmt;
use std::str::FromStr;

use myksc_core::secret::SecretHash;

/// No vowels, so that no code is a word, and nothing that is easily taken for something else.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;
/// Longest text that is looked at.
const MAX_TYPED_BYTES: usize = 64;

/// Eight letters, shown as `WDJB-MJHT`; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// This is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has {CODE_LETTERS} letters")]
pub struct InvalidUserCode;

impl UserCode {
    /// A new code from the kernel's random source.
    #[must_use]
    pub fn random() -> Self {
        let mut text = String::with_capacity(CODE_LETTERS);
        while text.len() < CODE_LETTERS {
            let mut byte = [0u8; 1];
            getrandom::fill(&mut byte).expect("the kernel's random source answers");
            // 240 is the largest multiple of 20 in a byte: each letter is as likely as any other.
            if byte[0] < 240 {
                text.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
            }
        }
        Self(text)
    }

    /// What to store.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl FromStr for UserCode {
    type Err = InvalidUserCode;

    /// Letters in either case; spaces and dashes play no part.
    fn from_str(text: &str) -> Result<Self, InvalidUserCode> {
        if text.len() > MAX_TYPED_BYTES {
            return Err(InvalidUserCode);
        }
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let is_code = code.len() == CODE_LETTERS && code.bytes().all(|letter| LETTERS.contains(&letter));
        is_code.then_some(Self(code)).ok_or(InvalidUserCode)
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(CODE_LETTERS / 2);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_people_type_it() {
        let code = UserCode::random();
        assert!(!format!("{code:?}").contains(&code.to_string()));
        for typed in [code.to_string(), code.to_string().to_lowercase(), format!(" {} ", code.0)] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed:?}");
        }
        let spaced: String = code.0.chars().flat_map(|letter| [letter, ' ']).collect();
        assert_eq!(spaced.parse(), Ok(code));
        let long = format!("WDJB-{}MJHT", "-".repeat(99));
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTW", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJHТ", "../x", &long] {
            assert_eq!(wrong.parse::<UserCode>(), Err(InvalidUserCode), "{wrong:?}");
        }
    }

    #[test]
    fn every_letter_comes_up() {
        let codes: String = (0..200).map(|_| UserCode::random().0).collect();
        assert!(LETTERS.iter().all(|letter| codes.contains(char::from(*letter))));
    }
}
