//! The user's own process: files, and the supervisor of local apps and jobs.

pub mod supervisor;

pub mod files;
