//! Certificates made by `openssl`, and clients that trust them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use myksc_gateway::{CertificateFiles, Certificates, Config, Protocol, ServerConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::rig::Rig;

/// A folder with certificates in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes `<name>.pem` and `<name>.key`, self-signed for these host names.
    pub(crate) fn make(&self, name: &str, hosts: &[&str], days: u32) -> CertificateFiles {
        let names: Vec<_> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
        let config = self.path(&format!("{name}.cnf"));
        std::fs::write(
            &config,
            format!(
                "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n[dn]\nCN = {name}\n\
                 [ext]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = {}\n",
                names.join(",")
            ),
        )
        .unwrap();
        let files = CertificateFiles {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        };
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-config",
            ])
            .arg(&config)
            .args(["-days", &days.to_string(), "-keyout"])
            .arg(&files.key)
            .arg("-out")
            .arg(&files.certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        files
    }
}

/// The certificate in a file.
pub(crate) fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

/// A gateway with TLS at `https://portal.example`, apps at `*.apps.example`.
pub(crate) async fn https(config: ServerConfig, files: Vec<CertificateFiles>) -> (Rig, Certificates) {
    let certificates = Certificates::load(files).unwrap();
    let origins = Config::new("https://portal.example", ["localhost".to_owned()], "apps.example").unwrap();
    let rig = Rig::start_at(config, origins, &Protocol::Https(certificates.clone())).await;
    (rig, certificates)
}

/// The same with one certificate for all, and what tells a client to trust it.
pub(crate) async fn simple(config: ServerConfig) -> (Rig, Trust) {
    let folder = Folder::new();
    let files = folder.make("all", &["portal.example", "*.apps.example"], 100);
    let trust = Trust::of(&[&files.certificate]);
    (https(config, vec![files]).await.0, trust)
}

/// The certificates that a client trusts.
#[derive(Clone)]
pub(crate) struct Trust(Arc<RootCertStore>);

impl Trust {
    pub(crate) fn of(certificates: &[&Path]) -> Self {
        let mut roots = RootCertStore::empty();
        for path in certificates {
            roots.add(certificate(path)).unwrap();
        }
        Self(Arc::new(roots))
    }

    /// Connects and shakes hands as a client that speaks these protocols.
    pub(crate) async fn connect(
        &self,
        rig: &Rig,
        name: &str,
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.0.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(rig.address).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}
