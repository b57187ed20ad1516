//! Where a portal is: the URL that a person gives, and how a connection to it is made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::{ClientError, tls};

/// How long one attempt to connect may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Scheme, host and port of a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    is_https: bool,
    host: Host,
    port: u16,
}

/// A connection with or without TLS.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection for S {}

impl Address {
    /// Reads a URL such as `https://portal.example.org` or `http://localhost:8080`.
    pub(crate) fn parse(text: &str) -> Result<Self, ClientError> {
        let refuse = |why: &str| ClientError::Usage(format!("server {text:?}: {why}"));
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        let is_https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(refuse("a server is https://host[:port], or http://host:port on this machine")),
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !plain || !matches!(url.path(), "" | "/") {
            return Err(refuse("a server is scheme, host and port, nothing more"));
        }
        let host = url.host().map(|host| host.to_owned()).ok_or_else(|| refuse("there is no host"))?;
        Ok(Self { is_https, host, port: url.port().unwrap_or(usual_port(is_https)) })
    }

    /// The portal's origin, as a browser would send it.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.authority())
    }

    /// Value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let is_usual = self.port == usual_port(self.is_https);
        if is_usual { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Connects to the first address that answers; with https the portal must prove its name.
    pub(crate) async fn connect(&self) -> Result<Box<dyn Connection>, ClientError> {
        let stream = self.connect_plain().await?;
        if !self.is_https {
            return Ok(Box::new(stream));
        }
        let shaken = tokio::time::timeout(CONNECT_DEADLINE, tls::shake(stream, &self.host)).await;
        let failed = |why: String| ClientError::Unreachable(format!("{}: {why}", self.origin()));
        match shaken {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(failed(format!("no trusted connection: {error}"))),
            Err(_) => Err(failed("no answer in time".to_owned())),
        }
    }

    async fn connect_plain(&self) -> Result<TcpStream, ClientError> {
        let mut last = "the name has no address".to_owned();
        for address in self.resolve().await? {
            match tokio::time::timeout(CONNECT_DEADLINE, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small requests should not wait for the acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = "no answer in time".to_owned(),
            }
        }
        Err(ClientError::Unreachable(format!("{} does not answer: {last}", self.origin())))
    }

    /// `localhost` and all below it are this machine (RFC 6761 section 6.3), whatever the system's resolver says.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, ClientError> {
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        match &self.host {
            Host::Ipv4(address) => Ok(vec![SocketAddr::from((*address, self.port))]),
            Host::Ipv6(address) => Ok(vec![SocketAddr::from((*address, self.port))]),
            Host::Domain(name) if is_local(name) => {
                Ok(local.map(|ip| SocketAddr::from((ip, self.port))).into())
            }
            Host::Domain(name) => match tokio::net::lookup_host((name.as_str(), self.port)).await {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) => Err(ClientError::Unreachable(format!("{name} is not known: {error}"))),
            },
        }
    }
}

fn usual_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn is_local(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let address = Address::parse("http://localhost:8080/").unwrap();
        assert_eq!(address.origin(), "http://localhost:8080");
        assert_eq!(Address::parse("http://[::1]:80").unwrap().authority(), "[::1]");
        for text in
            ["", "localhost:8080", "http://", "ftp://x", "http://kim@x", "http://x/portal", "http://x?y"]
        {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        let address = Address::parse("https://Portal.example.org").unwrap();
        assert_eq!((address.origin().as_str(), address.port), ("https://portal.example.org", 443));
        assert_eq!(Address::parse("https://x:8443/").unwrap().origin(), "https://x:8443");
        assert_ne!(Address::parse("https://x:80").unwrap(), Address::parse("http://x").unwrap());
    }

    #[tokio::test]
    async fn every_name_below_localhost_is_this_machine() {
        for name in ["localhost", "a123.localhost", "LOCALHOST", "x.localhost."] {
            let address = Address::parse(&format!("http://{name}:8080")).unwrap();
            assert!(address.resolve().await.unwrap().iter().all(|found| found.ip().is_loopback()), "{name}");
        }
        assert!(!is_local("localhost.example"));
    }
}
