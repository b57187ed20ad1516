//! One certificate with its key, as they lie in their files.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use super::CertificateFiles;

/// No chain of certificates is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The permission bits of those who are neither the file's owner nor in its group.
const OTHERS: u32 = 0o007;

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Everybody on the machine could take the key.
    #[error("{}: others may read this key; take that right away, for example with chmod o=", .0.display())]
    KeyIsOpen(PathBuf),
    /// The file holds no certificate in PEM.
    #[error("{}: holds no certificate (PEM)", .0.display())]
    NoCertificate(PathBuf),
    /// The file holds no key in PEM that can be used.
    #[error("{}: holds no private key (PEM, without a passphrase)", .0.display())]
    NoKey(PathBuf),
    /// A certificate cannot be understood.
    #[error("{}: not a certificate of a server: {reason}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key is of an unknown kind, or another certificate's.
    #[error("{} does not fit {}: {source}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The library's reason.
        source: rustls::Error,
    },
}

/// A certificate in use.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) expires_at: SystemTime,
}

/// What tells one state of two files from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<FileStamp>; 2]);

/// Device, inode, length, seconds and nanoseconds of the last change.
type FileStamp = (u64, u64, u64, i64, i64);

impl Pair {
    pub(super) fn load(files: &CertificateFiles) -> Result<Self, PairError> {
        let path = &files.certificate;
        let text = read(path, |_| Ok(()))?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, pem::Error>>()
            .map_err(|error| PairError::Malformed { path: path.clone(), reason: error.to_string() })?;
        let first = chain.first().ok_or_else(|| PairError::NoCertificate(path.clone()))?;
        let malformed = |reason: String| PairError::Malformed { path: path.clone(), reason };
        ParsedCertificate::try_from(first).map_err(|error| malformed(error.to_string()))?;
        let expires_at = expiry(first).map_err(malformed)?;
        let key = load_key(&files.key)?;
        let certified =
            CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| {
                PairError::Mismatch { certificate: path.clone(), key: files.key.clone(), source }
            })?;
        Ok(Self { certified: Arc::new(certified), expires_at })
    }

    /// Whether the certificate is for this host name.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let Some(certificate) = self.certified.cert.first() else { return false };
        let (Ok(certificate), Ok(name)) =
            (ParsedCertificate::try_from(certificate), ServerName::try_from(name))
        else {
            return false;
        };
        verify_server_name(&certificate, &name).is_ok()
    }
}

impl Stamp {
    /// A file that is not there is a state, too.
    pub(super) fn of(files: &CertificateFiles) -> Self {
        Self([&files.certificate, &files.key].map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.dev(), file.ino(), file.len(), file.ctime(), file.ctime_nsec()))
        }))
    }
}

fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let text =
        read(
            path,
            |mode| {
                if mode & OTHERS == 0 { Ok(()) } else { Err(PairError::KeyIsOpen(path.to_owned())) }
            },
        )?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| PairError::NoKey(path.to_owned()))
}

fn read(path: &Path, check: impl FnOnce(u32) -> Result<(), PairError>) -> Result<Vec<u8>, PairError> {
    let unreadable = |source| PairError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    check(file.metadata().map_err(unreadable)?.mode())?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn expiry(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
