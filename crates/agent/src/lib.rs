//! The user's own process: files, the supervisor of local apps and jobs, and the guard of an app on a cluster.

pub mod files;
pub mod guard;
pub mod supervisor;

mod accept;
