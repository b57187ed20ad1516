//! The portal's side of a user's agent: found or started, asked, streamed.
//!
//! [`Files`] has one call for each thing an agent does. Each carries the [`myksc_core::Identity`] whose files are
//! meant; the agent runs as that user, so the kernel decides what it may. What an agent answers is the user's and
//! so hostile: it is bounded, parsed into our types, and no header of it goes any further.

mod agents;
mod calls;
mod client;
mod config;
mod content;
mod elsewhere;
mod error;
mod pace;

pub use calls::Files;
pub use config::{AgentProgram, Config, Deadlines, FurtherRoot};
pub use content::{ByteRange, Chunk, Content, ContentBody, Read, WriteConditions};
pub use elsewhere::Elsewhere;
pub use error::FilesError;

#[cfg(test)]
mod tests;
