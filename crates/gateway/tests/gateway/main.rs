//! The gateway through real sockets, in front of small apps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails right there")]

mod app;
mod certificates;
mod rig;

mod answers;
mod guards;
mod http2;
mod proxies;
mod proxying;
mod sockets;
mod streams;
mod tls;
mod way_in;
