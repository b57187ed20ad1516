//! The user's own process: files, the supervisor of local apps and jobs, the guard of an app on a cluster, and the pages
//! of a desktop and a terminal.

pub mod desktop;
pub mod files;
pub mod guard;
pub mod supervisor;
pub mod terminal;

mod accept;
mod page;

pub use page::PageError;
