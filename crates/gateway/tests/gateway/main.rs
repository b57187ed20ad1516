//! The gateway through real sockets, in front of small apps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails right there")]

mod app;
mod rig;

mod proxying;
mod sockets;
mod way_in;
