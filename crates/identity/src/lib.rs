//! Sign-in, sessions, API tokens and POSIX identity.
