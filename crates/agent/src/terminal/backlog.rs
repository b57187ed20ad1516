//! What the shell said last, for pages that come later.

use std::collections::VecDeque;

/// Enough for a screen of colours and some thousands of lines behind it.
const MAX_BYTES: usize = 1 << 20;

/// The end of a terminal's output.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: VecDeque<u8>,
    is_cut: bool,
}

impl Backlog {
    /// Keeps more; the oldest goes.
    pub(super) fn push(&mut self, more: &[u8]) {
        self.bytes.extend(more);
        if let Some(surplus @ 1..) = self.bytes.len().checked_sub(MAX_BYTES) {
            self.bytes.drain(..surplus);
            self.is_cut = true;
        }
    }

    /// What is kept. Where the beginning is lost, it begins with a line, and not within a letter or a sequence.
    pub(super) fn whole(&self) -> Vec<u8> {
        let begin = if self.is_cut { self.bytes.iter().position(|byte| *byte == b'\n') } else { None };
        self.bytes.iter().skip(begin.map_or(0, |at| at + 1)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_whole() {
        let mut backlog = Backlog::default();
        backlog.push("한".as_bytes());
        backlog.push(b"\nb");
        assert_eq!(backlog.whole(), "한\nb".as_bytes());
    }

    #[test]
    fn what_is_long_begins_with_a_line() {
        let mut backlog = Backlog::default();
        let line = "가나다라\r\n".as_bytes();
        for _ in 0..MAX_BYTES {
            backlog.push(line);
        }
        let kept = backlog.whole();
        assert!(kept.len() <= MAX_BYTES && kept.len() > MAX_BYTES - line.len());
        assert!(kept.starts_with(line) && kept.len().is_multiple_of(line.len()));
    }
}
