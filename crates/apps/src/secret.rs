//! The secret of each app: derived, never stored by the portal.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use myksc_core::AppId;

const KEY_BYTES: usize = 32;

/// What the apps' secrets are derived from; its `Debug` shows nothing.
#[derive(Clone)]
pub struct SecretKey([u8; KEY_BYTES]);

impl SecretKey {
    /// Reads the key, or makes one (mode 0600) when the file is not there.
    ///
    /// # Errors
    /// When the file can't be read or made, is not 32 bytes long, or others may read it.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => Self::read(&file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    /// The secret of one launch of an app: 64 hexadecimal digits.
    pub(crate) fn of_app(&self, app: &AppId, generation: u32) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(app.as_str().as_bytes());
        mac.update(&generation.to_be_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn read(file: &File) -> io::Result<Self> {
        if file.metadata()?.mode() & 0o077 != 0 {
            return Err(io::Error::other("others may read this key; give it mode 0600"));
        }
        let mut bytes = Vec::new();
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        let key = bytes.try_into().map_err(|_| io::Error::other("a key is 32 bytes"))?;
        Ok(Self(key))
    }

    /// Written beside its place and linked to it, so that a key is whole or not there, and never replaced.
    fn create(path: &Path) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&key)?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&fresh, path);
        std::fs::remove_file(&fresh)?;
        match linked {
            Ok(()) => Ok(Self(key)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(&File::open(path)?),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let (first, again) =
            (SecretKey::load_or_create(&path).unwrap(), SecretKey::load_or_create(&path).unwrap());
        let app = AppId::random();
        assert_eq!(first.of_app(&app, 1), again.of_app(&app, 1));
        assert_ne!(first.of_app(&app, 1), first.of_app(&app, 2));
        assert_ne!(first.of_app(&app, 1), first.of_app(&AppId::random(), 1));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        std::fs::write(&path, [1; KEY_BYTES]).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(SecretKey::load_or_create(&path).unwrap_err().to_string().contains("0600"));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, [1; KEY_BYTES - 1]).unwrap();
        assert!(SecretKey::load_or_create(&path).is_err());
    }
}
