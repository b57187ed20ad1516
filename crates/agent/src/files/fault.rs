//! Why a request is refused, and what the kernel's error numbers mean to a person.

use std::io;

use rustix::io::Errno;

use myksc_core::UserPath;
use myksc_core::error::Params;
use myksc_core::path::InvalidPath;
use myksc_core::wire::{FileCode, FileProblem};

/// A refusal or failure on its way to the portal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: FileCode,
    pub(crate) params: Params,
    pub(crate) detail: String,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(code: FileCode, detail: impl Into<String>) -> Self {
        Self { code, params: Params::new(), detail: detail.into() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The same with the path it is about.
    pub(crate) fn at(self, path: &UserPath) -> Self {
        if self.params.contains_key("path") { self } else { self.with("path", path.to_string()) }
    }

    /// What an error of openat2(2) beneath a root means: there EXDEV is a way out of the root.
    pub(crate) fn from_open(errno: Errno) -> Self {
        match errno {
            Errno::XDEV => Self::new(FileCode::OutsideRoot, "the path leads out of its root"),
            Errno::NXIO => Self::new(FileCode::NotAFile, "not a file"),
            Errno::NOSYS => {
                Self::new(FileCode::FileSystemFailed, "this kernel has no openat2, Linux 5.6 has")
            }
            other => other.into(),
        }
    }

    pub(crate) fn into_problem(self) -> FileProblem {
        FileProblem { code: self.code, params: self.params, detail: self.detail, status: self.code.status() }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        let (code, detail) = match errno {
            Errno::NOENT => (FileCode::NotFound, "no such file or folder"),
            Errno::ACCESS | Errno::PERM => (FileCode::PermissionDenied, "permission denied"),
            Errno::ROFS => (FileCode::ReadOnly, "the file system is read-only"),
            Errno::NOTDIR => (FileCode::NotAFolder, "not a folder"),
            Errno::ISDIR => (FileCode::IsFolder, "a folder is there"),
            Errno::EXIST => (FileCode::FileExists, "the name is taken"),
            Errno::NOTEMPTY => (FileCode::FolderNotEmpty, "the folder is not empty"),
            Errno::LOOP => (FileCode::TooManyLinks, "links lead in a circle"),
            Errno::NAMETOOLONG => (FileCode::NameTooLong, "the name is too long"),
            Errno::NOSPC | Errno::DQUOT => (FileCode::DiskFull, "the disk or the quota is full"),
            Errno::FBIG => (FileCode::TooLarge, "larger than files may be there"),
            Errno::XDEV => (FileCode::OtherFileSystem, "that is another file system"),
            Errno::BUSY | Errno::TXTBSY => (FileCode::FileBusy, "something else uses it"),
            Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::INTR => {
                (FileCode::AgentBusy, "too much goes on at once, try again")
            }
            other => {
                return Self::new(FileCode::FileSystemFailed, format!("the file system failed: {other}"));
            }
        };
        Self::new(code, detail)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or_else(
            || Self::new(FileCode::FileSystemFailed, format!("the file system failed: {error}")),
            Self::from,
        )
    }
}

impl From<InvalidPath> for Fault {
    fn from(error: InvalidPath) -> Self {
        Self::new(FileCode::PathInvalid, error.to_string())
    }
}
