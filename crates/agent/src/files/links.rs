//! Links that lead from one root to another, or back into their own by an absolute path.
//!
//! openat2(2) refuses such a step. Then the link itself is opened beneath the root and its text is read from that
//! descriptor; the text only says beneath which root, and along which names, the walk goes on. Every walk is again
//! one openat2 beneath a root's descriptor, so a text that changed meanwhile, or was read wrongly, leads at worst
//! elsewhere in the roots, never out of them.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, readlinkat};
use rustix::io::Errno;

use myksc_core::UserPath;
use myksc_core::wire::FileCode;

use super::beneath::{ATTEMPTS, Roots, open_beneath};
use super::fault::{Fault, Result};

/// As many links as the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// A root and names to walk from there; `..` is among them where a link said so.
struct Way {
    root: String,
    steps: Vec<OsString>,
}

/// Opens what a path names whose links lead out of its root, as long as they end in one of the roots.
pub(super) fn open_across(roots: &Roots, path: &UserPath, flags: OFlags) -> Result<OwnedFd> {
    let mut way = Way { root: path.root().to_owned(), steps: path.components().to_vec() };
    let (mut links, mut changes) = (0, 0);
    while links <= MAX_LINKS && changes < ATTEMPTS {
        let root = roots.open_root(&way.root)?;
        match open_beneath(&root, &joined(&way.steps), flags, Mode::empty()) {
            Err(Errno::XDEV) => match way.past_its_exit(roots, &root, flags)? {
                Some(further) => (way, links) = (further, links + 1),
                None => changes += 1,
            },
            done => return done.map_err(Fault::from_open),
        }
    }
    let reason = if links > MAX_LINKS { Errno::LOOP } else { Errno::AGAIN };
    Err(reason.into())
}

/// The path of an opened thing in its root, if it lies in one.
pub(super) fn path_of(roots: &Roots, opened: &OwnedFd) -> Option<UserPath> {
    let way = Way::from_top(roots, &steps_of(&real_place(opened)?))?;
    let root = UserPath::of_root(&way.root).ok()?;
    way.steps.iter().try_fold(root, |path, name| path.join(name).ok())
}

/// The absolute path of an opened thing as the kernel tells it. Good for showing and for finding a root by name.
pub(super) fn real_place(opened: &OwnedFd) -> Option<PathBuf> {
    use std::os::fd::AsRawFd as _;
    let place = std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).ok()?;
    place.is_absolute().then_some(place)
}

impl Way {
    /// The same way, with the link (or the `..` of a link's text) that leaves the root replaced by where it leads.
    /// None where nothing leaves the root any more: something on the way was moved since, it must be walked again.
    fn past_its_exit(&self, roots: &Roots, root: &OwnedFd, flags: OFlags) -> Result<Option<Self>> {
        let leaves = |count: usize| {
            let opened = open_beneath(root, &joined(&self.steps[..count]), OFlags::PATH, Mode::empty());
            matches!(opened, Err(Errno::XDEV))
        };
        // A link at the end is not the exit where it is to be opened itself.
        let last = self.steps.len() - usize::from(flags.contains(OFlags::NOFOLLOW) && !self.steps.is_empty());
        // What leaves the root with few steps leaves it with more.
        let counts: Vec<usize> = (0..=last).collect();
        let first_out = counts.partition_point(|count| !leaves(*count));
        let Some(exit) = first_out.checked_sub(1).filter(|_| first_out <= last) else {
            return Ok(None);
        };
        let (before, rest) = (&self.steps[..exit], &self.steps[exit + 1..]);
        if self.steps[exit] == ".." {
            // The steps before it are the root itself, by whatever names.
            let above = real_place(root).and_then(|place| place.parent().map(steps_of));
            return Self::from_outside(roots, &above.unwrap_or_default(), rest).map(Some);
        }
        let link =
            open_beneath(root, &joined(&self.steps[..=exit]), OFlags::PATH | OFlags::NOFOLLOW, Mode::empty());
        let text = match link.and_then(|link| readlinkat(link, c"", Vec::new())) {
            Ok(text) => PathBuf::from(OsString::from_vec(text.into_bytes())),
            // Not a link any more.
            Err(Errno::INVAL | Errno::NOENT | Errno::XDEV) => return Ok(None),
            Err(error) => return Err(Fault::from_open(error)),
        };
        if text.is_absolute() {
            return Self::from_outside(roots, &steps_of(&text), rest).map(Some);
        }
        let steps = [before, &steps_of(&text), rest].concat();
        Ok(Some(Self { root: self.root.clone(), steps }))
    }

    fn from_outside(roots: &Roots, target: &[OsString], rest: &[OsString]) -> Result<Self> {
        let steps = [target, rest].concat();
        Self::from_top(roots, &steps).ok_or_else(|| {
            let target = Path::new("/").join(joined(&steps)).to_string_lossy().into_owned();
            let detail = format!(
                "a link leads to {target}, outside of your folders here; copy what you need into one of them, or \
                 ask for that folder to be offered here too"
            );
            Fault::new(FileCode::OutsideRoot, detail).with("target", target)
        })
    }

    /// Goes along an absolute path by its names alone until it is at a root.
    fn from_top(roots: &Roots, steps: &[OsString]) -> Option<Self> {
        let mut at = PathBuf::from("/");
        let known = roots.places();
        for done in 0..=steps.len() {
            if let Some((root, _)) = known.iter().find(|(_, place)| *place == at) {
                return Some(Self { root: (*root).to_owned(), steps: steps[done..].to_vec() });
            }
            match steps.get(done) {
                Some(step) if step == ".." => drop(at.pop()),
                Some(step) => at.push(step),
                None => {}
            }
        }
        None
    }
}

fn steps_of(path: &Path) -> Vec<OsString> {
    let steps = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.map(OsStr::to_owned).collect()
}

fn joined(steps: &[OsString]) -> PathBuf {
    if steps.is_empty() { ".".into() } else { steps.iter().collect() }
}
