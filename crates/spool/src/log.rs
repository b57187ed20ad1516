//! Reading a growing text file by byte offset.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde::Serialize;

use crate::error::{SpoolError, at};

/// The longest encoding of a character in UTF-8.
const MAX_CHAR_BYTES: u64 = 4;

/// A piece of a text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chunk {
    /// Where `text` begins, in bytes.
    pub offset: u64,
    /// Where to read on.
    pub next_offset: u64,
    /// The file's size at this moment.
    pub size_bytes: u64,
    /// The text; bytes that are not UTF-8 stand as U+FFFD.
    pub text: String,
}

/// Reads up to `limit` bytes from `offset`; a negative offset counts from the end. The text is cut at a
/// character's boundary, so a character that is only half written comes with the next piece; `complete` says that
/// the file grows no more, and nothing is held back then. A file that is not there is empty; an offset behind the end
/// (the file was cut since) is moved to the end.
///
/// # Errors
/// When the file system refuses, or the path is no regular file.
pub fn read_chunk(path: &Path, offset: i64, limit: u64, complete: bool) -> Result<Chunk, SpoolError> {
    let Some(text) = TextFile::open(path)? else {
        return Ok(Chunk { offset: 0, next_offset: 0, size_bytes: 0, text: String::new() });
    };
    let start = text.start(offset).min(text.size_bytes);
    text.read(start..text.size_bytes, limit, offset < 0, complete)
}

/// An opened text file as long as it was at that moment.
pub(crate) struct TextFile<'a> {
    path: &'a Path,
    file: File,
    pub(crate) size_bytes: u64,
}

impl<'a> TextFile<'a> {
    /// Opens what is there.
    pub(crate) fn open(path: &'a Path) -> Result<Option<Self>, SpoolError> {
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return at(path, Err(error)),
        };
        let size_bytes = at(path, file.metadata())?.len();
        Ok(Some(Self { path, file, size_bytes }))
    }

    /// Where an offset stands that may count from the end.
    pub(crate) fn start(&self, offset: i64) -> u64 {
        let distance = offset.unsigned_abs();
        if offset < 0 { self.size_bytes.saturating_sub(distance) } else { distance }
    }

    /// Reads up to `limit` bytes at the beginning of `span`, as if the file ended with it.
    pub(crate) fn read(
        &self,
        span: Range<u64>,
        limit: u64,
        from_end: bool,
        complete: bool,
    ) -> Result<Chunk, SpoolError> {
        let wanted = limit.max(MAX_CHAR_BYTES).min(span.end.saturating_sub(span.start));
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
        let read = at(self.path, read_up_to(&self.file, &mut bytes, span.start))?;
        bytes.truncate(read);
        let size_bytes = self.size_bytes;
        Ok(Chunk { size_bytes, ..cut(&bytes, span.start, span.end, from_end, complete) })
    }
}

/// Makes a piece of bytes that begin at `start` of a file: its text ends, and after a jump from the end also
/// begins, at a character's boundary.
#[must_use]
pub fn cut(bytes: &[u8], start: u64, size_bytes: u64, from_end: bool, complete: bool) -> Chunk {
    let skipped = if from_end && start > 0 { leading_rest(bytes) } else { 0 };
    let at_end = start + bytes.len() as u64 >= size_bytes;
    let held_back = if complete && at_end { 0 } else { trailing_part(bytes) };
    let kept = &bytes[skipped..(bytes.len() - held_back).max(skipped)];
    let offset = start + skipped as u64;
    Chunk {
        offset,
        next_offset: offset + kept.len() as u64,
        size_bytes,
        text: String::from_utf8_lossy(kept).into_owned(),
    }
}

/// Opens without waiting (a FIFO in the file's place would block for ever) and only what is a regular file.
fn open_regular(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

fn read_up_to(file: &File, bytes: &mut [u8], start: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes at the beginning that end a character which began before.
fn leading_rest(bytes: &[u8]) -> usize {
    bytes.iter().take(3).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count()
}

/// Bytes at the end that begin a character which is not complete.
fn trailing_part(bytes: &[u8]) -> usize {
    let rest = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_incomplete = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
    if is_incomplete { rest.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], offset: i64, limit: u64, complete: bool) -> Chunk {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, content).unwrap();
        read_chunk(&path, offset, limit, complete).unwrap()
    }

    #[test]
    fn pieces_of_any_length_join_to_the_whole_text() {
        let text = "결과 1\nα→ω 🙂\nend";
        for limit in 1..=text.len() as u64 {
            let mut joined = String::new();
            let mut offset = 0;
            while offset < text.len() as u64 {
                let chunk = read(text.as_bytes(), i64::try_from(offset).unwrap(), limit, false);
                assert!(chunk.next_offset > offset, "no way forward at {offset} by {limit}");
                joined.push_str(&chunk.text);
                offset = chunk.next_offset;
            }
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn a_half_written_character_waits_until_the_file_is_complete() {
        let content = &"가나".as_bytes()[..5];
        let open = read(content, 0, 100, false);
        assert_eq!((open.text.as_str(), open.next_offset), ("가", 3));
        let complete = read(content, 0, 100, true);
        assert_eq!((complete.text.as_str(), complete.next_offset), ("가\u{fffd}", 5));
    }

    #[test]
    fn the_last_bytes_begin_at_a_character() {
        let chunk = read("가나다".as_bytes(), -5, 100, true);
        assert_eq!((chunk.text.as_str(), chunk.offset, chunk.next_offset), ("다", 6, 9));
    }

    #[test]
    fn rubbish_bytes_are_shown_and_passed() {
        let chunk = read(b"a\xff\xfeb", 0, 100, false);
        assert_eq!((chunk.text.as_str(), chunk.next_offset), ("a\u{fffd}\u{fffd}b", 4));
    }

    #[test]
    fn a_cut_or_missing_file_gives_an_empty_piece_at_its_end() {
        let chunk = read(b"ab", 100, 10, false);
        assert_eq!((chunk.offset, chunk.next_offset, chunk.text.as_str()), (2, 2, ""));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_chunk(&folder.path().join("none"), -10, 10, false).unwrap().size_bytes, 0);
        assert!(read_chunk(folder.path(), 0, 10, false).is_err());
    }
}
