//! The command-line client: the portal's public API and nothing else.

use clap::{Args, Subcommand};

use crate::exit::Failure;

mod account;
mod address;
mod app;
mod credentials;
mod device;
mod download;
mod error;
mod file;
mod follow;
mod http;
mod job;
pub(crate) mod output;
mod patience;
mod registry;
pub(crate) mod size;
mod tls;
mod upload;
mod width;

pub(crate) use account::read_password;
pub(crate) use error::{ClientError, Problem, Result};

/// Commands of the client.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in and keep an API token.
    Login(account::Login),
    /// Delete the kept API token.
    Logout,
    /// Who is signed in.
    Whoami,
    /// The contract, and what is in use of it.
    Quota,
    /// Interactive apps.
    #[command(subcommand)]
    App(app::Command),
    /// Registries of private images.
    #[command(subcommand)]
    Registry(registry::Command),
    /// Batch jobs.
    #[command(subcommand)]
    Job(job::Command),
    /// Files, named as `home/…`.
    #[command(subcommand)]
    File(file::Command),
}

/// What every command of the client takes.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Options {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl Options {
    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }
}

/// Runs one command.
pub(crate) async fn run(command: Command, options: Options) -> Result<(), Failure> {
    let out = output::Output::new(options.json);
    let done = match command {
        Command::Login(login) => login.run(&out).await,
        Command::Logout => account::logout(&out).await,
        Command::Whoami => account::whoami(&out).await,
        Command::Quota => account::quota(&out).await,
        Command::App(command) => command.run(&out).await,
        Command::Registry(command) => command.run(&out).await,
        Command::Job(command) => command.run(&out).await,
        Command::File(command) => command.run(&out).await,
    };
    Ok(done?)
}
