//! The folder protocol between the portal and the supervisor of a local app or job.
//!
//! A [`Folder`] holds the orders ([`myksc_core::spool::Spec`]) and the report
//! ([`myksc_core::spool::Status`]). Its `lock` is held by the supervisor as long as it lives, so lock and report
//! together tell the whole truth: [`Folder::observe`]. Starting a supervisor twice, or again after any death, is
//! always harmless: it does what is left to do and nothing else.

mod dropped;
mod error;
mod folder;
mod log;
mod start;
mod state;
mod watch;

pub use dropped::Dropped;
pub use error::SpoolError;
pub use folder::{Folder, Lock};
pub use log::{Chunk, cut, read_chunk};
pub use start::SupervisorProgram;
pub use state::State;
pub use watch::{Change, Changes, WatchSet, watcher};
