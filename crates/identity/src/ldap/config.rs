//! How an LDAP directory is reached and read; what can't be right is refused before anybody signs in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ldap3::parse_filter;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use url::Url;

/// How a directory is reached and read. Distinguished names are RFC 4514's, filters RFC 4515's.
#[derive(Debug, Clone)]
pub struct LdapConfig {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` on which StartTLS comes first. The next is asked when one
    /// does not answer.
    pub urls: Vec<String>,
    /// Certificates (PEM) that vouch for the servers; those of the system when absent.
    pub ca_file: Option<PathBuf>,
    /// Whom the portal signs in as to look people up; nobody (anonymous) when absent.
    pub service: Option<ServiceAccount>,
    /// Below which people are.
    pub people_base: String,
    /// Below which groups are.
    pub groups_base: String,
    /// Finds a person; `{name}` stands for her account name.
    pub person_filter: String,
    /// Finds a person's groups; `{name}`, `{dn}` and `{gid}` stand for her account name, the name of her entry and
    /// her primary group's number.
    pub groups_filter: String,
    /// A person whose entry matches it is locked, beside those whom the usual attributes lock.
    pub locked_filter: Option<String>,
    /// What the directory calls what.
    pub attributes: Attributes,
    /// Most lookups at a time, each on a connection; as many people at a time are signed in.
    pub connections: usize,
    /// How long one server may take to connect, and to answer.
    pub server_timeout: Duration,
    /// How long a question may take, over all servers.
    pub timeout: Duration,
    /// How long a server that did not answer is asked after the others.
    pub retry_after: Duration,
}

/// Whom the portal signs in as.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its distinguished name.
    pub dn: String,
    /// Its password.
    pub password: SecretString,
}

/// Names of attributes; case does not matter. The defaults are those of RFC 2307.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Account name.
    pub name: String,
    /// UID.
    pub uid_number: String,
    /// Number of the primary group, of a person and of a group.
    pub gid_number: String,
    /// Home folder.
    pub home: String,
    /// Login shell; `/bin/sh` where a person has none.
    pub shell: String,
    /// Full name, the first of them that a person has.
    pub display_names: Vec<String>,
    /// What stays the same for ever; the distinguished name where a person has none.
    pub subject: String,
    /// Name of a group.
    pub group_name: String,
}

/// Why a directory's configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LdapConfigError {
    /// No server is named.
    #[error("name a server in `urls`")]
    NoServer,
    /// What is named is no server.
    #[error("{url:?} is no server of a directory: {reason}")]
    Url {
        /// What is written.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The certificates can't be read.
    #[error("the certificates in {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A filter is none.
    #[error("{which} {filter:?}: {reason}")]
    Filter {
        /// Its key.
        which: &'static str,
        /// What is written.
        filter: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            name: "uid".to_owned(),
            uid_number: "uidNumber".to_owned(),
            gid_number: "gidNumber".to_owned(),
            home: "homeDirectory".to_owned(),
            shell: "loginShell".to_owned(),
            display_names: ["displayName", "cn"].map(str::to_owned).to_vec(),
            subject: "entryUUID".to_owned(),
            group_name: "cn".to_owned(),
        }
    }
}

impl LdapConfig {
    /// Finds a person where nothing else is said.
    pub const PERSON_FILTER: &str = "(&(objectClass=posixAccount)(uid={name}))";
    /// Finds a person's groups where nothing else is said: by name (RFC 2307), by entry (groupOfNames), and the
    /// primary one. What has no number is no group of this kind and passed over.
    pub const GROUPS_FILTER: &str =
        "(|(memberUid={name})(member={dn})(&(objectClass=posixGroup)(gidNumber={gid})))";

    /// Whether URLs and filters hold; no file is read.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), LdapConfigError> {
        self.servers().map(|_| ())
    }

    /// The servers, once everything else is seen to hold.
    pub(super) fn servers(&self) -> Result<Vec<Url>, LdapConfigError> {
        check_filter("person_filter", &self.person_filter, "{name}")?;
        check_filter("groups_filter", &self.groups_filter, "")?;
        if let Some(filter) = &self.locked_filter {
            check_filter("locked_filter", filter, "")?;
        }
        if self.urls.is_empty() {
            return Err(LdapConfigError::NoServer);
        }
        self.urls.iter().map(|url| server(url)).collect()
    }

    /// Who vouches for the servers; none leaves it to the system.
    pub(super) fn trust(&self) -> Result<Option<Arc<ClientConfig>>, LdapConfigError> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let unusable = |reason: String| LdapConfigError::Certificates { path: path.clone(), reason };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(unusable("there is no certificate in it".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

fn server(text: &str) -> Result<Url, LdapConfigError> {
    let refused = |reason| LdapConfigError::Url { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|_| refused("it is no URL"))?;
    if !matches!(url.scheme(), "ldap" | "ldaps") {
        return Err(refused("use ldaps://HOST, or ldap://HOST for StartTLS"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a name or password; use bind_dn and bind_password_file"));
    }
    match url.host_str() {
        None | Some("") => Err(refused("it names no host")),
        // The certificate is checked against the text of the URL, and the brackets are no part of an address.
        Some(host) if host.starts_with('[') => Err(refused("give a host name instead of an IPv6 address")),
        Some(_) => Ok(url),
    }
}

/// `needed` is the placeholder without which the filter finds the wrong people.
fn check_filter(which: &'static str, filter: &str, needed: &str) -> Result<(), LdapConfigError> {
    let refused = |reason| LdapConfigError::Filter { which, filter: filter.to_owned(), reason };
    if !filter.contains(needed) {
        return Err(refused("it has no {name}"));
    }
    let filled = fill(filter, &[("{name}", "kim"), ("{gid}", "1000"), ("{dn}", "uid=kim")]);
    if filled.contains(['{', '}']) {
        return Err(refused("only {name}, {dn} and {gid} are filled in"));
    }
    parse_filter(&filled)
        .map(|_| ())
        .map_err(|()| refused("it is no filter of RFC 4515, with its parentheses"))
}

/// A template with its placeholders replaced by escaped values. The last value may hold what looks like a
/// placeholder, the others not.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (placeholder, value)| {
        text.replace(placeholder, &ldap3::ldap_escape(*value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_speak_tls_are_taken() {
        for url in ["ldaps://ldap.centre.example", "ldap://ldap.centre.example:3389", "ldaps://127.0.0.1:1"] {
            assert!(server(url).is_ok(), "{url}");
        }
        for url in [
            "ldap.centre.example",
            "ldapi:///run/slapd",
            "http://ldap.centre.example",
            "ldaps://",
            "ldaps://cn=portal:secret@ldap.centre.example",
            "ldaps://[::1]:636",
        ] {
            assert!(server(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_filter_that_would_find_somebody_else_is_refused() {
        assert!(check_filter("person_filter", LdapConfig::PERSON_FILTER, "{name}").is_ok());
        assert!(check_filter("groups_filter", LdapConfig::GROUPS_FILTER, "").is_ok());
        for filter in ["(uid=kim)", "(uid={name}", "(uid={name})(cn={other})", ""] {
            assert!(check_filter("person_filter", filter, "{name}").is_err(), "{filter}");
        }
    }

    #[test]
    fn what_is_filled_in_stays_a_value() {
        assert_eq!(fill("(uid={name})", &[("{name}", "*)(uid=*")]), "(uid=\\2a\\29\\28uid=\\2a)");
        let dn = fill("(member={dn})", &[("{name}", "kim"), ("{dn}", "cn={name}, (A\\,B)")]);
        assert_eq!(dn, "(member=cn={name}, \\28A\\5c,B\\29)");
    }
}
