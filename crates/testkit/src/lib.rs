//! The portal under test: the real one, in this process, on a free port, with people in it.
//!
//! A test binary that uses it has one test by the name of [`process::TEST`] that calls [`process::run_if_asked`]:
//! agents and supervisors are this very binary, started again.
//!
//! ```ignore
//! let portal = TestPortal::start().await;
//! let kim = portal.browser("kim").await;
//! kim.get("/api/v1/session").await.expect(200);
//! ```

mod client;
mod events;
mod portal;
pub mod process;

pub use client::{Answer, Client};
pub use events::{Event, Events};
pub use portal::{PASSWORD, TestPortal};
