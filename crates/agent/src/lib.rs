//! The user's own process: files, and the supervisor of local apps and jobs.

pub mod files;
pub mod supervisor;
