//! The HTTP surface of the portal: `/api/v1`, the live events, and the web UI that is embedded in the binary.
//!
//! Start reading at [`router`], which puts the layers around the handlers of `handlers/<resource>.rs`. Every
//! handler takes an [`AppState`], says with [`Caller`] that somebody must be signed in, and answers a value or
//! a [`Problem`] (RFC 9457); `?` on a [`myksc_core::Error`] makes one.

mod app_view;
mod caller;
mod chunk;
mod entrance;
mod event_streams;
mod extract;
mod handlers;
mod idempotency;
mod lease;
mod notices;
mod openapi;
mod origin;
mod peer;
mod policy;
mod problem;
mod request_id;
mod router;
mod security;
mod state;
#[cfg(test)]
mod testing;
mod web_ui;

pub use caller::{Caller, Credential};
pub use entrance::Entrance;
pub use event_streams::EventStreams;
pub use handlers::files::RecordedReads;
pub use notices::{MAX_NOTICES, Notices};
pub use openapi::{document, text as document_text};
pub use policy::access_table;
pub use problem::Problem;
pub use router::router;
pub use state::{AppState, NamedSystem, Site};
