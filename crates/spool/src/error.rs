//! What can go wrong with a folder.

use std::io;
use std::path::{Path, PathBuf};

/// A folder or one of its files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: not readable: {detail}", path.display())]
    Rubbish {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        detail: String,
    },
    /// The supervisor's program does not start.
    #[error("can't start the supervisor {}: {source}", program.display())]
    Supervisor {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolError {
    /// Whether the file or folder is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the disk is full, or the owner's quota on it.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

/// Adds the path to an error of the file system.
pub(crate) fn at<T, E: Into<io::Error>>(path: &Path, result: Result<T, E>) -> Result<T, SpoolError> {
    result.map_err(|source| SpoolError::Io { path: path.to_owned(), source: source.into() })
}
