//! Bytes as text and back, none of them lost.
//!
//! What is UTF-8 is itself. Every other byte becomes the character `U+EF80` to `U+EFFF` of its own (as MirBSD's OPTU
//! encoding has it), which belongs to no script of the world; where those characters stand themselves, their bytes are
//! written the same way.

/// The first of the characters, for byte 0x80.
const FIRST: u32 = 0xef80;

/// Bytes as text.
#[must_use]
pub fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if byte_of(character).is_some() {
                let mut buffer = [0; 4];
                text.extend(character.encode_utf8(&mut buffer).bytes().filter_map(character_of));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(character_of));
    }
    text
}

/// The bytes that [`to_text`] made a text of.
#[must_use]
pub fn to_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// Whether a text stands for bytes that are no UTF-8.
#[must_use]
pub fn has_any(text: &str) -> bool {
    text.chars().any(|character| byte_of(character).is_some())
}

fn byte_of(character: char) -> Option<u8> {
    let offset = u32::from(character).checked_sub(FIRST).filter(|offset| *offset < 0x80)?;
    u8::try_from(offset + 0x80).ok()
}

/// The character for a byte that is no ASCII.
fn character_of(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte.checked_sub(0x80)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost() {
        let all: Vec<u8> = (0..=255).collect();
        let korean = [0xb0, 0xe8, 0xbb, 0xea];
        for bytes in [&b"plain"[..], "한글 \u{ef80}\u{efff}\u{f000}".as_bytes(), &korean, b"\xef\xbe", &all]
        {
            let text = to_text(bytes);
            assert_eq!(to_bytes(&text), bytes, "{text:?}");
        }
        assert_eq!(to_text("한글".as_bytes()), "한글");
        assert!(has_any(&to_text(&korean)) && !has_any("한글"));
    }
}
