//! The catalogue, launches, and the runtimes apps run on.
