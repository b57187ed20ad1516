//! The file that holds a guard's key.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use myksc_core::guard::GuardKey;

/// More than any key with a line's end.
const MOST_BYTES: u64 = 256;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a file gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is a folder, a pipe, or the like.
    #[error("not a file")]
    NotAFile,
    /// Somebody else could put her own key there. Reading is another matter: a Secret that Kubernetes mounts can be
    /// read by everybody in its container, which holds the guard alone.
    #[error("others than its owner may write it (mode {0:03o})")]
    Writable(u32),
    /// It holds something else.
    #[error("not 64 hexadecimal digits")]
    NotAKey,
}

/// Reads a key: 64 hexadecimal digits, and perhaps the end of a line.
pub(super) fn read(path: &Path) -> Result<GuardKey, KeyProblem> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(KeyProblem::NotAFile);
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(KeyProblem::Writable(metadata.mode() & 0o777));
    }
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| KeyProblem::NotAKey)?;
    GuardKey::from_hex(text.trim_ascii_end()).ok_or(KeyProblem::NotAKey)
}
