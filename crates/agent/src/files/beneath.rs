//! Opening things beneath a root.
//!
//! A path is never resolved first and opened later: openat2(2) walks it from the root's descriptor and refuses
//! each step that would leave it (`RESOLVE_BENEATH`), so a link swapped in at the last moment gains nothing. A link
//! that leads to another root is followed by [`super::links`], by the same rule.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, ResolveFlags, fsync, open, openat, openat2};
use rustix::io::Errno;

use myksc_core::UserPath;
use myksc_core::wire::FileCode;

use super::fault::{Fault, Result};
use super::links;

/// A rename elsewhere in the tree makes openat2 give up with EAGAIN; so often it is asked again.
pub(super) const ATTEMPTS: usize = 64;

/// The roots that this agent serves.
#[derive(Debug)]
pub(crate) struct Roots(Vec<Root>);

#[derive(Debug)]
struct Root {
    name: String,
    place: PathBuf,
    /// What the kernel calls `place`, once it was opened: links may lead there by that path.
    real_place: OnceLock<PathBuf>,
}

/// A name in an open folder: what changes a folder works on this, never on a whole path.
#[derive(Debug)]
pub(crate) struct Place {
    /// Opened with `O_PATH`.
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
}

impl Roots {
    pub(crate) fn new(roots: Vec<(String, PathBuf)>) -> Self {
        let root = |(name, place)| Root { name, place, real_place: OnceLock::new() };
        Self(roots.into_iter().map(root).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|root| root.name.as_str())
    }

    /// Opens a root itself; anew each time, so that one mounted later is found.
    pub(crate) fn open_root(&self, name: &str) -> Result<OwnedFd> {
        let root = self
            .0
            .iter()
            .find(|root| root.name == name)
            .ok_or_else(|| Fault::new(FileCode::NotFound, format!("no root is called {name:?}")))?;
        Ok(root.open()?)
    }

    /// Opens what a path names; links are followed as long as they stay beneath the roots.
    pub(crate) fn open(&self, path: &UserPath, flags: OFlags) -> Result<OwnedFd> {
        let root = self.open_root(path.root())?;
        match open_beneath(&root, &path.relative(), flags, Mode::empty()) {
            Err(Errno::XDEV) => links::open_across(self, path, flags),
            done => done.map_err(Fault::from_open),
        }
    }

    /// The roots by the absolute paths that lead to them: as they were configured, and as the kernel calls them.
    pub(crate) fn places(&self) -> Vec<(&str, &Path)> {
        let configured = self.0.iter().map(|root| (root.name.as_str(), root.place.as_path()));
        let real = self.0.iter().filter_map(|root| Some((root.name.as_str(), root.real_place()?)));
        configured.chain(real).collect()
    }

    /// Opens the folder that holds what a path names.
    pub(crate) fn place(&self, path: &UserPath) -> Result<Place> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Fault::new(FileCode::IsRoot, "that is the root itself"));
        };
        let folder = self.open(&parent, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Place { folder, name: name.to_owned() })
    }
}

impl Root {
    fn open(&self) -> rustix::io::Result<OwnedFd> {
        let folder = open(&self.place, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        if self.real_place.get().is_none()
            && let Some(place) = links::real_place(&folder)
        {
            // Another thread may have been first, with the same.
            let _ = self.real_place.set(place);
        }
        Ok(folder)
    }

    fn real_place(&self) -> Option<&Path> {
        if self.real_place.get().is_none() {
            self.open().ok()?;
        }
        self.real_place.get().map(PathBuf::as_path)
    }
}

/// openat2(2) that never leaves `folder`, never takes a magic link of /proc and never becomes a terminal's owner.
pub(crate) fn open_beneath(
    folder: impl AsFd,
    relative: &Path,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // O_PATH takes no other flags than these; O_NOCTTY with it is an error.
    let always =
        if flags.contains(OFlags::PATH) { OFlags::CLOEXEC } else { OFlags::CLOEXEC | OFlags::NOCTTY };
    for _ in 1..ATTEMPTS {
        match openat2(&folder, relative, flags | always, mode, resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => return done,
        }
    }
    openat2(&folder, relative, flags | always, mode, resolve)
}

/// Writes a folder's names to the disk. One that its owner may not read can't be synced and need not be.
pub(crate) fn sync_folder(folder: impl AsFd) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(folder, c".", flags, Mode::empty()).and_then(fsync) {
        Err(Errno::ACCESS | Errno::INVAL) => Ok(()),
        done => done,
    }
}
