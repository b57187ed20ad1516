//! An app behind its guard, asked as the gateway asks and as strangers do.

mod process;
mod rig;
mod strangers;
mod traffic;
