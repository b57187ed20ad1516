//! Keeps the log of a process that writes without end from filling the disk.
//!
//! The process writes to the file itself; the supervisor only cuts the middle out of it, so its death loses no
//! output and the next one goes on. inotify(7) says when there is more, so a quiet log costs nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, OFlags, fallocate, inotify};
use rustix::io::Errno;

use myksc_spool::{Dropped, Folder, SpoolError};

use super::note;

/// How long a log that grows is left alone, so that looking costs little.
const PAUSE: Duration = Duration::from_millis(100);
/// The same where the kernel does not tell of growth.
const BLIND_PAUSE: Duration = Duration::from_secs(1);
/// A log that got so long begins anew: file systems have a longest file.
const MAX_LENGTH_BYTES: u64 = 1 << 40;
/// A cut is moved to the nearest line within so many bytes.
const LINE_BYTES: usize = 4096;

/// The cap of one log.
pub(super) struct LogCap {
    folder: Folder,
    log: File,
    limit: u64,
    dropped: Dropped,
    changes: Option<OwnedFd>,
    /// Length at the last look.
    seen: u64,
    /// When to look again whatever happens.
    look_at: Option<Instant>,
}

impl LogCap {
    /// Caps the log of `folder`, which is there.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn new(folder: &Folder, limit: u64) -> Result<Self, SpoolError> {
        let path = folder.log_path();
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path);
        let log = opened.map_err(|source| SpoolError::Io { path: path.clone(), source })?;
        let dropped = folder.dropped();
        let now = Some(Instant::now());
        let changes = watch(&path).ok();
        let cap = Self { folder: folder.clone(), log, limit, dropped, changes, seen: 0, look_at: now };
        // A supervisor may have died between saying and doing it.
        cap.cut()?;
        Ok(cap)
    }

    /// Cuts the log if it is too long. When to call again at the latest.
    pub(super) fn look(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if self.look_at.is_some_and(|at| now < at) {
            return self.look_at;
        }
        if let Some(changes) = &self.changes {
            let mut events = [0; 1024];
            while rustix::io::read(changes, &mut events).is_ok() {}
        }
        let seen = self.log.metadata().map_or(0, |seen| seen.len());
        if let Err(error) = self.shorten(seen) {
            note(&format!("the log is too long and can't be cut: {error}"));
        }
        let has_grown = std::mem::replace(&mut self.seen, seen) != seen;
        self.look_at = match &self.changes {
            Some(_) if has_grown => Some(now + PAUSE),
            Some(_) => None,
            None => Some(now + BLIND_PAUSE),
        };
        self.look_at
    }

    /// Cuts a log that grows no more, however short ago it was looked at.
    pub(super) fn look_last(&mut self) {
        self.look_at = None;
        self.look();
    }

    /// Readable when the log changed, while that is of interest.
    pub(super) fn changes(&self) -> Option<BorrowedFd<'_>> {
        self.changes.as_ref().filter(|_| self.look_at.is_none()).map(OwnedFd::as_fd)
    }

    fn shorten(&mut self, length: u64) -> Result<(), SpoolError> {
        if length.saturating_sub(self.dropped.bytes()) <= self.limit {
            return Ok(());
        }
        if length > MAX_LENGTH_BYTES {
            return self.begin_anew(length);
        }
        let from = match self.dropped.bytes() {
            0 => self.line_end_before(self.limit / 4),
            _ => self.dropped.from,
        };
        self.dropped = Dropped { from, to: self.line_begin_behind(length - self.limit / 2) };
        let said = self.folder.write_dropped(&self.dropped);
        match (self.cut(), said) {
            (Err(SpoolError::Io { source, .. }), _) if source.kind() == io::ErrorKind::Unsupported => {
                self.begin_anew(length)
            }
            // There is room now.
            (Ok(()), Err(error)) if error.is_out_of_space() => self.folder.write_dropped(&self.dropped),
            (cut, said) => cut.and(said),
        }
    }

    /// Gives the room of the dropped bytes back.
    fn cut(&self) -> Result<(), SpoolError> {
        if self.dropped.bytes() == 0 {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let done = fallocate(&self.log, flags, self.dropped.from, self.dropped.bytes());
        done.map_err(|errno| match errno {
            Errno::OPNOTSUPP | Errno::NOSYS => self.error(io::ErrorKind::Unsupported.into()),
            errno => self.error(errno.into()),
        })
    }

    /// Where the middle can't be cut out, the log goes on behind its beginning. The process appends, so its next
    /// line comes there.
    fn begin_anew(&mut self, length: u64) -> Result<(), SpoolError> {
        let from = self.line_end_before(self.limit / 4);
        let line = format!("\n[{} bytes of output were dropped here: the log was too long]\n", length - from);
        self.dropped = Dropped::default();
        let cut = self.log.set_len(from).and_then(|()| {
            let mut end = OpenOptions::new().append(true).open(self.folder.log_path())?;
            end.write_all(line.as_bytes())
        });
        self.folder.write_dropped(&self.dropped)?;
        cut.map_err(|error| self.error(error))
    }

    /// The end of the last line before `at`, or `at` in the middle of a very long one.
    fn line_end_before(&self, at: u64) -> u64 {
        let begin = at.saturating_sub(LINE_BYTES as u64);
        let bytes = self.bytes(begin, (at - begin) as usize);
        bytes.iter().rposition(|byte| *byte == b'\n').map_or(at, |index| begin + index as u64 + 1)
    }

    /// The begin of the first line behind `at`, or of the next character in the middle of a very long one.
    fn line_begin_behind(&self, at: u64) -> u64 {
        let bytes = self.bytes(at, LINE_BYTES);
        let line = bytes.iter().position(|byte| *byte == b'\n').map(|index| index + 1);
        let rest = || bytes.iter().take(3).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count();
        at + line.unwrap_or_else(rest) as u64
    }

    fn bytes(&self, at: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.log.read_at(&mut bytes, at).unwrap_or_default();
        bytes.truncate(read);
        bytes
    }

    fn error(&self, source: io::Error) -> SpoolError {
        SpoolError::Io { path: self.folder.log_path(), source }
    }
}

fn watch(path: &Path) -> rustix::io::Result<OwnedFd> {
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    inotify::add_watch(&changes, path, inotify::WatchFlags::MODIFY)?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_middle_can_not_be_cut_out_the_log_goes_on_behind_its_beginning() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::create(parent.path().join("a1")).unwrap();
        let mut process = OpenOptions::new().append(true).create(true).open(folder.log_path()).unwrap();
        process.write_all("0123456\n".repeat(100).as_bytes()).unwrap();
        let mut cap = LogCap::new(&folder, 80).unwrap();
        cap.begin_anew(800).unwrap();
        process.write_all(b"on\n").unwrap();
        let text = folder.read_log(0, 1000, true).unwrap().text;
        let expected = "\n[784 bytes of output were dropped here: the log was too long]\non\n";
        assert_eq!(text, "0123456\n".repeat(2) + expected);
    }
}
