//! Systems, queues, scripts and jobs, and the schedulers that run them.

mod form;
mod local;
mod reason;
mod roots;
pub mod scheduler;
pub mod script;
mod service;
mod templates;

pub use form::JobForm;
pub use local::{Local, LocalConfig, LocalQueue};
pub use myksc_spool::Chunk;
pub use roots::Roots;
pub use scheduler::{Capabilities, Queue, QueueDefaults, QueueLimits, QueueLoad};
pub use service::{
    JobPage, Jobs, Output, ParsedScript, RootsOf, Stream, SystemConfig, SystemState, SystemView,
};
pub use templates::ScriptTemplate;
