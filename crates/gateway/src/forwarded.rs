//! What proxies in front of the server tell about their clients, and from whom it is believed.
//!
//! `X-Forwarded-For` grows from left to right: each proxy appends the address of whom it was asked by. The client is
//! therefore the rightmost address that is no trusted proxy's; whatever stands left of it may be made up.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::headers::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, is_about_forwarding};

/// Networks of the proxies whose word about their clients is taken; by default there are none.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(std::sync::Arc<[IpNet]>);

/// What a trusted proxy says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) client: IpAddr,
    /// The proxy itself was asked without TLS.
    pub(crate) is_plain: bool,
}

impl TrustedProxies {
    /// The proxies of these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Takes what the proxy at `peer` says out of the headers; its word about the host takes the place of `Host`.
    pub(crate) fn take(&self, headers: &mut HeaderMap, peer: IpAddr) -> Told {
        let told = Told {
            client: self.client(headers, peer.to_canonical()),
            is_plain: last(headers, &X_FORWARDED_PROTO)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")),
        };
        let host = last(headers, &X_FORWARDED_HOST).and_then(|host| HeaderValue::from_str(host).ok());
        if let Some(host) = host {
            headers.insert(header::HOST, host);
        }
        strip(headers);
        told
    }

    fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer;
        let lines: Vec<&str> =
            headers.get_all(X_FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default()).collect();
        for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            // Who wrote something else than an address is the last of whom anything is known.
            let Some(address) = address(text.trim()) else { break };
            client = address;
            if !self.contain(client) {
                break;
            }
        }
        client
    }
}

/// Takes out whatever claims to tell of a client behind a proxy.
pub(crate) fn strip(headers: &mut HeaderMap) {
    while let Some(name) = headers.keys().find(|name| is_about_forwarding(name.as_str())).cloned() {
        headers.remove(name);
    }
}

/// The word of the nearest proxy, which is the last one.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|word| !word.is_empty())
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let whole = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = whole
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    fn told(pairs: &[(&'static str, &'static str)]) -> (Told, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("inside"));
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let told = proxies().take(&mut headers, "10.0.0.1".parse().unwrap());
        (told, headers)
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_trusted_proxys() {
        for (lines, client) in [
            (&[][..], "10.0.0.1"),
            (&["192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.1", "192.0.2.7, 10.9.9.9"], "192.0.2.7"),
            (&["192.0.2.7:4711 ,[fd00::1]:443,fd00::2"], "192.0.2.7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["192.0.2.7, unknown"], "10.0.0.1"),
            (&["192.0.2.7, , 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7\t;x"], "10.0.0.1"),
        ] {
            let pairs: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(told(&pairs).0.client, client.parse::<IpAddr>().unwrap(), "{lines:?}");
        }
    }

    #[test]
    fn nothing_of_what_was_told_stays_among_the_headers_but_the_host() {
        let (told, headers) = told(&[
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https, HTTP"),
            ("x-forwarded-host", "evil.example, portal.example"),
            ("x-forwarded-port", "80"),
            ("x-real-ip", "192.0.2.8"),
            ("forwarded", "for=192.0.2.9"),
            ("accept", "text/html"),
        ]);
        assert!(told.is_plain);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "host"]);
        assert_eq!(headers[header::HOST], "portal.example");
    }
}
