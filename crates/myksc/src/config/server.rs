//! `[server]`: where the portal listens, with what certificate, behind which proxies.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::broken;
use crate::exit::Failure;

/// Where the portal listens, and how it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address and port: https if there is a certificate, else plain HTTP.
    pub(crate) listen: SocketAddr,
    /// The portal's origin in the browser; from `listen` when absent.
    pub(crate) origin: Option<String>,
    /// Domain below which each app has its own host.
    pub(crate) apps_domain: String,
    /// Threads of the gateway; one a core when 0.
    pub(crate) workers: usize,
    /// Seconds that answers under way get to finish when the portal is stopped.
    pub(crate) shutdown_secs: u64,
    /// Address and port of plain HTTP that leads to https and does nothing else.
    pub(crate) redirect_listen: Option<SocketAddr>,
    /// Networks of the proxies in front of the portal.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The portal's own certificate.
    pub(crate) tls: Option<Tls>,
}

/// Certificates of the portal and its apps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM: certificate, then those between it and the root.
    pub(crate) certificate: PathBuf,
    /// PEM: its private key.
    pub(crate) key: PathBuf,
    /// Further certificates, for the names that the first is not for.
    pub(crate) more: Vec<Pair>,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// PEM: certificate, then those between it and the root.
    pub(crate) certificate: PathBuf,
    /// PEM: its private key.
    pub(crate) key: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            origin: None,
            apps_domain: "localhost".to_owned(),
            workers: 0,
            shutdown_secs: 10,
            redirect_listen: None,
            trusted_proxies: Vec::new(),
            tls: None,
        }
    }
}

impl Server {
    /// Scheme, host and port of the portal in the browser, which listens at `port`.
    pub(crate) fn origin(&self, port: u16) -> String {
        self.origin.clone().unwrap_or_else(|| match (self.tls.is_some(), port) {
            (false, 80) => "http://localhost".to_owned(),
            (false, port) => format!("http://localhost:{port}"),
            (true, 443) => "https://localhost".to_owned(),
            (true, port) => format!("https://localhost:{port}"),
        })
    }

    /// Refuses what would carry passwords in the clear, or believe everybody.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let listen = self.listen;
        let is_https = self.origin.as_ref().is_some_and(|origin| origin.starts_with("https://"));
        if self.tls.is_none() && self.trusted_proxies.is_empty() && !listen.ip().is_loopback() {
            return Err(broken(format!(
                "server.listen: plain HTTP at {listen} would carry passwords in the clear; name a certificate in \
                 [server.tls], or the proxies in front in server.trusted_proxies"
            )));
        }
        // Each key can come from a variable of its own, so that neither is demanded while they are read.
        if self.tls.as_ref().is_some_and(|tls| [&tls.certificate, &tls.key].contains(&&PathBuf::new())) {
            return Err(broken("server.tls: name both the certificate and its key"));
        }
        if self.tls.is_some() && self.origin.is_some() && !is_https {
            return Err(broken(
                "server.origin: must begin with https://, as [server.tls] names a certificate",
            ));
        }
        if !self.trusted_proxies.is_empty() && self.tls.is_none() && !is_https {
            return Err(broken(
                "server.origin: must be the https:// address of the proxies that server.trusted_proxies names",
            ));
        }
        if let Some(network) = self.trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
            return Err(broken(format!("server.trusted_proxies: {network} is everybody")));
        }
        match self.redirect_listen {
            Some(_) if self.tls.is_none() => Err(broken(
                "server.redirect_listen: leads to https, so it needs a certificate in [server.tls]",
            )),
            Some(address) if address == listen => {
                Err(broken(format!("server.redirect_listen: {address} is server.listen, too")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        let server: Server = toml::from_str(text).unwrap();
        server.check().err().map(|failure| failure.to_string())
    }

    const TLS: &str = "[tls]\ncertificate = \"/c.pem\"\nkey = \"/k.pem\"\n";

    #[test]
    fn plain_http_is_for_loopback_and_trusted_proxies_only() {
        for listen in ["0.0.0.0:80", "192.0.2.1:8080", "[::]:8080"] {
            let message = refusal(&format!("listen = {listen:?}")).unwrap();
            assert!(message.contains("[server.tls]") && message.contains("trusted_proxies"), "{message}");
            assert!(!message.contains('\n'), "{message}");
            let proxies = "origin = \"https://portal.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
            assert_eq!(refusal(&format!("listen = {listen:?}\n{proxies}")), None);
            assert_eq!(refusal(&format!("listen = {listen:?}\n{TLS}")), None);
        }
        for listen in ["127.0.0.1:8080", "[::1]:80"] {
            assert_eq!(refusal(&format!("listen = {listen:?}")), None);
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (text, named) in [
            (format!("origin = \"http://portal.example\"\n{TLS}"), "server.origin"),
            ("[tls]\ncertificate = \"/c.pem\"".to_owned(), "server.tls"),
            ("[tls]".to_owned(), "server.tls"),
            ("trusted_proxies = [\"10.0.0.0/8\"]".to_owned(), "server.origin"),
            ("origin = \"https://x\"\ntrusted_proxies = [\"0.0.0.0/0\"]".to_owned(), "everybody"),
            ("origin = \"https://x\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::/0\"]".to_owned(), "everybody"),
            ("redirect_listen = \"0.0.0.0:80\"".to_owned(), "server.redirect_listen"),
            (format!("redirect_listen = \"127.0.0.1:8080\"\n{TLS}"), "server.redirect_listen"),
        ] {
            let message = refusal(&text).unwrap_or_else(|| panic!("{text}"));
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn the_origin_follows_the_certificate() {
        let server: Server = toml::from_str(TLS).unwrap();
        assert_eq!(server.origin(8443), "https://localhost:8443");
        assert_eq!(server.origin(443), "https://localhost");
        assert_eq!(Server::default().origin(8080), "http://localhost:8080");
    }
}
