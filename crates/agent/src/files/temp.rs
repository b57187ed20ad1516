//! A file that grows under a hidden name beside its target and takes the target's name at once when it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, fchmod, fchown, fstat, linkat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use myksc_core::UploadId;
use myksc_core::wire::FileCode;

use super::beneath::{Place, open_beneath};
use super::fault::{Fault, Result};

const PREFIX: &str = ".myksc-upload-";

/// The hidden name of an upload; 30 bytes, whatever its target is called.
pub(crate) fn name(id: &UploadId) -> OsString {
    format!("{PREFIX}{id}").into()
}

/// Whether a name is that of a file still being written.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX.as_bytes())
        .and_then(|id| std::str::from_utf8(id).ok())
        .is_some_and(|id| id.parse::<UploadId>().is_ok())
}

/// Makes the hidden file; the umask and default ACLs of the folder apply as for any new file.
pub(crate) fn create(place: &Place, id: &UploadId) -> Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let mode = Mode::from_raw_mode(0o666);
    let file = open_beneath(&place.folder, name(id).as_ref(), flags, mode).map_err(Fault::from_open)?;
    Ok(file.into())
}

/// Opens the hidden file to write on; `None` when there is none.
pub(crate) fn open(place: &Place, id: &UploadId) -> Result<Option<(File, Stat)>> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file: OwnedFd = match open_beneath(&place.folder, name(id).as_ref(), flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(Fault::from_open(error)),
    };
    let seen = fstat(&file)?;
    // In a shared folder another member of the group may have put something there.
    let own = seen.st_uid == rustix::process::geteuid().as_raw() && seen.st_nlink == 1;
    if FileType::from_raw_mode(seen.st_mode) != FileType::RegularFile || !own {
        return Err(Fault::new(FileCode::PermissionDenied, "somebody else put a file in the upload's place"));
    }
    Ok(Some((file.into(), seen)))
}

/// Removes the hidden file, if there is one.
pub(crate) fn remove(place: &Place, id: &UploadId) -> Result<()> {
    match unlinkat(&place.folder, name(id), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What stands at the target now. Only a file may be replaced: a folder, link or device is refused.
pub(crate) fn target(place: &Place) -> Result<Option<Stat>> {
    let seen = match statat(&place.folder, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(seen) => seen,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(seen.st_mode) {
        FileType::RegularFile => Ok(Some(seen)),
        FileType::Directory => Err(Errno::ISDIR.into()),
        FileType::Symlink => Err(Fault::new(FileCode::IsLink, "a link is there; write to what it leads to")),
        _ => Err(Fault::new(FileCode::NotAFile, "a pipe, socket or device is there")),
    }
}

/// Gives the hidden file its name. With `overwrite` a file there is replaced and its mode and group kept.
pub(crate) fn publish(place: &Place, id: &UploadId, file: &File, overwrite: bool) -> Result<()> {
    if !overwrite {
        return Ok(rename_new(&place.folder, &name(id), &place.folder, &place.name)?);
    }
    if let Some(old) = target(place)? {
        // Only a member of a group may give it a file; the bits meant for that group go to no other.
        let kept = fchown(file, None, Some(Gid::from_raw(old.st_gid))).is_ok();
        fchmod(file, Mode::from_raw_mode(old.st_mode & if kept { 0o777 } else { 0o707 }))?;
    }
    Ok(renameat(&place.folder, name(id), &place.folder, &place.name)?)
}

/// rename(2) that replaces nothing.
pub(crate) fn rename_new(
    from_folder: &OwnedFd,
    from: &OsStr,
    to_folder: &OwnedFd,
    to: &OsStr,
) -> rustix::io::Result<()> {
    match renameat_with(from_folder, from, to_folder, to, RenameFlags::NOREPLACE) {
        // EINVAL is also a folder moved into itself; the ways below then say the same.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        done => return done,
    }
    // Older network file systems: a second name is as safe for files.
    match linkat(from_folder, from, to_folder, to, AtFlags::empty()) {
        Ok(()) => return unlinkat(from_folder, from, AtFlags::empty()),
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::ISDIR) => {}
        Err(error) => return Err(error),
    }
    // Folders can't have one: look first. Renaming over a folder succeeds only if that is empty.
    match statat(to_folder, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => renameat(from_folder, from, to_folder, to),
        Err(error) => Err(error),
    }
}
