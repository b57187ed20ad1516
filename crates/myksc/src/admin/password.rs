//! Where a password of an account comes from: standard input, or made here and printed once.

use clap::Args;
use myksc_identity::generate_password;
use secrecy::{ExposeSecret as _, SecretString};

use crate::client::{Result, read_password};

/// How a command gets a password.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// Read the password from standard input; without it one is made and printed once.
    #[arg(long)]
    password_stdin: bool,
}

/// A password, and whether it was made here.
pub(super) struct Chosen {
    pub(super) password: SecretString,
    generated: bool,
}

impl Source {
    /// Reads or makes the password.
    pub(super) fn choose(&self) -> Result<Chosen> {
        let password =
            if self.password_stdin { SecretString::from(read_password()?) } else { generate_password() };
        Ok(Chosen { password, generated: !self.password_stdin })
    }
}

impl Chosen {
    /// The password if it must be printed.
    pub(super) fn to_print(&self) -> Option<&str> {
        self.generated.then(|| self.password.expose_secret())
    }
}
