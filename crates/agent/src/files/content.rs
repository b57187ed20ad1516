//! The bytes of files: whole or one range out, a small file in.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use rustix::fs::{FileType, OFlags, Stat, fstat};

use myksc_core::wire::{Entry, FileCode};
use myksc_core::{UploadId, UserPath};

use super::beneath::{Place, Roots, sync_folder};
use super::fault::{Fault, Result};
use super::{list, memory, temp};

/// So many bytes are read and sent at once; the next are read when these are gone. Blocks of 128 KiB and more the
/// allocator maps anew each time (mallopt(3), M_MMAP_THRESHOLD), which costs more than reading them.
pub(crate) const CHUNK_BYTES: usize = 120 << 10;

/// A regular file, opened.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) file: Arc<File>,
    pub(crate) size_bytes: u64,
    pub(crate) etag: String,
}

/// Which bytes are answered (RFC 9110 section 14.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    Part(Range<u64>),
    Unsatisfiable,
}

/// Conditions of a write (RFC 9110 section 13.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WriteConditions {
    /// `If-None-Match: *`
    pub(crate) must_be_new: bool,
    /// `If-Match`
    pub(crate) must_be: Option<String>,
}

/// A small file on its way in, under its hidden name.
#[derive(Debug)]
pub(crate) struct Write {
    path: UserPath,
    id: UploadId,
    conditions: WriteConditions,
    place: Place,
    pub(crate) file: Arc<File>,
}

/// Opens a regular file; a pipe without a writer or a device is refused without waiting.
pub(crate) fn open(roots: &Roots, path: &UserPath) -> Result<Content> {
    let file = roots.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let seen = fstat(&file)?;
    match FileType::from_raw_mode(seen.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Fault::new(FileCode::IsFolder, "that is a folder")),
        _ => return Err(Fault::new(FileCode::NotAFile, "not a file")),
    }
    let size_bytes = u64::try_from(seen.st_size).unwrap_or_default();
    Ok(Content { file: Arc::new(file.into()), size_bytes, etag: etag(&seen) })
}

/// Strong validator of a file: its inode, last change of content and size.
pub(crate) fn etag(seen: &Stat) -> String {
    format!("\"{:x}-{:x}.{:x}-{:x}\"", seen.st_ino, seen.st_mtime, seen.st_mtime_nsec, seen.st_size)
}

/// Reads `Range` and `If-Range`. One range is honoured; several, or none that can be read, mean the whole.
pub(crate) fn select(range: Option<&str>, if_range: Option<&str>, etag: &str, size_bytes: u64) -> Selection {
    let Some(range) = range.filter(|_| if_range.is_none_or(|validator| validator == etag)) else {
        return Selection::Whole;
    };
    let Ok(ranges) = http_range_header::parse_range_header(range) else { return Selection::Whole };
    if ranges.len() != 1 {
        return Selection::Whole;
    }
    match ranges.validate(size_bytes).as_deref() {
        Ok([part]) => Selection::Part(*part.start()..part.end().saturating_add(1)),
        _ => Selection::Unsatisfiable,
    }
}

/// The bytes of a range. A file that got shorter since ends the stream with an error, never quietly.
pub(crate) fn stream(file: Arc<File>, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    memory::note_use();
    stream::try_unfold(range, move |range| {
        let file = Arc::clone(&file);
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let read =
                tokio::task::spawn_blocking(move || read_at(&file, &range).map(|bytes| (bytes, range)));
            let (bytes, range) = read.await.map_err(io::Error::other)??;
            let rest = range.start + bytes.len() as u64..range.end;
            Ok(Some((bytes, rest)))
        }
    })
}

impl Write {
    /// Checks the conditions against what is there, and makes the hidden file.
    pub(crate) fn begin(
        roots: &Roots,
        path: UserPath,
        id: UploadId,
        conditions: WriteConditions,
    ) -> Result<Self> {
        let place = roots.place(&path)?;
        check(&place, &conditions)?;
        let file = Arc::new(temp::create(&place, &id)?);
        Ok(Self { path, id, conditions, place, file })
    }

    /// Gives the file its name; answers what is there now and its validator.
    pub(crate) fn end(&self, roots: &Roots) -> Result<(Entry, String)> {
        self.file.sync_all()?;
        check(&self.place, &self.conditions)?;
        temp::publish(&self.place, &self.id, &self.file, !self.conditions.must_be_new)?;
        sync_folder(&self.place.folder)?;
        Ok((list::stat(roots, &self.path)?, etag(&fstat(&self.file)?)))
    }
}

fn check(place: &Place, conditions: &WriteConditions) -> Result<()> {
    let there = temp::target(place)?;
    if conditions.must_be_new && there.is_some() {
        return Err(Fault::new(FileCode::FileExists, "the name is taken"));
    }
    match &conditions.must_be {
        Some(expected) if there.as_ref().map(etag).as_ref() != Some(expected) => {
            Err(Fault::new(FileCode::FileChanged, "the file is not the one that was read"))
        }
        _ => Ok(()),
    }
}

fn read_at(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(CHUNK_BYTES);
    let mut buffer = vec![0; wanted];
    loop {
        match file.read_at(&mut buffer, range.start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer.truncate(read);
                return Ok(buffer.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
