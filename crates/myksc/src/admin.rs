//! `admin`: accounts, contracts and notices, straight in the portal's database; the portal may run or not.
//!
//! Whoever may write the database may do this, so nobody signs in for it. A running portal sees a lock or a new
//! password within seconds.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use myksc_core::Error;
use myksc_identity::{Access, AccessConfig, Actor, Clock, Seal, own_account};
use myksc_store::Store;

use crate::client::output::Output;
use crate::client::{ClientError, Options};
use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::{serve, state_folder};

mod audit;
mod contract;
mod notice;
mod password;
mod user;

/// Arguments of `admin`.
#[derive(Debug, Args)]
pub(crate) struct Admin {
    /// Configuration file.
    #[arg(long, env = "MYKSC_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Local accounts.
    #[command(subcommand)]
    User(user::Command),
    /// Contracts: for how long and how much a person may use.
    #[command(subcommand)]
    Contract(contract::Command),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// What everybody is told on the sign-in page and the dashboard.
    #[command(subcommand)]
    Notice(notice::Command),
}

/// What the commands work with.
struct Desk {
    store: Store,
    access: Access,
    actor: Actor,
    out: Output,
    /// Whether the portal's own accounts are the only ones.
    is_of_one_person: bool,
}

impl Admin {
    /// Runs one command.
    pub(crate) async fn run(self, options: Options) -> Result<(), Failure> {
        let config = Config::load(self.config.as_deref())?;
        if !self.command.may_come_first() {
            require_database(&config)?;
        }
        if config.state.database.is_none() {
            // The database is a file in there; made by another account it would lock the portal out.
            state_folder::prepare(&config.state_folder()?)?;
        }
        let store = serve::open_store(&config).await?;
        // What is sealed is nothing to this desk: a key of its own opens nothing.
        let seal = Seal::new(&random_key()?).or_exit(Exit::Failed, "a key")?;
        let desk = Desk {
            access: Access::new(&store, AccessConfig::new(seal), &Clock::system()),
            actor: Actor::operator(&own_account().name),
            out: Output::new(options.is_json()),
            is_of_one_person: config.is_of_one_person(),
            store,
        };
        let done = match self.command {
            Command::User(command) => command.run(&desk).await,
            Command::Contract(command) => command.run(&desk).await,
            Command::Audit(command) => command.run(&desk).await,
            Command::Notice(command) => command.run(&desk).await,
        };
        desk.store.close().await;
        done.map_err(failure)
    }
}

impl Command {
    /// Whether it makes sense before the portal was ever started.
    fn may_come_first(&self) -> bool {
        matches!(self, Self::User(user::Command::Add(_)))
    }
}

fn random_key() -> Result<[u8; 32], Failure> {
    let mut key = [0u8; 32];
    getrandom::fill(&mut key).or_exit(Exit::Failed, "the kernel's random source")?;
    Ok(key)
}

/// Refuses to make an empty database where somebody only mistook the folder.
fn require_database(config: &Config) -> Result<(), Failure> {
    let address = config.database()?;
    match address.strip_prefix("sqlite:").map(Path::new) {
        Some(path) if !path.exists() => {
            let message =
                format!("there is no portal's database {} (state.folder, MYKSC_STATE_DIR)", path.display());
            Err(Failure::new(Exit::StateFolder, message))
        }
        _ => Ok(()),
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
enum Refusal {
    Portal(Error),
    Terminal(ClientError),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Portal(error)
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        Self::Terminal(error)
    }
}

fn failure(refusal: Refusal) -> Failure {
    let error = match refusal {
        Refusal::Terminal(error) => return error.into(),
        Refusal::Portal(error) => error,
    };
    let exit = match &error {
        Error::NotFound { .. } => Exit::NotFound,
        Error::Invalid(_) | Error::Conflict { .. } | Error::Forbidden { .. } => Exit::Refused,
        Error::Unavailable { code: "database_away", .. } => Exit::Database,
        _ => Exit::Failed,
    };
    match error {
        Error::Internal(cause) => Failure::caused(exit, "internal error", cause.as_ref()),
        error => Failure::new(exit, error),
    }
}
