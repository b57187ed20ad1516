//! The gateway through real sockets, in front of small apps.

mod app;
mod rig;

mod proxying;
mod sockets;
mod way_in;
