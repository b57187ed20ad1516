//! The listeners of `serve`: plain HTTP or https, and the one that leads from http to https.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use myksc_gateway::{
    CertificateFiles, Certificates, Listeners, Protocol, ServeError, ServerConfig, TrustedProxies,
};

use crate::config::{Config, broken};
use crate::exit::{Exit, Failure};

/// How long a client may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Times and trust of the server.
pub(super) fn settings(config: &Config) -> ServerConfig {
    ServerConfig {
        header_timeout: HEADER_TIMEOUT,
        shutdown_grace: Duration::from_secs(config.server.shutdown_secs),
        handshake_timeout: HANDSHAKE_TIMEOUT,
        trusted_proxies: TrustedProxies::new(config.server.trusted_proxies.iter().copied()),
    }
}

/// The certificates that the configuration names, if it names any.
pub(super) fn certificates(config: &Config) -> Result<Option<Certificates>, Failure> {
    let Some(tls) = &config.server.tls else { return Ok(None) };
    let first = CertificateFiles { certificate: tls.certificate.clone(), key: tls.key.clone() };
    let more = tls
        .more
        .iter()
        .map(|pair| CertificateFiles { certificate: pair.certificate.clone(), key: pair.key.clone() });
    let certificates = Certificates::load(std::iter::once(first).chain(more).collect());
    certificates.map(Some).map_err(|error| broken(format!("server.tls: {error}")))
}

/// Tells of host names that browsers will find no certificate for.
pub(super) fn warn_of_uncovered_names(certificates: &Certificates, portal_origin: &str, apps_domain: &str) {
    let authority = portal_origin.trim_start_matches("https://");
    let portal = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    for name in [portal.to_owned(), format!("app.{apps_domain}")] {
        if !certificates.cover(&name) {
            tracing::warn!(%name, "no certificate of server.tls is for this host; browsers will warn people");
        }
    }
}

/// Binds every address; the first is the portal's own.
pub(super) fn bind(config: &Config, certificates: Option<&Certificates>) -> Result<Listeners, Failure> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = NonZeroUsize::new(config.server.workers).unwrap_or(cores);
    let mut listeners = Listeners::for_workers(workers);
    let protocol = certificates.map_or(Protocol::Http, |certificates| Protocol::Https(certificates.clone()));
    add(&mut listeners, config.server.listen, &protocol, "server.listen, MYKSC_LISTEN")?;
    if let Some(address) = config.server.redirect_listen {
        add(&mut listeners, address, &Protocol::Redirect, "server.redirect_listen")?;
    }
    Ok(listeners)
}

fn add(
    listeners: &mut Listeners,
    address: SocketAddr,
    protocol: &Protocol,
    key: &str,
) -> Result<(), Failure> {
    listeners.add(address, protocol).map_err(|error| match error {
        error @ (ServeError::AddressTaken(_) | ServeError::Bind { .. }) => {
            Failure::new(Exit::Listen, format!("{error} ({key})"))
        }
        error => Failure::new(Exit::Failed, error),
    })
}
