//! The reverse proxy from an app's own origin to the app; usable alone.
