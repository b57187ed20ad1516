//! The HTTP surface: router, problem+json, views and handlers.
