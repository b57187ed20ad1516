//! The folder protocol between the portal and the supervisor of a local app or job.
