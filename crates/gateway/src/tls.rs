//! Certificates in files: loaded, chosen by the name that a client asks for, loaded anew when a file changes.
//!
//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446); HTTP/2 and HTTP/1.1 are offered by ALPN (RFC 7301).

mod pair;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use pair::{Pair, Stamp};

pub use pair::PairError;

/// A pair is loaded anew once its files have not changed between two looks, this far apart.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The end of a certificate is told of so early.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 24 * 3600);
const EXPIRY_WARNING_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate first, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM: the private key (PKCS #8, PKCS #1 or SEC 1), without a passphrase; nobody else may read the file.
    pub key: PathBuf,
}

/// Why the certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the pairs is broken.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// There is no certificate at all.
    #[error("no certificate is named")]
    NoCertificate,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The certificates of the https listeners; cheap to clone, all clones share the present ones.
#[derive(Clone)]
pub struct Certificates {
    server: Arc<ServerConfig>,
    chain: Arc<Chain>,
}

/// Every pair, in the order in which they were named.
#[derive(Debug)]
struct Chain {
    slots: Vec<Slot>,
}

/// One pair of files and what was last read from them.
#[derive(Debug)]
struct Slot {
    files: CertificateFiles,
    present: ArcSwap<Pair>,
    seen: Mutex<Seen>,
}

/// What the files looked like.
#[derive(Debug)]
struct Seen {
    /// When they were last read, whether they were any good or not.
    read: Stamp,
    /// At the last look.
    last: Stamp,
    warned_of_expiry: Option<Instant>,
}

impl Certificates {
    /// Loads every pair. The first is for clients that ask for no name or for one that no certificate has.
    ///
    /// # Errors
    /// [`TlsError`] when there is none, or a pair cannot be read, does not fit, or others may read its key.
    pub fn load(files: Vec<CertificateFiles>) -> Result<Self, TlsError> {
        if files.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let slots = files.into_iter().map(Slot::load).collect::<Result<_, _>>()?;
        let chain = Arc::new(Chain { slots });
        let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(chain.clone());
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Tickets are sealed and kept by the client, so that the workers need no common memory of sessions.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Self { server: Arc::new(server), chain })
    }

    /// Whether one of the certificates is for this host name.
    #[must_use]
    pub fn cover(&self, name: &str) -> bool {
        self.chain.slots.iter().any(|slot| slot.present.load().is_for(name))
    }

    /// Loads what has changed and tells of certificates that end soon, for ever.
    pub async fn keep_fresh(self) {
        loop {
            let chain = self.chain.clone();
            if tokio::task::spawn_blocking(move || chain.look()).await.is_err() {
                tracing::error!("looking for new certificates failed");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks at the files once. A broken pair leaves the present one in use. It reads files, so it blocks.
    pub fn look(&self) {
        self.chain.look();
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Chain {
    fn look(&self) {
        for slot in &self.slots {
            slot.look();
        }
    }
}

impl ResolvesServerCert for Chain {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        let named = self.slots.iter().map(|slot| slot.present.load()).find(|pair| {
            // With one certificate there is nothing to choose.
            self.slots.len() > 1 && name.is_some_and(|name| pair.is_for(name))
        });
        let pair = named.or_else(|| self.slots.first().map(|slot| slot.present.load()));
        pair.map(|pair| pair.certified.clone())
    }
}

impl Slot {
    fn load(files: CertificateFiles) -> Result<Self, PairError> {
        let stamp = Stamp::of(&files);
        let pair = Pair::load(&files)?;
        let seen = Seen { read: stamp, last: stamp, warned_of_expiry: None };
        Ok(Self { files, present: ArcSwap::from_pointee(pair), seen: Mutex::new(seen) })
    }

    fn look(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamp::of(&self.files);
        let settled = std::mem::replace(&mut seen.last, now) == now;
        if settled && now != seen.read {
            // Also after a failure: it is told of once, and tried again when a file changes.
            seen.read = now;
            match Pair::load(&self.files) {
                Ok(pair) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is in use");
                    self.present.store(Arc::new(pair));
                    seen.warned_of_expiry = None;
                }
                Err(error) => tracing::error!(%error, "the former certificate stays in use"),
            }
        }
        self.warn_of_expiry(&mut seen.warned_of_expiry);
    }

    fn warn_of_expiry(&self, warned: &mut Option<Instant>) {
        let left = self.present.load().expires_at.duration_since(SystemTime::now()).unwrap_or_default();
        if left > EXPIRY_WARNING || warned.is_some_and(|at| at.elapsed() < EXPIRY_WARNING_EVERY) {
            return;
        }
        *warned = Some(Instant::now());
        let certificate = self.files.certificate.display();
        if left.is_zero() {
            tracing::error!(%certificate, "the certificate has expired; browsers refuse it");
        } else {
            let days_left = left.as_secs() / (24 * 3600);
            tracing::warn!(%certificate, days_left, "the certificate expires soon");
        }
    }
}
