//! `myksc`: the portal, its administration, and the command-line client of its public API.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit as _};

mod admin;
mod agent;
mod client;
mod config;
mod exit;
mod log;
mod memory;
mod serve;
mod state_folder;

/// What `--version` says: a build for development is many times slower, and nobody should measure or run one.
const LONG_VERSION: &str = if cfg!(debug_assertions) {
    concat!(env!("CARGO_PKG_VERSION"), " (debug build)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (release build)")
};

/// The web portal of a supercomputing centre, and a client for it.
#[derive(Debug, Parser)]
#[command(name = "myksc", version, long_version = LONG_VERSION, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    options: client::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the portal.
    Serve(serve::Serve),
    /// Look after accounts and contracts, on the portal's machine.
    Admin(admin::Admin),
    /// Look at the portal's configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document of the portal's interface.
    Openapi {
        /// Print who may do what instead: the table of all operations with role and token scopes, as Markdown.
        #[arg(long)]
        access: bool,
    },
    /// What the portal starts for a user; not for people.
    #[command(subcommand, hide = true)]
    Agent(agent::Command),
    #[command(flatten)]
    Client(client::Command),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with the configuration, or print what holds.
    Check {
        /// Configuration file.
        #[arg(long, env = "MYKSC_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Print the commented example; as JSON, the values that hold where nothing is configured.
    Reference,
}

fn main() -> ExitCode {
    // Fails only where another one is installed already, and nothing has run before this line.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Agent(command) => return command.run(),
        Command::Serve(serve) => {
            memory::keep_small();
            serve.run()
        }
        Command::Admin(admin) => block_on(admin.run(cli.options)),
        Command::Config(command) => command.run(cli.options.is_json()),
        Command::Openapi { access: false } => openapi(),
        Command::Openapi { access: true } => print(&myksc_api::access_table()),
        Command::Client(command) => block_on(client::run(command, cli.options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody can be told that standard error is closed.
            let _ = writeln!(std::io::stderr(), "myksc: {failure}");
            failure.code()
        }
    }
}

impl ConfigCommand {
    fn run(&self, json: bool) -> Result<(), Failure> {
        match self {
            Self::Reference if json => print_json(&Config::default()),
            Self::Reference => print(config::REFERENCE),
            Self::Check { config } => {
                let config = Config::load(config.as_deref())?;
                if json {
                    return print_json(&config);
                }
                print(&toml::to_string(&config).or_exit(Exit::Failed, "the configuration")?)
            }
        }
    }
}

fn print_json(config: &Config) -> Result<(), Failure> {
    print(&(serde_json::to_string_pretty(config).or_exit(Exit::Failed, "the configuration")? + "\n"))
}

fn openapi() -> Result<(), Failure> {
    print(&myksc_api::document_text().or_exit(Exit::Failed, "the document")?)
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_exit(Exit::Failed, "the client can't start")?;
    let done = runtime.block_on(work);
    // A read of standard input that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    done
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).or_exit(Exit::Failed, "standard output")
}
