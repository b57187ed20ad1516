//! Systems, queues, scripts and jobs, and the schedulers that run them.
//!
//! [`Jobs`] is the service behind the API. [`script`] turns the batch form into a script and back, purely.
//! A [`scheduler::Scheduler`] runs jobs: [`Local`] on this machine, [`Slurm`] and [`Pbs`] on a cluster by their commands, and
//! [`SlurmRest`] by slurmrestd. A [`transport::Transport`] runs the commands of those that have commands.

mod commands;
mod follow;
mod form;
mod local;
mod pbs;
mod reason;
mod roots;
mod rules;
pub mod scheduler;
pub mod script;
mod service;
mod slurm;
mod templates;
pub mod transport;

pub use commands::CommandsConfig;
pub use form::JobForm;
pub use local::{Local, LocalConfig, LocalQueue};
pub use myksc_spool::Chunk;
pub use pbs::Pbs;
pub use roots::Roots;
pub use rules::{Maintenance, OptionField, SiteOption, SiteRules};
pub use scheduler::{Capabilities, Queue, QueueDefaults, QueueLimits, QueueLoad};
pub use service::{
    JobPage, Jobs, Output, ParsedScript, RootsOf, Stream, SystemConfig, SystemState, SystemView, TaskPage,
};
pub use slurm::{ApiVersion, ApiVersionError, Slurm, SlurmRest, SlurmRestConfig};
pub use templates::ScriptTemplate;
