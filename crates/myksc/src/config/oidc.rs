//! `[[oidc]]`: OpenID providers at which people sign in.

use std::path::PathBuf;
use std::time::Duration;

use myksc_core::Translated;
use myksc_identity::{OidcConfig, OidcIdentity, OidcTimes};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::identity::{Directory, Roles, read_private};
use super::{Config, broken};
use crate::exit::Failure;

/// An OpenID provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oidc {
    /// Its id; part of the addresses that it has to know.
    pub(crate) id: String,
    /// Its name on the sign-in page.
    pub(crate) title: Translated,
    /// Its issuer identifier.
    pub(crate) issuer: String,
    /// What it calls the portal.
    pub(crate) client_id: String,
    /// The file with the client's secret.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The environment variable with the client's secret.
    pub(crate) client_secret_variable: Option<String>,
    /// What is asked for besides `openid`.
    #[serde(default = "default_scopes")]
    pub(crate) scopes: Vec<String>,
    /// PEM: the authorities that its certificate comes from.
    pub(crate) ca_file: Option<PathBuf>,
    /// Who says which account a person has.
    #[serde(default)]
    pub(crate) identity: Identity,
    /// The directory, by its id.
    pub(crate) directory: Option<String>,
    /// The claim with the account's name.
    #[serde(default = "default_name_claim")]
    pub(crate) name_claim: String,
    /// The operator's word that people can't edit there the claims that the portal takes: `name_claim`, and with
    /// `identity = "claims"` all that an account is made of.
    #[serde(default)]
    pub(crate) users_cannot_edit_claims: bool,
    /// Seconds after which it is asked again whether it knows a person who is here.
    #[serde(default = "default_recheck_secs")]
    pub(crate) recheck_secs: u64,
    /// Milliseconds that one answer may take.
    #[serde(default = "default_timeout_ms")]
    pub(crate) timeout_ms: u64,
}

/// Who says which account a person has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Identity {
    /// A directory.
    #[default]
    Directory,
    /// The provider itself.
    Claims,
}

impl Oidc {
    pub(super) fn check_all(config: &Config) -> Result<(), Failure> {
        for oidc in &config.oidc {
            let is_directory = config.directory.iter().any(|directory| directory.id == oidc.id);
            if is_directory || config.oidc.iter().filter(|other| other.id == oidc.id).count() > 1 {
                return Err(oidc.broken("the id is taken"));
            }
            oidc.check(&config.directory).map_err(|message| oidc.broken(&message))?;
        }
        Ok(())
    }

    /// The directory that its people are looked up in.
    pub(crate) fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// The provider with its secret and its authorities, and the roles by its claims where they can be believed.
    pub(crate) fn provider(&self, roles: &[Roles]) -> Result<OidcConfig, Failure> {
        let authorities_pem = match &self.ca_file {
            Some(path) => Some(
                std::fs::read(path)
                    .map_err(|error| self.broken(&format!("ca_file {}: {error}", path.display())))?,
            ),
            None => None,
        };
        let roles = if self.users_cannot_edit_claims { Roles::by_claims(roles) } else { Vec::new() };
        Ok(OidcConfig { authorities_pem, client_secret: self.secret()?, roles, ..self.without_secret() })
    }

    /// A failure that says what is wrong with this provider.
    pub(crate) fn broken(&self, message: &str) -> Failure {
        broken(format!("oidc {:?}: {message}", self.id))
    }

    fn check(&self, directories: &[Directory]) -> Result<(), String> {
        if self.client_secret_file.is_some() == self.client_secret_variable.is_some() {
            return Err("give client_secret_file or client_secret_variable".to_owned());
        }
        if self.recheck_secs == 0 || self.timeout_ms == 0 {
            return Err("recheck_secs and timeout_ms must be at least 1".to_owned());
        }
        match (self.identity, &self.directory) {
            (Identity::Directory, Some(id)) if directories.iter().any(|known| known.id == *id) => {}
            (Identity::Directory, Some(id)) => {
                return Err(format!("directory: there is no [[directory]] {id:?}"));
            }
            (Identity::Directory, None) => {
                return Err("directory: say which [[directory]] knows its people's accounts".to_owned());
            }
            (Identity::Claims, Some(_)) => {
                return Err("directory: with identity = \"claims\" none is asked".to_owned());
            }
            (Identity::Claims, None) => {}
        }
        self.check_claims()?;
        self.without_secret().check().map_err(|error| error.to_string())
    }

    /// Sees that the operator vouches for the claims that say which account a person has. Providers let people edit
    /// much of their own profile, `preferred_username` not seldom among it.
    fn check_claims(&self) -> Result<(), String> {
        if self.users_cannot_edit_claims {
            return Ok(());
        }
        let taken = match self.identity {
            Identity::Directory => format!("the claim {:?} says which account is hers", self.name_claim),
            Identity::Claims => "identity = \"claims\" makes an account of her claims".to_owned(),
        };
        Err(format!(
            "{taken}, so whoever can edit that at the provider becomes anybody; see that nobody can, and say so by \
             users_cannot_edit_claims = true"
        ))
    }

    fn without_secret(&self) -> OidcConfig {
        OidcConfig {
            id: self.id.clone(),
            title: self.title.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: SecretString::default(),
            scopes: self.scopes.clone(),
            authorities_pem: None,
            name_claim: self.name_claim.clone(),
            identity: match self.identity {
                Identity::Directory => OidcIdentity::Directory,
                Identity::Claims => OidcIdentity::Claims,
            },
            roles: Vec::new(),
            times: OidcTimes {
                answer: Duration::from_millis(self.timeout_ms),
                recheck: Duration::from_secs(self.recheck_secs),
                ..OidcTimes::default()
            },
        }
    }

    fn secret(&self) -> Result<SecretString, Failure> {
        let secret = match (&self.client_secret_file, &self.client_secret_variable) {
            (Some(path), _) => read_private(path)
                .map_err(|reason| self.broken(&format!("client_secret_file {}: {reason}", path.display())))?,
            (None, Some(name)) => std::env::var(name)
                .map_err(|_| self.broken(&format!("the environment variable {name} holds no secret")))?,
            (None, None) => String::new(),
        };
        match secret.trim_end_matches(['\r', '\n']) {
            "" => Err(self.broken("the client's secret is empty")),
            secret => Ok(SecretString::from(secret)),
        }
    }
}

fn default_scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn default_name_claim() -> String {
    "preferred_username".to_owned()
}

fn default_recheck_secs() -> u64 {
    45
}

fn default_timeout_ms() -> u64 {
    10_000
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const CENTRE: &str = "[[oidc]]\nid = \"sso\"\ntitle = { en = \"SSO\", ko = \"SSO\" }\n\
        issuer = \"https://sso.example.org/realms/centre\"\nclient_id = \"myksc\"\n\
        client_secret_file = \"/nowhere/secret\"\n";
    const MACHINE: &str = "[[directory]]\nid = \"machine\"\nkind = \"nss\"\n";

    fn check(text: &str) -> Result<(), String> {
        let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        Oidc::check_all(&config).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_provider_that_can_not_be_used_is_refused_with_what_is_wrong() {
        let unsaid = format!("{MACHINE}{CENTRE}directory = \"machine\"\n");
        let good = format!("{unsaid}users_cannot_edit_claims = true\n");
        check(&good).unwrap();
        let claims = format!("{CENTRE}identity = \"claims\"\nusers_cannot_edit_claims = true\n");
        check(&format!("{claims}scopes = [\"profile\", \"offline_access\"]\n")).unwrap();
        for (text, named) in [
            (unsaid.clone(), "users_cannot_edit_claims"),
            (unsaid.replace("[[oidc]]", "[[oidc]]\nname_claim = \"email\""), "\"email\""),
            (format!("{good}{CENTRE}directory = \"machine\"\n"), "taken"),
            (good.replace("\"sso\"", "\"machine\""), "taken"),
            (good.replace("\"sso\"", "\"a/b\""), "id"),
            (good.replace("https:", "http:"), "issuer"),
            (good.replace("\"myksc\"", "\"\""), "client_id"),
            (good.replace("client_secret_file", "#"), "client_secret_file"),
            (format!("{good}client_secret_variable = \"SECRET\"\n"), "client_secret_file"),
            (format!("{good}recheck_secs = 0\n"), "recheck_secs"),
            (CENTRE.to_owned(), "directory"),
            (format!("{CENTRE}directory = \"machine\"\n"), "machine"),
            (format!("{CENTRE}identity = \"claims\"\n"), "users_cannot_edit_claims"),
            (format!("{good}identity = \"claims\"\n"), "none is asked"),
            (claims, "offline_access"),
        ] {
            let refusal = check(&text).unwrap_err();
            assert!(refusal.contains(named), "{text}: {refusal}");
        }
    }

    #[test]
    fn the_secret_comes_from_a_file_that_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "top secret\n").unwrap();
        let text = CENTRE.replace("/nowhere/secret", path.to_str().unwrap());
        let config: Config = toml::from_str(&text).unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        let refusal = config.oidc[0].provider(&[]).unwrap_err().to_string();
        assert!(refusal.contains("client_secret_file") && !refusal.contains("top"), "{refusal}");
        mode(0o600);
        let provider = config.oidc[0].provider(&[]).unwrap();
        assert_eq!(provider.client_secret.expose_secret(), "top secret");
        let rule = "role = \"support\"\nclaim = \"roles\"\nvalues = [\"desk\"]";
        let rules: [Roles; 1] = [toml::from_str(rule).unwrap()];
        let believed: Config = toml::from_str(&format!("{text}users_cannot_edit_claims = true\n")).unwrap();
        let roles = |config: &Config| config.oidc[0].provider(&rules).unwrap().roles.len();
        assert_eq!((roles(&config), roles(&believed)), (0, 1));
    }
}
