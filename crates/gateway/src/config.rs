//! Where the portal and the apps live on the web.

use std::time::Duration;

use myksc_core::AppId;

/// Use of a session is told to the portal at most this often, unless the portal wants to hear of it sooner.
const USE_TOLD_EVERY: Duration = Duration::from_secs(30);

/// Origins and host names; the same for every worker.
#[derive(Debug, Clone)]
pub struct Config {
    portal_origin: String,
    portal_hosts: Vec<String>,
    apps_domain: String,
    scheme: &'static str,
    use_told_every: Duration,
}

/// A configuration that names no usable origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// The portal's origin is not `http://host[:port]` or `https://host[:port]`.
    #[error("not an origin (http://host[:port] or https://host[:port]): {0:?}")]
    Origin(String),
    /// The apps' domain is not a host name.
    #[error("not a domain name: {0:?}")]
    Domain(String),
}

/// Whom a `Host` header means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The portal itself.
    Portal,
    /// An app, whether it exists or not.
    App(AppId),
    /// Nobody here.
    Nobody,
}

impl Config {
    /// The portal at `portal_origin` (for example `http://localhost:8080`) and at the further host names in
    /// `portal_hosts` (without port), apps at `<app-id>.<apps_domain>` under the same scheme.
    ///
    /// # Errors
    /// [`InvalidConfig`] when one of them is no origin or no name.
    pub fn new(
        portal_origin: &str,
        portal_hosts: impl IntoIterator<Item = String>,
        apps_domain: &str,
    ) -> Result<Self, InvalidConfig> {
        let invalid = || InvalidConfig::Origin(portal_origin.to_owned());
        let (scheme, authority) = match portal_origin.split_once("://") {
            Some(("http", rest)) => ("http", rest),
            Some(("https", rest)) => ("https", rest),
            _ => return Err(invalid()),
        };
        let host = host_name(authority);
        if host.is_empty() || host.starts_with(':') || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(invalid());
        }
        if !is_domain(apps_domain) {
            return Err(InvalidConfig::Domain(apps_domain.to_owned()));
        }
        let mut hosts = vec![host.to_ascii_lowercase()];
        hosts.extend(portal_hosts.into_iter().map(|name| name.to_ascii_lowercase()));
        Ok(Self {
            portal_origin: portal_origin.to_owned(),
            portal_hosts: hosts,
            apps_domain: apps_domain.to_ascii_lowercase(),
            scheme,
            use_told_every: USE_TOLD_EVERY,
        })
    }

    /// The same with another time between two words about the use of one session.
    #[must_use]
    pub fn with_use_told_every(mut self, time: Duration) -> Self {
        self.use_told_every = time;
        self
    }

    /// Scheme, host and port of the portal.
    #[must_use]
    pub fn portal_origin(&self) -> &str {
        &self.portal_origin
    }

    /// The time between two words about the use of one session.
    pub(crate) fn use_told_every(&self) -> Duration {
        self.use_told_every
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Scheme, host and port under which browsers reach the target; none for nobody.
    pub(crate) fn origin_of(&self, target: &Target) -> Option<String> {
        match target {
            Target::Portal => Some(self.portal_origin.clone()),
            Target::App(app) => {
                let (_, authority) = self.portal_origin.split_once("://")?;
                let port = &authority[host_name(authority).len()..];
                Some(format!("{}://{app}.{}{port}", self.scheme, self.apps_domain))
            }
            Target::Nobody => None,
        }
    }

    /// Whom the value of a `Host` header means; the port plays no part.
    pub(crate) fn target(&self, host: &str) -> Target {
        let name = host_name(host);
        if self.portal_hosts.iter().any(|portal| name.eq_ignore_ascii_case(portal)) {
            return Target::Portal;
        }
        match name.split_once('.') {
            Some((label, domain)) if domain.eq_ignore_ascii_case(&self.apps_domain) => {
                label.parse().map_or(Target::Nobody, Target::App)
            }
            _ => Target::Nobody,
        }
    }

    /// Whether an `Origin` header names the app's own origin, given the `Host` that the browser sent.
    pub(crate) fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        origin.strip_prefix(self.scheme).and_then(|rest| rest.strip_prefix("://")) == Some(host)
    }
}

/// The name in `name[:port]`; the brackets of an IPv6 address stay, anything malformed comes back whole.
fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            let whole_address = authority.starts_with('[') && authority.ends_with(']');
            if whole_address { authority } else { name }
        }
        _ => authority,
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("http://localhost:8080", ["127.0.0.1".to_owned(), "[::1]".to_owned()], "localhost")
            .unwrap()
    }

    #[test]
    fn a_host_means_the_portal_an_app_or_nobody() {
        let app = AppId::random();
        let config = config();
        for host in ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
            assert_eq!(config.target(host), Target::Portal, "{host}");
        }
        for host in [format!("{app}.localhost"), format!("{app}.localhost:9"), format!("{app}.LocalHost")] {
            assert_eq!(config.target(&host), Target::App(app.clone()), "{host}");
        }
        for host in [
            "",
            ":8080",
            ".",
            "evil.example",
            "localhost.",
            "x.localhost",
            "localhost.evil.example",
            &format!("x.{app}.localhost"),
            &format!("{app}.localhost.evil.example"),
            &format!("{app}.localhost."),
            &format!("user@{app}.localhost"),
            &format!("{app}.localhost:80x"),
            &format!("{app}:80.localhost"),
            &app.to_string(),
            "[::1",
            "::1",
        ] {
            assert_eq!(config.target(host), Target::Nobody, "{host}");
        }
    }

    #[test]
    fn only_the_very_same_origin_is_ones_own() {
        let config = config();
        assert!(config.is_own_origin("http://a.localhost:8080", "a.localhost:8080"));
        for origin in [
            "https://a.localhost:8080",
            "http://a.localhost",
            "http://a.localhost:8081",
            "http://b.localhost:8080",
            "null",
            "",
        ] {
            assert!(!config.is_own_origin(origin, "a.localhost:8080"), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_or_domain_is_refused() {
        for origin in ["localhost", "ftp://x", "http://", "http://x/y", "http://u@x", "http://:80"] {
            assert!(Config::new(origin, [], "localhost").is_err(), "{origin}");
        }
        for domain in ["", ".", "a..b", "-a", "a b", "a/b"] {
            assert!(Config::new("http://localhost", [], domain).is_err(), "{domain}");
        }
    }
}
