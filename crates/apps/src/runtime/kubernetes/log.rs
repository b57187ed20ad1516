//! A piece of a text by byte offset.

use myksc_spool::Chunk;

/// Up to `limit` bytes from `offset`, cut at characters; a negative offset counts from the end.
pub(super) fn piece(text: &str, offset: i64, limit: u64) -> Chunk {
    let size = text.len();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let from = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if offset < 0 { size.saturating_sub(from) } else { from.min(size) };
    let start = text.ceil_char_boundary(start);
    let end = text.floor_char_boundary(start.saturating_add(limit).min(size)).max(start);
    let as_u64 = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Chunk {
        offset: as_u64(start),
        next_offset: as_u64(end),
        size_bytes: as_u64(size),
        text: text[start..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_begins_and_ends_with_whole_characters() {
        let text = "가나다";
        let cases = [
            (0, 100, 0..9),
            (0, 4, 0..3),
            (1, 100, 3..9),
            (-4, 100, 6..9),
            (-100, 100, 0..9),
            (100, 100, 9..9),
            (3, 2, 3..3),
        ];
        for (offset, limit, expected) in cases {
            let chunk = piece(text, offset, limit);
            assert_eq!(chunk.text, text[expected.clone()], "{offset} {limit}");
            assert_eq!((chunk.offset, chunk.next_offset), (expected.start as u64, expected.end as u64));
        }
    }
}
