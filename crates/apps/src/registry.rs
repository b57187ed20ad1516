//! A person's sign-in at an image registry, on its way to a secret of her namespace.

use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::FieldProblem;

use crate::image::normal_host;

/// The longest account name, in bytes.
const MAX_ACCOUNT_BYTES: usize = 255;
/// The longest password; tokens of registries are some kilobytes.
const MAX_PASSWORD_BYTES: usize = 16 << 10;

/// Name and password for one registry.
#[derive(Debug)]
pub struct RegistryLogin {
    /// The registry's host, with its port if it has one.
    pub host: String,
    /// The person's account there.
    pub account: String,
    /// Its password or token.
    pub password: SecretString,
}

impl RegistryLogin {
    /// Checks what a person typed.
    ///
    /// # Errors
    /// Each field that does not hold.
    pub fn parse(host: &str, account: &str, password: SecretString) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let host = parse_host(host).map_err(|problem| problems.push(problem)).unwrap_or_default();
        let account = account.trim();
        // A colon ends the name in basic authentication (RFC 7617).
        let is_account = !account.contains(|one: char| one == ':' || one.is_control());
        if account.is_empty() {
            problems.push(FieldProblem::new("account", "required", "this field is required"));
        } else if !is_account || account.len() > MAX_ACCOUNT_BYTES {
            let detail = "an account's name is one line without a colon";
            problems.push(FieldProblem::new("account", "registry_account_invalid", detail));
        }
        let text = password.expose_secret();
        if text.is_empty() {
            problems.push(FieldProblem::new("password", "required", "this field is required"));
        } else if text.contains(char::is_control) || text.len() > MAX_PASSWORD_BYTES {
            let detail = format!("a password is one line of at most {MAX_PASSWORD_BYTES} bytes");
            problems.push(FieldProblem::new("password", "registry_password_invalid", detail));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { host, account: account.to_owned(), password })
    }
}

/// The host of a registry as references of images have it.
///
/// # Errors
/// What is none.
pub(crate) fn parse_host(text: &str) -> Result<String, FieldProblem> {
    normal_host(text.trim()).ok_or_else(|| {
        let detail =
            "give the registry's host alone, for example registry.example.org or registry.example.org:5000";
        FieldProblem::new("host", "registry_host_invalid", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(host: &str, account: &str, password: &str) -> Vec<String> {
        match RegistryLogin::parse(host, account, SecretString::from(password)) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.field).collect(),
        }
    }

    #[test]
    fn a_login_is_a_host_an_account_and_a_password() {
        let login = RegistryLogin::parse(" index.docker.io ", " kim ", SecretString::from("p:w")).unwrap();
        assert_eq!((login.host.as_str(), login.account.as_str()), ("docker.io", "kim"));
        assert!(!format!("{login:?}").contains("p:w"));
        for host in [
            "",
            "https://r.example.org",
            "r.example.org/lab",
            "r",
            "r.example.org:x",
            "-r.example.org",
            "r..org",
        ] {
            assert_eq!(fields(host, "kim", "x"), ["host"], "{host}");
        }
        assert_eq!(fields("r.example.org:5000", "kim", "x"), [""; 0]);
        assert_eq!(fields("r.example.org", "ki:m", "x"), ["account"]);
        assert_eq!(fields("r.example.org", "", ""), ["account", "password"]);
        assert_eq!(fields("r.example.org", "kim", "a\nb"), ["password"]);
    }
}
