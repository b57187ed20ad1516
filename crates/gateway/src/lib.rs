//! The reverse proxy from an app's own origin to the app; usable alone, knows only `myksc-core`.
//!
//! [`Gateway`] holds the tables: routes to apps and the browsers' grants, both in memory. [`server::run`] owns
//! the listeners: it hands requests for the portal's host to the portal's service and those for
//! `<app-id>.<apps domain>` to the app. A request that holds a grant costs no query and no lock.

pub mod config;
pub mod portal;
pub mod server;
pub mod tls;

mod body;
mod connection;
mod cookies;
mod deadline;
mod exchange;
mod fetch_rules;
mod forwarded;
mod framing;
mod gateway;
mod grants;
mod headers;
mod page;
mod proxy;
mod read_map;
mod routes;
mod tunnel;
mod upstream;
mod way_in;
mod worker;

pub use config::{Config, InvalidConfig};
pub use forwarded::TrustedProxies;
pub use gateway::Gateway;
pub use portal::Portal;
pub use server::{Listeners, Protocol, ServeError, ServerConfig};
pub use tls::{CertificateFiles, Certificates, TlsError};
