//! The pages of a desktop and a terminal, asked as a browser asks.

mod desktop;
mod rig;
mod terminal;
