//! `registry …`: sign-ins at image registries.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::account::read_password;
use super::http::query_value;
use super::output::{Output, text};
use super::{Result, credentials};

const REGISTRIES: &str = "/api/v1/registries";

/// Commands about registries of private images. A registry is named by its host, with its port if it has one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The registries that a password is stored for.
    List,
    /// Store a password or token for a registry. It is read from standard input, for arguments can be seen by others.
    Login {
        /// The registry's host, for example registry.example.org.
        host: String,
        /// Your account there.
        #[arg(long)]
        user: String,
        /// Read the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Remove the password for a registry.
    Logout {
        /// The registry's host.
        host: String,
    },
}

impl Command {
    /// Runs the command.
    pub(crate) async fn run(&self, out: &Output) -> Result<()> {
        let client = credentials::client()?;
        let path = |host: &str| format!("{REGISTRIES}/{}", query_value(host));
        match self {
            Self::List => {
                let registries = client.list(REGISTRIES).await?;
                out.list(&registries, ["HOST", "USER", "CHANGED"], |registry| {
                    ["/host", "/account", "/changed_at"].map(|field| text(registry, field))
                })
            }
            Self::Login { host, user, .. } => {
                let body = json!({ "account": user, "password": read_password()? });
                let stored = client.send(Method::PUT, &path(host), Some(&body)).await?;
                out.value(&stored, |stored| format!("The password for {} is stored.", text(stored, "/host")))
            }
            Self::Logout { host } => {
                client.send(Method::DELETE, &path(host), None::<&Value>).await?;
                out.value(&json!({ "host": host }), |_| format!("The password for {host} is removed."))
            }
        }
    }
}
