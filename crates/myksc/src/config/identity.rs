//! `[identity]`, `[[directory]]` and `[[roles]]`: the people of the centre, where they are looked up, and what their
//! groups make of them.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use myksc_core::{Role, Translated, User};
use myksc_identity::{AccountPolicy, ClaimRole, LdapAttributes, LdapConfig, ServiceAccount};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Config, broken};
use crate::exit::Failure;

/// Longest id of a directory.
const MAX_ID_BYTES: usize = 32;
/// Shortest time between two looks at everybody.
const MIN_REFRESH_SECS: u64 = 1;

/// The rules for accounts that come from a directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// The lowest UID of a person.
    pub(crate) min_uid: u32,
    /// Folders below which homes lie; anywhere when empty.
    pub(crate) home_roots: Vec<PathBuf>,
    /// Seconds after which a person who has something open here is looked up again.
    pub(crate) refresh_secs: u64,
}

/// A directory of people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    /// Its id.
    pub(crate) id: String,
    /// What it is.
    pub(crate) kind: DirectoryKind,
    /// Its name on the sign-in page; the id when absent.
    pub(crate) title: Option<Translated>,
    /// Servers of an LDAP directory, in the order in which they are asked.
    #[serde(default)]
    pub(crate) urls: Vec<String>,
    /// PEM: the authorities that its servers' certificates come from.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whom the portal looks people up as.
    pub(crate) bind_dn: Option<String>,
    /// The file with its password.
    pub(crate) bind_password_file: Option<PathBuf>,
    /// The environment variable with its password.
    pub(crate) bind_password_variable: Option<String>,
    /// Below which people are.
    #[serde(default)]
    pub(crate) people_base: String,
    /// Below which groups are; as `people_base` when absent.
    pub(crate) groups_base: Option<String>,
    /// Finds a person.
    pub(crate) person_filter: Option<String>,
    /// Finds a person's groups.
    pub(crate) groups_filter: Option<String>,
    /// Finds out whether a person is locked.
    pub(crate) locked_filter: Option<String>,
    /// What the directory calls what.
    #[serde(default)]
    pub(crate) attributes: Attributes,
    /// Most lookups at a time.
    #[serde(default = "default_connections")]
    pub(crate) connections: usize,
    /// Milliseconds that one server may take to connect, and to answer.
    #[serde(default = "default_server_timeout_ms")]
    pub(crate) server_timeout_ms: u64,
    /// Milliseconds that a question may take over all servers.
    #[serde(default = "default_timeout_ms")]
    pub(crate) timeout_ms: u64,
    /// Seconds for which a server that did not answer is asked after the others.
    #[serde(default = "default_retry_secs")]
    pub(crate) retry_secs: u64,
}

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DirectoryKind {
    /// LDAP servers; people sign in by its passwords.
    Ldap,
    /// The name service of this machine, for the accounts of people whom an OpenID provider signs in.
    Nss,
}

/// Names of attributes; those of RFC 2307 when absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attributes {
    name: Option<String>,
    uid_number: Option<String>,
    gid_number: Option<String>,
    home: Option<String>,
    shell: Option<String>,
    display_names: Option<Vec<String>>,
    subject: Option<String>,
    group_name: Option<String>,
}

/// A role and who has it: people of some groups, or with some values of a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Roles {
    /// The role.
    pub(crate) role: Role,
    /// Names of the groups that have it.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    /// The claim of an OpenID provider that gives it.
    pub(crate) claim: Option<String>,
    /// Values of the claim that give it.
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            min_uid: AccountPolicy::DEFAULT_MIN_UID,
            home_roots: vec![PathBuf::from("/home")],
            refresh_secs: 15,
        }
    }
}

impl Identity {
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.min_uid == 0 {
            return Err(broken("identity.min_uid: must be at least 1; root is nobody's account here"));
        }
        if self.refresh_secs < MIN_REFRESH_SECS {
            return Err(broken(format!("identity.refresh_secs: must be at least {MIN_REFRESH_SECS}")));
        }
        match self.home_roots.iter().find(|root| !root.is_absolute()) {
            Some(root) => Err(broken(format!("identity.home_roots: {} is not absolute", root.display()))),
            None => Ok(()),
        }
    }
}

impl Roles {
    /// Whether each rule says who has the role, by groups or by claims that can be believed.
    pub(super) fn check_all(config: &Config) -> Result<(), Failure> {
        let can_believe = config.oidc.iter().any(|oidc| oidc.users_cannot_edit_claims);
        for rule in &config.roles {
            let problem = match &rule.claim {
                None if !rule.values.is_empty() => "values without claim",
                None if rule.groups.is_empty() => "say by which groups, or by which claim and values",
                Some(_) if !rule.groups.is_empty() => "groups and claim; write a rule for each",
                Some(_) if rule.values.is_empty() => "claim without values",
                Some(_) if !can_believe => {
                    "claim: whoever can edit her claims could become anybody; it needs an [[oidc]] with \
                     users_cannot_edit_claims = true"
                }
                _ => continue,
            };
            return Err(broken(format!("roles {:?}: {problem}", rule.role.name())));
        }
        Ok(())
    }

    /// What claims give, for a provider whose claims are believed.
    pub(super) fn by_claims(rules: &[Self]) -> Vec<ClaimRole> {
        let rule = |rule: &Self| {
            let (role, values) = (rule.role, rule.values.clone());
            rule.claim.clone().map(|claim| ClaimRole { role, claim, values })
        };
        rules.iter().filter_map(rule).collect()
    }
}

impl Directory {
    pub(super) fn check_all(directories: &[Self]) -> Result<(), Failure> {
        for directory in directories {
            let id = &directory.id;
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(plain) {
                let message =
                    format!("directory: id {id:?}: use 1 to {MAX_ID_BYTES} characters of a-z, 0-9 and '-'");
                return Err(broken(message));
            }
            if id == User::LOCAL || directories.iter().filter(|other| other.id == *id).count() > 1 {
                return Err(broken(format!("directory: the id {id:?} is taken")));
            }
            directory.check().map_err(|message| broken(format!("directory {id:?}: {message}")))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.timeout_ms == 0 || self.server_timeout_ms == 0 {
            return Err("timeout_ms and server_timeout_ms must be at least 1".to_owned());
        }
        if self.kind == DirectoryKind::Nss {
            return if self.urls.is_empty() {
                Ok(())
            } else {
                Err("urls belong to kind \"ldap\"".to_owned())
            };
        }
        if self.people_base.is_empty() {
            return Err("people_base is missing".to_owned());
        }
        if self.bind_dn.is_none()
            && (self.bind_password_file.is_some() || self.bind_password_variable.is_some())
        {
            return Err("a password without bind_dn".to_owned());
        }
        if self.bind_dn.is_some()
            && self.bind_password_file.is_some() == self.bind_password_variable.is_some()
        {
            return Err("bind_dn needs bind_password_file or bind_password_variable".to_owned());
        }
        self.ldap_without_password().check().map_err(|error| error.to_string())
    }

    /// How its servers are reached, with the password that the file or the environment holds.
    pub(crate) fn ldap(&self) -> Result<LdapConfig, Failure> {
        let service = match &self.bind_dn {
            Some(dn) => Some(ServiceAccount { dn: dn.clone(), password: self.password()? }),
            None => None,
        };
        Ok(LdapConfig { service, ..self.ldap_without_password() })
    }

    /// How long a question may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn ldap_without_password(&self) -> LdapConfig {
        let or = |text: &Option<String>, usual: &str| text.clone().unwrap_or_else(|| usual.to_owned());
        LdapConfig {
            urls: self.urls.clone(),
            ca_file: self.ca_file.clone(),
            service: None,
            people_base: self.people_base.clone(),
            groups_base: or(&self.groups_base, &self.people_base),
            person_filter: or(&self.person_filter, LdapConfig::PERSON_FILTER),
            groups_filter: or(&self.groups_filter, LdapConfig::GROUPS_FILTER),
            locked_filter: self.locked_filter.clone(),
            attributes: self.attributes.with_defaults(),
            connections: self.connections,
            server_timeout: Duration::from_millis(self.server_timeout_ms),
            timeout: self.timeout(),
            retry_after: Duration::from_secs(self.retry_secs),
        }
    }

    fn password(&self) -> Result<SecretString, Failure> {
        let refused = |message: String| broken(format!("directory {:?}: {message}", self.id));
        let password = match (&self.bind_password_file, &self.bind_password_variable) {
            (Some(path), _) => read_private(path)
                .map_err(|reason| refused(format!("bind_password_file {}: {reason}", path.display())))?,
            (None, Some(name)) => std::env::var(name)
                .map_err(|_| refused(format!("the environment variable {name} holds no password")))?,
            (None, None) => String::new(),
        };
        let password = password.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            return Err(refused("the password of bind_dn is empty".to_owned()));
        }
        Ok(SecretString::from(password))
    }
}

impl Attributes {
    fn with_defaults(&self) -> LdapAttributes {
        let usual = LdapAttributes::default();
        let or = |name: &Option<String>, usual: String| name.clone().unwrap_or(usual);
        LdapAttributes {
            name: or(&self.name, usual.name),
            uid_number: or(&self.uid_number, usual.uid_number),
            gid_number: or(&self.gid_number, usual.gid_number),
            home: or(&self.home, usual.home),
            shell: or(&self.shell, usual.shell),
            display_names: self.display_names.clone().unwrap_or(usual.display_names),
            subject: or(&self.subject, usual.subject),
            group_name: or(&self.group_name, usual.group_name),
        }
    }
}

/// A file that nobody but its owner can read, or one of root's that the portal reads by its group, as a cluster gives
/// secrets to pods.
pub(super) fn read_private(path: &Path) -> Result<String, String> {
    check_private(path)?;
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Refuses a file that others can read.
pub(super) fn check_private(path: &Path) -> Result<(), String> {
    let found = std::fs::metadata(path).map_err(|error| error.to_string())?;
    let is_lent = found.uid() == 0 && !rustix::process::geteuid().is_root();
    if !is_private(found.permissions().mode(), is_lent) {
        return Err("others can read it; take their rights away (chmod 600)".to_owned());
    }
    Ok(())
}

/// `is_lent`: the file is root's, so the portal can read it by its group only.
fn is_private(mode: u32, is_lent: bool) -> bool {
    let rights_of_others = if is_lent { 0o037 } else { 0o077 };
    mode & rights_of_others == 0
}

fn default_connections() -> usize {
    8
}

fn default_server_timeout_ms() -> u64 {
    3000
}

fn default_timeout_ms() -> u64 {
    10_000
}

fn default_retry_secs() -> u64 {
    30
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn directory(text: &str) -> Directory {
        toml::from_str(&format!("id = \"centre\"\n{text}")).unwrap()
    }

    #[test]
    fn a_secret_is_its_owners_alone_or_lent_by_root_to_a_group_that_reads() {
        for (mode, own, lent) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o440, false, true),
            (0o460, false, false),
            (0o444, false, false),
        ] {
            assert_eq!((is_private(mode, false), is_private(mode, true)), (own, lent), "{mode:o}");
        }
    }

    const LDAP: &str =
        "kind = \"ldap\"\nurls = [\"ldaps://ldap.centre.example\"]\npeople_base = \"dc=centre\"\n";

    #[test]
    fn a_directory_that_can_not_be_used_is_refused_with_what_is_wrong() {
        Directory::check_all(&[directory(LDAP), directory("kind = \"nss\"")]).expect_err("the same id twice");
        Directory::check_all(&[directory(LDAP)]).unwrap();
        for (text, named) in [
            ("kind = \"ldap\"\npeople_base = \"dc=centre\"", "urls"),
            ("kind = \"nss\"\nurls = [\"ldaps://ldap.centre.example\"]", "urls"),
            ("kind = \"ldap\"\nurls = [\"ldaps://ldap.centre.example\"]", "people_base"),
            (
                "kind = \"ldap\"\nurls = [\"http://ldap.centre.example\"]\npeople_base = \"dc=centre\"",
                "http://",
            ),
            (&format!("{LDAP}bind_dn = \"cn=portal\""), "bind_password_file"),
            (&format!("{LDAP}bind_password_file = \"/etc/x\""), "bind_dn"),
            (&format!("{LDAP}person_filter = \"(uid=kim)\""), "person_filter"),
            (&format!("{LDAP}locked_filter = \"left\""), "locked_filter"),
            (&format!("{LDAP}timeout_ms = 0"), "timeout_ms"),
        ] {
            let refusal = Directory::check_all(&[directory(text)]).unwrap_err().to_string();
            assert!(refusal.contains(named) && refusal.contains("centre"), "{text}: {refusal}");
        }
        for id in ["", "local", "Centre", "a/b", &"x".repeat(33)] {
            let named = Directory { id: id.to_owned(), ..directory(LDAP) };
            assert!(Directory::check_all(&[named]).is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_role_is_given_by_groups_or_by_claims_that_nobody_can_edit() {
        const SSO: &str = "[[oidc]]\nid = \"sso\"\ntitle = { en = \"SSO\", ko = \"SSO\" }\n\
            issuer = \"https://sso.example.org\"\nclient_id = \"myksc\"\n";
        let check = |sso: &str, rule: &str| {
            let text = format!("[[roles]]\nrole = \"operator\"\n{rule}\n{sso}");
            let config: Config = toml::from_str(&text).unwrap();
            Roles::check_all(&config).map_err(|failure| failure.to_string())
        };
        let believed = format!("{SSO}users_cannot_edit_claims = true\n");
        check("", "groups = [\"wheel\"]").unwrap();
        check(&believed, "claim = \"roles\"\nvalues = [\"operator\"]").unwrap();
        for (sso, rule, named) in [
            ("", "", "groups"),
            ("", "values = [\"a\"]", "claim"),
            (&believed, "claim = \"roles\"", "values"),
            (&believed, "claim = \"roles\"\nvalues = [\"a\"]\ngroups = [\"b\"]", "each"),
            (SSO, "claim = \"roles\"\nvalues = [\"a\"]", "users_cannot_edit_claims"),
            ("", "claim = \"roles\"\nvalues = [\"a\"]", "users_cannot_edit_claims"),
        ] {
            let refusal = check(sso, rule).unwrap_err();
            assert!(refusal.contains(named) && refusal.contains("operator"), "{rule}: {refusal}");
        }
    }

    #[test]
    fn claims_give_roles_to_the_people_of_providers_that_are_believed_alone() {
        let text = "[[roles]]\nrole = \"support\"\nclaim = \"roles\"\nvalues = [\"desk\"]\n\
            [[roles]]\nrole = \"operator\"\ngroups = [\"wheel\"]\n";
        let config: Config = toml::from_str(text).unwrap();
        let (claim, values) = ("roles".to_owned(), vec!["desk".to_owned()]);
        assert_eq!(Roles::by_claims(&config.roles), [ClaimRole { role: Role::Support, claim, values }]);
    }

    #[test]
    fn a_password_comes_from_a_file_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "p@ss word\n").unwrap();
        let with = format!("{LDAP}bind_dn = \"cn=portal\"\nbind_password_file = {path:?}");
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let refusal = directory(&with).ldap().unwrap_err().to_string();
        assert!(refusal.contains("others can read it") && !refusal.contains("p@ss"), "{refusal}");
        mode(0o600);
        let config = directory(&with).ldap().unwrap();
        assert_eq!(config.service.as_ref().unwrap().password.expose_secret(), "p@ss word");
        assert!(!format!("{config:?}").contains("p@ss"));
        std::fs::write(&path, "\n").unwrap();
        assert!(directory(&with).ldap().unwrap_err().to_string().contains("empty"));
    }
}
