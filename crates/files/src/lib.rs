//! The portal's side of a user's agent: found or started, asked, streamed.
