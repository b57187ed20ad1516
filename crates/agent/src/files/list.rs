//! What stands in a folder, page by page, and what one name is.

use std::collections::BinaryHeap;
use std::ffi::{CString, OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt as _};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, Stat, Statx, StatxFlags, fstat, fstatvfs, openat, readlinkat,
    statx,
};
use rustix::io::Errno;

use myksc_core::wire::{Entry, EntryKind, EntryPage, FileCode, MAX_PAGE_ENTRIES, Root, RootList};
use myksc_core::{Timestamp, UserPath};

use super::beneath::Roots;
use super::fault::{Fault, Result};
use super::{links, temp};

/// Room for names that the kernel fills at once.
const NAMES_BUFFER_BYTES: usize = 32 << 10;

/// All roots with the room on their file systems.
pub(crate) fn roots(roots: &Roots) -> Result<RootList> {
    let items = roots.names().map(|name| {
        let room = roots.open_root(name).ok().and_then(|root| fstatvfs(root).ok());
        Ok(Root {
            id: name.to_owned(),
            path: UserPath::of_root(name)?,
            total_bytes: room.as_ref().map(|room| room.f_blocks.saturating_mul(room.f_frsize)),
            free_bytes: room.map(|room| room.f_bavail.saturating_mul(room.f_frsize)),
        })
    });
    Ok(RootList { items: items.collect::<Result<_>>()? })
}

/// One page of a folder: the `limit` smallest names above `cursor`. Holds a page in memory, not the folder.
pub(crate) fn page(roots: &Roots, path: &UserPath, cursor: Option<&str>, limit: usize) -> Result<EntryPage> {
    let after = cursor.map(|cursor| parse_cursor(path, cursor)).transpose()?;
    let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
    let folder = roots.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;

    let mut names = smallest_names(&folder, after.as_deref(), limit + 1)?;
    let more = names.len() > limit;
    names.truncate(limit);
    let last = if more { names.last().cloned() } else { None };
    let next_cursor = last.map(|name| path.join(&name)).transpose()?.map(|path| path.to_string());

    let mut items = Vec::with_capacity(names.len());
    for name in &names {
        // A name whose whole path is too long to be asked for can't be shown either.
        let Ok(entry_path) = path.join(name) else { continue };
        match look(&folder, name) {
            Ok(seen) => items.push(entry(roots, entry_path, &seen, || readlinkat(&folder, name, Vec::new()))),
            // Gone since its name was read.
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(EntryPage { path: path.clone(), items, next_cursor })
}

/// What one path names; a link is not followed.
pub(crate) fn stat(roots: &Roots, path: &UserPath) -> Result<Entry> {
    let opened = roots.open(path, OFlags::PATH | OFlags::NOFOLLOW)?;
    let seen = statx(&opened, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(entry(roots, path.clone(), &seen, || readlinkat(&opened, c"", Vec::new())))
}

/// Kind of an opened thing.
pub(crate) fn kind_of(seen: &Stat) -> EntryKind {
    kind(FileType::from_raw_mode(seen.st_mode))
}

fn parse_cursor(path: &UserPath, cursor: &str) -> Result<OsString> {
    let invalid = || Fault::new(FileCode::CursorInvalid, "the cursor does not belong to this folder");
    let last: UserPath = cursor.parse().map_err(|_| invalid())?;
    let name = last.file_name().ok_or_else(invalid)?;
    if last.parent().as_ref() == Some(path) { Ok(name.to_owned()) } else { Err(invalid()) }
}

fn smallest_names(folder: &OwnedFd, after: Option<&OsStr>, count: usize) -> Result<Vec<OsString>> {
    let after = after.map(OsStrExt::as_bytes);
    let mut smallest = BinaryHeap::with_capacity(count + 1);
    for_each_name(folder, |name, _| {
        let wanted = after.is_none_or(|after| name > after) && !temp::is_temporary(name);
        let fits = smallest.len() < count
            || smallest.peek().is_some_and(|largest: &Vec<u8>| name < largest.as_slice());
        if wanted && fits {
            smallest.push(name.to_vec());
            if smallest.len() > count {
                smallest.pop();
            }
        }
    })?;
    Ok(smallest.into_sorted_vec().into_iter().map(OsString::from_vec).collect())
}

/// Calls `take` with each name of an open folder but `.` and `..`, in the kernel's order, and with what it is if
/// the file system says so.
pub(crate) fn for_each_name(
    folder: impl AsFd,
    mut take: impl FnMut(&[u8], FileType),
) -> rustix::io::Result<()> {
    // Another descriptor, for its own position.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(folder, c".", flags, Mode::empty())?;
    let mut buffer = vec![MaybeUninit::uninit(); NAMES_BUFFER_BYTES];
    let mut names = RawDir::new(folder, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            take(name, entry.file_type());
        }
    }
    Ok(())
}

fn look(folder: impl AsFd, name: &OsStr) -> rustix::io::Result<Statx> {
    statx(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

fn entry(
    roots: &Roots,
    path: UserPath,
    seen: &Statx,
    link_text: impl FnOnce() -> rustix::io::Result<CString>,
) -> Entry {
    let kind = kind(FileType::from_raw_mode(seen.stx_mode.into()));
    let name = path.file_name().unwrap_or(OsStr::new(path.root())).to_string_lossy().into_owned();
    let millis = seen.stx_mtime.tv_sec.saturating_mul(1000) + i64::from(seen.stx_mtime.tv_nsec / 1_000_000);
    let mut entry = Entry {
        name,
        kind,
        size_bytes: seen.stx_size,
        modified_at: Timestamp::from_millis(millis),
        mode: u32::from(seen.stx_mode) & 0o7777,
        target_kind: None,
        target_path: None,
        target_text: None,
        path,
    };
    if kind == EntryKind::Link {
        entry.target_text = link_text().ok().map(|text| text.to_string_lossy().into_owned());
        if let Ok(target) = roots.open(&entry.path, OFlags::PATH) {
            entry.target_kind = fstat(&target).ok().map(|seen| kind_of(&seen));
            entry.target_path = links::path_of(roots, &target);
        }
    }
    entry
}

fn kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}
