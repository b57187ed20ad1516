//! A log of which only the beginning and the end are kept.
//!
//! Offsets never change: the bytes in between are cut out of the file's room on the disk, not out of its length, and
//! `log.dropped` says which they are. It is written before they are cut, so no reader takes the gap for text.

use serde::{Deserialize, Serialize};

use crate::error::SpoolError;
use crate::folder::Folder;
use crate::log::{Chunk, TextFile, read_chunk};

/// So often a piece is read again because the supervisor cut while it was read.
const ATTEMPTS: usize = 5;

/// Bytes of the log that are not kept: `from` is the first of them, `to` the first behind them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Where they begin.
    pub from: u64,
    /// Where the log goes on.
    pub to: u64,
}

impl Dropped {
    /// How many they are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    fn holds(&self, offset: u64) -> bool {
        (self.from..self.to).contains(&offset)
    }
}

impl Folder {
    /// Which bytes of the log are not kept; none when nobody said so.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.read_json("log.dropped").unwrap_or_default()
    }

    /// Says which bytes of the log are not kept. Only the supervisor does, before it cuts them.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write_dropped(&self, dropped: &Dropped) -> Result<(), SpoolError> {
        self.write_file("log.dropped", dropped, false)
    }

    /// Reads a piece of the log as [`read_chunk`] does. What was dropped stands as one line that says so, from the
    /// offset that was asked for to where the log goes on.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn read_log(&self, offset: i64, limit: u64, complete: bool) -> Result<Chunk, SpoolError> {
        let mut dropped = self.dropped();
        for _ in 1..ATTEMPTS {
            let chunk = self.read_around(dropped, offset, limit, complete)?;
            let now = self.dropped();
            if now == dropped {
                return Ok(chunk);
            }
            dropped = now;
        }
        self.read_around(dropped, offset, limit, complete)
    }

    fn read_around(
        &self,
        dropped: Dropped,
        offset: i64,
        limit: u64,
        complete: bool,
    ) -> Result<Chunk, SpoolError> {
        let path = self.log_path();
        let text = TextFile::open(&path)?.filter(|_| dropped.bytes() > 0);
        let Some(text) = text else { return read_chunk(&path, offset, limit, complete) };
        let (start, from_end, size_bytes) =
            (text.start(offset).min(text.size_bytes), offset < 0, text.size_bytes);
        if start < dropped.from {
            return text.read(start..dropped.from, limit, from_end, true);
        }
        if !dropped.holds(start) {
            return text.read(start..size_bytes, limit, from_end, complete);
        }
        if from_end {
            // The last bytes of a log are text, not the line about what is not there.
            return text.read(dropped.to..size_bytes, limit, from_end, complete);
        }
        let line = format!(
            "\n[{} bytes of output were dropped here: of a long log only the beginning and the end are kept]\n",
            dropped.to - start
        );
        Ok(Chunk { offset: start, next_offset: dropped.to, size_bytes, text: line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(content: &str, dropped: Option<Dropped>) -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::create(parent.path().join("a1")).unwrap();
        std::fs::write(folder.log_path(), content).unwrap();
        if let Some(dropped) = dropped {
            folder.write_dropped(&dropped).unwrap();
        }
        (parent, folder)
    }

    /// All text, read in pieces of `limit` bytes.
    fn read_all(folder: &Folder, limit: u64) -> String {
        let (mut text, mut offset) = (String::new(), 0);
        loop {
            let chunk = folder.read_log(i64::try_from(offset).unwrap(), limit, false).unwrap();
            assert_eq!(chunk.offset, offset);
            text.push_str(&chunk.text);
            if chunk.next_offset == chunk.size_bytes {
                return text;
            }
            assert!(chunk.next_offset > offset, "no way forward at {offset} by {limit}");
            offset = chunk.next_offset;
        }
    }

    #[test]
    fn a_gap_is_one_line_to_every_reader() {
        let (_parent, folder) = folder("begin\n-------------end\n", Some(Dropped { from: 6, to: 19 }));
        for limit in [1, 5, 7, 100] {
            let text = read_all(&folder, limit);
            let (begin, rest) = text.split_once("\n\n[").unwrap();
            assert_eq!((begin, rest.lines().nth(1)), ("begin", Some("end")), "{limit}");
            assert!(rest.starts_with("13 bytes of output were dropped here"), "{text}");
        }
    }

    #[test]
    fn an_offset_in_the_gap_answers_what_is_missing_from_there_and_where_to_go_on() {
        let (_parent, folder) = folder("begin\n-------------end\n", Some(Dropped { from: 6, to: 19 }));
        let chunk = folder.read_log(10, 100, false).unwrap();
        assert_eq!((chunk.offset, chunk.next_offset, chunk.size_bytes), (10, 19, 23));
        assert!(chunk.text.contains("[9 bytes of output were dropped here"), "{}", chunk.text);
        assert_eq!(folder.read_log(-8, 100, false).unwrap().text, "end\n", "the last bytes are text");
        assert_eq!(folder.read_log(500, 100, false).unwrap().next_offset, 23, "behind the end is the end");
    }

    #[test]
    fn a_gap_in_the_middle_of_a_character_stops_no_reader() {
        let text = "가나다라마";
        let (_parent, folder) = folder(text, Some(Dropped { from: 4, to: 8 }));
        for limit in 1..=9 {
            assert!(read_all(&folder, limit).contains("dropped here"), "{limit}");
        }
    }

    #[test]
    fn a_log_without_a_gap_is_read_as_it_is() {
        let (_parent, folder) = folder("all of it", None);
        assert_eq!(read_all(&folder, 3), "all of it");
        std::fs::write(folder.path().join("log.dropped"), "rubbish").unwrap();
        assert_eq!(read_all(&folder, 3), "all of it");
    }
}
