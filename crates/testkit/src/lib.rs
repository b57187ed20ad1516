//! The portal under test, started in process on a free port.
