//! The state folder: made, locked for one portal, with its secrets.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use myksc_core::secret::SecretHash;
use rustix::fs::{Access, AtFlags, CWD, FlockOperation};

use crate::exit::{Exit, Failure};

/// `sun_path` of unix(7), less its final NUL.
const SUN_PATH_BYTES: usize = 107;

/// The state folder of a running portal; another portal can't take it until this one is dropped.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder if it is not there, and takes it.
    pub(crate) fn take(path: PathBuf) -> Result<Self, Failure> {
        let unusable = |error: std::io::Error| refuse(&path, &error);
        prepare(&path)?;
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
        let lock = lock.map_err(unusable)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let message = format!("another portal already uses the state folder {}", path.display());
                Err(Failure::new(Exit::AlreadyRunning, message))
            }
            Err(error) => Err(unusable(error.into())),
        }
    }

    /// A folder in it, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        make_folder(&path).map_err(|error| refuse(&path, &error))?;
        Ok(path)
    }

    /// A folder for sockets whose own names have at most `name_bytes`: `run` in the state folder, or one in `/tmp`
    /// when a socket's path would get longer than `sun_path` of unix(7) holds.
    pub(crate) fn socket_folder(&self, name_bytes: usize) -> Result<PathBuf, Failure> {
        let usual = self.folder("run")?;
        if usual.as_os_str().len() + 1 + name_bytes <= SUN_PATH_BYTES {
            return Ok(usual);
        }
        let uid = rustix::process::geteuid().as_raw();
        let hash = SecretHash::of(&self.path.to_string_lossy()).to_hex();
        let short = PathBuf::from(format!("/tmp/myksc-{uid}-{}", &hash[..12]));
        make_folder(&short).map_err(|error| refuse(&short, &error))?;
        // Somebody else may have made it, or a link in its place, before us.
        let found = std::fs::symlink_metadata(&short).map_err(|error| refuse(&short, &error))?;
        if !found.is_dir() || found.uid() != uid || found.permissions().mode() & 0o077 != 0 {
            return Err(state_failure(&short, "it is not a private folder of ours"));
        }
        Ok(short)
    }

    /// The key that the secrets of apps are derived from; made on the first call ever.
    pub(crate) fn secret_key(&self) -> Result<[u8; 32], Failure> {
        self.key("secret.key")
    }

    /// The key that encrypts what the database keeps of secrets; made on the first call ever.
    pub(crate) fn sealing_key(&self) -> Result<[u8; 32], Failure> {
        self.key("seal.key")
    }

    fn key(&self, name: &str) -> Result<[u8; 32], Failure> {
        let path = self.path.join(name);
        let unusable = |error: std::io::Error| refuse(&path, &error);
        match File::open(&path) {
            Ok(file) => read_key(&file, &path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut key = [0u8; 32];
                getrandom::fill(&mut key).map_err(|error| refuse(&path, &std::io::Error::other(error)))?;
                write_private(&path, &key).map_err(unusable)?;
                Ok(key)
            }
            Err(error) => Err(unusable(error)),
        }
    }
}

/// Makes the folder if it is not there, and sees that it is ours alone and can be written.
pub(crate) fn prepare(path: &Path) -> Result<(), Failure> {
    make_folder(path).map_err(|error| refuse(path, &error))?;
    check_owner(path)?;
    // What is in it already may well be opened; the database needs files beside its own.
    let writable = rustix::fs::accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
    writable.map_err(|error| refuse(path, &error.into()))
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What others can write is no place for secrets.
fn check_owner(path: &Path) -> Result<(), Failure> {
    let found = std::fs::metadata(path).map_err(|error| refuse(path, &error))?;
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        let why = format!("it belongs to UID {}, the portal runs as {own}", found.uid());
        return Err(state_failure(path, &why));
    }
    if found.permissions().mode() & 0o022 != 0 {
        return Err(state_failure(path, "others may write into it; run `chmod go-w` on it"));
    }
    Ok(())
}

fn read_key(mut file: &File, path: &Path) -> Result<[u8; 32], Failure> {
    let found = file.metadata().map_err(|error| refuse(path, &error))?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(state_failure(path, "others may read it; run `chmod 600` on it"));
    }
    let mut key = [0u8; 32];
    let is_whole = found.len() == 32 && file.read_exact(&mut key).is_ok();
    if is_whole { Ok(key) } else { Err(state_failure(path, "it is damaged: a key has 32 bytes")) }
}

/// Writes the whole file or none, readable by its owner alone.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    // The name is durable when the folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn refuse(path: &Path, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::PermissionDenied => "the portal may not write there",
        ErrorKind::ReadOnlyFilesystem => "it is read-only",
        ErrorKind::StorageFull => "the disk is full",
        _ => &error.to_string(),
    };
    state_failure(path, why)
}

fn state_failure(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::StateFolder, format!("state folder: {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_portal_at_a_time_takes_a_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("deep/state");
        let first = StateFolder::take(path.clone()).unwrap();
        let second = StateFolder::take(path.clone()).unwrap_err();
        assert!(second.to_string().contains("another portal"), "{second}");
        drop(first);
        StateFolder::take(path).unwrap();
    }

    #[test]
    fn the_key_is_made_once_and_read_by_nobody_else() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = StateFolder::take(temporary.path().join("state")).unwrap();
        let key = folder.secret_key().unwrap();
        assert_eq!(folder.secret_key().unwrap(), key);
        let path = temporary.path().join("state/secret.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(folder.secret_key().is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(folder.secret_key().unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn sockets_of_a_deep_state_folder_go_elsewhere() {
        let temporary = tempfile::tempdir().unwrap();
        let deep = temporary.path().join("d".repeat(100));
        let folder = StateFolder::take(deep).unwrap();
        let sockets = folder.socket_folder(40).unwrap();
        assert!(sockets.as_os_str().len() + 41 <= SUN_PATH_BYTES);
        assert_eq!(folder.socket_folder(40).unwrap(), sockets);
        std::fs::set_permissions(&sockets, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(folder.socket_folder(40).is_err());
        std::fs::remove_dir(sockets).unwrap();
        let shallow = StateFolder::take(temporary.path().join("s")).unwrap();
        assert!(shallow.socket_folder(20).unwrap().starts_with(temporary.path()));
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(StateFolder::take(temporary.path().to_owned()).is_err());
    }
}
