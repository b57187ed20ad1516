//! Removal of files and whole trees.
//!
//! The walk holds descriptors, never paths, follows no link, needs neither recursion nor one descriptor a level,
//! and goes on after a failure.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

use myksc_core::UserPath;
use myksc_core::wire::{MAX_LISTED_FAILURES, RemovalFailure, RemovalReport};

use super::beneath::{Place, Roots};
use super::fault::Fault;
use super::list::for_each_name;

/// So many folders of the walk's way are held open; those above are found again by `..`.
const OPEN_FOLDERS: usize = 32;
/// A folder that gets new names while it is removed is read again so often.
const PASSES: usize = 8;

/// Removes each path with all that is in it.
pub(crate) fn remove(roots: &Roots, paths: &[UserPath]) -> RemovalReport {
    let mut report = RemovalReport { failed: 0, failures: Vec::new() };
    for (index, path) in paths.iter().enumerate() {
        let mut walk = Walk { index, path, report: &mut report, levels: Vec::new() };
        match roots.place(path) {
            Ok(place) => walk.run(&place),
            Err(fault) => walk.fail(None, fault),
        }
    }
    report
}

struct Walk<'a> {
    index: usize,
    path: &'a UserPath,
    report: &'a mut RemovalReport,
    /// From the removed folder down to where the walk is.
    levels: Vec<Level>,
}

struct Level {
    name: OsString,
    /// `None` while it is far above.
    folder: Option<Rc<OwnedFd>>,
    device_and_inode: (u64, u64),
    /// Folders in it that are still to do.
    pending: Vec<OsString>,
    /// Whether something in it stays.
    failed: bool,
    passes: usize,
}

impl Walk<'_> {
    fn run(&mut self, place: &Place) {
        let seen = statat(&place.folder, &place.name, AtFlags::SYMLINK_NOFOLLOW);
        if !seen.is_ok_and(|seen| FileType::from_raw_mode(seen.st_mode) == FileType::Directory) {
            let removed = unlinkat(&place.folder, &place.name, AtFlags::empty());
            return removed.unwrap_or_else(|error| self.fail(None, error));
        }
        self.enter(&place.folder, place.name.clone());
        while let Some(deepest) = self.levels.last_mut() {
            let next = deepest.pending.pop().zip(deepest.folder.clone());
            let gone_on = match next {
                Some((name, folder)) => {
                    self.enter(&folder, name);
                    Ok(())
                }
                None => self.leave(place),
            };
            if let Err(error) = gone_on {
                return self.fail(None, error);
            }
        }
    }

    /// Opens a folder and removes what is in it but its folders, which come next.
    fn enter(&mut self, parent: &OwnedFd, name: OsString) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(parent, &name, flags, Mode::empty())
            .and_then(|folder| fstat(&folder).map(|seen| (folder, (seen.st_dev, seen.st_ino))));
        match opened {
            Ok((folder, device_and_inode)) => {
                let folder = Some(Rc::new(folder));
                let pending = Vec::new();
                self.levels.push(Level { name, folder, device_and_inode, pending, failed: false, passes: 1 });
                if let Some(far_above) = self.levels.len().checked_sub(OPEN_FOLDERS + 1) {
                    self.levels[far_above].folder = None;
                }
                self.clear();
            }
            Err(Errno::NOENT) => {}
            // One that may not be read can still go if it is empty.
            Err(error) => match unlinkat(parent, &name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(_) => self.fail(Some(&name), error),
            },
        }
    }

    /// Removes what is in the deepest folder but its folders, and notes those.
    fn clear(&mut self) {
        let Some(folder) = self.levels.last().and_then(|level| level.folder.clone()) else { return };
        let mut pending = Vec::new();
        let read = for_each_name(&folder, |name, file_type| {
            let is_folder = file_type == FileType::Directory;
            let removed =
                if is_folder { Err(Errno::ISDIR) } else { unlinkat(&folder, name, AtFlags::empty()) };
            match removed {
                Ok(()) | Err(Errno::NOENT) => {}
                // Not every file system says before what is a folder.
                Err(Errno::ISDIR) => pending.push(OsString::from_vec(name.to_vec())),
                Err(error) => self.fail(Some(OsStr::from_bytes(name)), error),
            }
        });
        if let Err(error) = read {
            self.fail(None, error);
        }
        if let Some(deepest) = self.levels.last_mut() {
            deepest.pending = pending;
        }
    }

    /// Removes the deepest folder itself and goes back to the one above.
    fn leave(&mut self, place: &Place) -> rustix::io::Result<()> {
        let Some(mut level) = self.levels.pop() else { return Ok(()) };
        let parent = match self.levels.last_mut() {
            None => None,
            Some(parent) => Some(parent.regain(&level)?),
        };
        if level.failed {
            self.mark_failed();
            return Ok(());
        }
        let parent = parent.as_deref().unwrap_or(&place.folder);
        match unlinkat(parent, &level.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) if level.passes < PASSES => {
                level.passes += 1;
                self.levels.push(level);
                self.clear();
            }
            Err(error) if self.levels.is_empty() => self.fail(None, error),
            Err(error) => self.fail(Some(&level.name), error),
        }
        Ok(())
    }

    fn mark_failed(&mut self) {
        if let Some(deepest) = self.levels.last_mut() {
            deepest.failed = true;
        }
    }

    /// Notes that `name` in the deepest folder, or that folder itself, stays.
    fn fail(&mut self, name: Option<&OsStr>, why: impl Into<Fault>) {
        self.mark_failed();
        self.report.failed += 1;
        if self.report.failures.len() < MAX_LISTED_FAILURES {
            let below = self.levels.iter().skip(1).map(|level| level.name.as_os_str());
            // The name of the removed folder itself is in `path` already.
            let name = name.filter(|_| !self.levels.is_empty());
            let path =
                below.chain(name).try_fold(self.path.clone(), |path, name| path.join(name).map_err(|_| path));
            let path = path.unwrap_or_else(|nearest| nearest);
            let fault = why.into();
            let failure = RemovalFailure { index: self.index, path, code: fault.code, detail: fault.detail };
            self.report.failures.push(failure);
        }
    }
}

impl Level {
    /// The folder's descriptor, found again through the one below it if it was closed. That one may have been
    /// moved: another folder than the one that was left is an error, and nothing in it is touched.
    fn regain(&mut self, below: &Level) -> rustix::io::Result<Rc<OwnedFd>> {
        if let Some(folder) = &self.folder {
            return Ok(Rc::clone(folder));
        }
        let below = below.folder.as_ref().ok_or(Errno::STALE)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(below, c"..", flags, Mode::empty())?;
        let seen = fstat(&folder)?;
        if (seen.st_dev, seen.st_ino) != self.device_and_inode {
            return Err(Errno::STALE);
        }
        Ok(Rc::clone(self.folder.insert(Rc::new(folder))))
    }
}
