//! What the portal and a user's agent say to each other over the agent's Unix socket.
//!
//! HTTP/1.1; bodies are JSON or file bytes; paths are [`crate::UserPath`] as text.
