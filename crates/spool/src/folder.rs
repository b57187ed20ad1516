//! One folder: its files, each replaced as a whole, and its lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use myksc_core::spool::{Spec, Status};

use crate::error::{SpoolError, at};

/// More than any honest file of a folder needs.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The folder of one app or job. Holds only the path; every call looks at the disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folder {
    path: PathBuf,
}

/// The folder's lock; released when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Folder {
    /// The folder at `path`, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes the folder, open to its owner alone; one that is there is taken as it is.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, SpoolError> {
        let folder = Self::at(path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder.path);
        at(&folder.path, made)?;
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last component of its path: the app's or job's id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The file that takes the output of a process without another place for it.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Writes the orders for a start, as a whole and durably.
    ///
    /// # Errors
    /// When the file system refuses; the former orders then still stand.
    pub fn write_spec(&self, spec: &Spec) -> Result<(), SpoolError> {
        self.write_json("spec.json", spec)
    }

    /// Reads the orders.
    ///
    /// # Errors
    /// When there are none ([`SpoolError::is_absent`]) or they are not readable.
    pub fn read_spec(&self) -> Result<Spec, SpoolError> {
        self.read_json("spec.json")
    }

    /// Reads the report; `None` before the first.
    ///
    /// # Errors
    /// When it is not readable.
    pub fn read_status(&self) -> Result<Option<Status>, SpoolError> {
        match self.read_json("status.json") {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the report, as a whole, and durably once it names a process or an exit: a lost report from before that
    /// only means that the same orders are followed. Only whoever holds the lock does that.
    ///
    /// # Errors
    /// When the file system refuses; the former report then still stands.
    pub fn write_status(&self, status: &Status) -> Result<(), SpoolError> {
        let durably = status.process.is_some() || status.exit.is_some();
        self.write_file("status.json", status, durably)
    }

    /// Writes what the portal needs to find the thing again without its database.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write_owner<T: Serialize>(&self, owner: &T) -> Result<(), SpoolError> {
        self.write_json("owner.json", owner)
    }

    /// Reads what [`Folder::write_owner`] wrote.
    ///
    /// # Errors
    /// When there is none or it is not readable.
    pub fn read_owner<T: DeserializeOwned>(&self) -> Result<T, SpoolError> {
        self.read_json("owner.json")
    }

    /// Asks the supervisor of this generation to end its process: SIGTERM, after the grace SIGKILL. The wish is
    /// a file, so it survives a death of either side; a start of the same generation after it starts nothing.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn request_stop(&self, generation: u32) -> Result<(), SpoolError> {
        self.write_json("stop", &generation)?;
        self.wake_supervisor();
        Ok(())
    }

    /// Whether this generation was asked to end.
    #[must_use]
    pub fn is_stop_requested(&self, generation: u32) -> bool {
        self.read_json::<u32>("stop").is_ok_and(|asked| asked == generation)
    }

    /// Opens the FIFO that [`Folder::request_stop`] pokes; readable when there may be a new wish.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open_wake(&self) -> Result<File, SpoolError> {
        let path = self.wake_path();
        match rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return at(&path, Err(error)),
        }
        // Open for writing too: a FIFO without writers would be readable for ever after the first poke.
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(File::from(at(&path, rustix::fs::open(&path, flags, Mode::empty()))?))
    }

    /// Takes the lock; `None` when another process has it at this moment.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn try_lock(&self) -> Result<Option<Lock>, SpoolError> {
        let path = self.lock_path();
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nofollow())
            .open(&path);
        let file = at(&path, opened)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => at(&path, Err(error)),
        }
    }

    /// Whether a supervisor lives.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn is_supervised(&self) -> Result<bool, SpoolError> {
        let path = self.lock_path();
        // Read-only, so that a watcher of closed writers tells of the supervisor's death and not of this look.
        let file = match OpenOptions::new().read(true).custom_flags(nofollow()).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return at(&path, Err(error)),
        };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => at(&path, Err(error)),
        }
    }

    /// Removes the folder and all in it; one that is gone is no error. Not while a supervisor lives.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self) -> Result<(), SpoolError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => at(&self.path, result),
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }

    fn wake_path(&self) -> PathBuf {
        self.path.join("wake")
    }

    /// Without a reader there is no supervisor, and the next one looks by itself.
    fn wake_supervisor(&self) {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if let Ok(fifo) = rustix::fs::open(self.wake_path(), flags, Mode::empty()) {
            // A full FIFO has been poked often enough.
            let _ = rustix::io::write(fifo, b"!");
        }
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, SpoolError> {
        let path = self.path.join(name);
        let mut file = at(&path, OpenOptions::new().read(true).custom_flags(nofollow()).open(&path))?;
        let mut bytes = Vec::new();
        at(&path, (&mut file).take(MAX_FILE_BYTES).read_to_end(&mut bytes))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| SpoolError::Rubbish { path, detail: error.to_string() })
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), SpoolError> {
        self.write_file(name, value, true)
    }

    /// Writes beside the file, brings it to the disk if that is wanted, then gives it its name: a reader sees the
    /// former or the new content, never a part.
    pub(crate) fn write_file<T: Serialize>(
        &self,
        name: &str,
        value: &T,
        durably: bool,
    ) -> Result<(), SpoolError> {
        let path = self.path.join(name);
        let fresh = self.path.join(format!(".{name}.new"));
        let bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| SpoolError::Rubbish { path: path.clone(), detail: error.to_string() })?;
        at(&fresh, write_new(&fresh, &bytes, durably))?;
        at(&path, fs::rename(&fresh, &path))?;
        if durably {
            at(&self.path, File::open(&self.path).and_then(|folder| folder.sync_all()))?;
        }
        Ok(())
    }
}

fn write_new(path: &Path, bytes: &[u8], durably: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(nofollow())
        .open(path)?;
    file.write_all(bytes)?;
    if durably { file.sync_all() } else { Ok(()) }
}

fn nofollow() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests;
