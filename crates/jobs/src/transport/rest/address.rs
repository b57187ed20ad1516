//! Where slurmrestd listens: tokens go over TLS, over loopback or over a Unix socket, never else.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;

/// The address of a slurmrestd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestAddress {
    /// `https`, or `http` on this machine; what is asked for goes behind its path.
    Web(Url),
    /// A Unix socket of this machine.
    Socket(PathBuf),
}

/// Why an address is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RestAddressError {
    /// It can't be read.
    #[error("{0:?} is no address: write https://HOST:PORT, http://127.0.0.1:PORT or unix:/PATH")]
    Unreadable(String),
    /// Tokens would go over a network in the clear.
    #[error("{0} is neither https nor on this machine: tokens would go over the network in the clear")]
    InTheClear(String),
    /// It holds what an address has no use for.
    #[error("{0}: no name, password, query or fragment belongs into it")]
    TooMuch(String),
}

impl FromStr for RestAddress {
    type Err = RestAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let unreadable = || RestAddressError::Unreadable(text.to_owned());
            return path.starts_with('/').then(|| Self::Socket(path.into())).ok_or_else(unreadable);
        }
        let url = Url::parse(text).map_err(|_| RestAddressError::Unreadable(text.to_owned()))?;
        let too_much = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            "http" | "https" if too_much => Err(RestAddressError::TooMuch(without_secrets(url))),
            "https" => Ok(Self::Web(url)),
            "http" if is_loopback(&url) => Ok(Self::Web(url)),
            "http" => Err(RestAddressError::InTheClear(url.to_string())),
            _ => Err(RestAddressError::Unreadable(text.to_owned())),
        }
    }
}

impl RestAddress {
    /// The address of something below it. `path` begins with a slash and may have a query.
    pub(super) fn of(&self, path: &str) -> String {
        match self {
            Self::Web(url) => format!("{}{path}", url.as_str().trim_end_matches('/')),
            Self::Socket(_) => format!("http://localhost{path}"),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn without_secrets(mut url: Url) -> String {
    // Fails on addresses without a host alone, which have no name either.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_stay_on_this_machine() {
        for (text, of_ping) in [
            ("https://rest.example.org:6820", "https://rest.example.org:6820/ping"),
            ("https://rest.example.org/hpc/", "https://rest.example.org/hpc/ping"),
            ("http://127.0.0.1:6820", "http://127.0.0.1:6820/ping"),
            ("http://localhost:6820/", "http://localhost:6820/ping"),
            ("http://[::1]:6820", "http://[::1]:6820/ping"),
            ("unix:/run/slurmrestd.socket", "http://localhost/ping"),
        ] {
            assert_eq!(text.parse::<RestAddress>().unwrap().of("/ping"), of_ping, "{text}");
        }
        for (text, named) in [
            ("http://rest.example.org:6820", "in the clear"),
            ("http://10.0.0.1:6820", "in the clear"),
            ("http://127.0.0.1.example.org", "in the clear"),
            ("https://kim:secret@rest.example.org", "no name"),
            ("https://rest.example.org/?token=x", "no name"),
            ("ftp://rest.example.org", "no address"),
            ("unix:run/socket", "no address"),
            ("rest.example.org:6820", "no address"),
            ("", "no address"),
        ] {
            let refusal = text.parse::<RestAddress>().unwrap_err().to_string();
            assert!(refusal.contains(named) && !refusal.contains("secret"), "{text}: {refusal}");
        }
    }
}
