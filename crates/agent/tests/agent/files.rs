//! A user's files through a real agent, asked as the portal asks.

mod access;
mod content;
mod crashes;
mod escapes;
mod folders;
mod full;
mod house;
mod links;
mod process;
mod uploads;
