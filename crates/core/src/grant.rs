//! What the gateway knows of an app and of who may reach it.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::guard::GuardKey;
use crate::id::{AppId, GrantId, SessionId, UserId};
use crate::time::Timestamp;

/// Where an app listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A Unix socket, absolute path.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// The way to one app. Comes from the portal's records only, never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whose app it is.
    pub owner: UserId,
    /// The person's name for it, for error pages.
    pub name: String,
    /// What its pages ask for by themselves, by the beginnings of paths with their queries: no sign of a person.
    pub polls: Vec<String>,
    /// Which messages of its WebSockets show that somebody works.
    pub frames: Frames,
    /// Whether it answers, and where.
    pub state: RouteState,
}

/// Which data frames of a browser (RFC 6455) show that somebody works; control frames never do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frames {
    /// All of them, whatever they hold.
    #[default]
    Any,
    /// None: the pages send them by themselves.
    None,
    /// Those that begin with a key, pointer or clipboard message of RFB (RFC 6143 section 7.5).
    Rfb,
    /// Those that bring input to ttyd(1), not its flow control.
    Ttyd,
    /// Those with a regular message of VS Code's protocol, not its acknowledgements and keep-alives.
    Vscode,
}

/// Whether an app can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteState {
    /// Not yet, or being stopped and started: a page that reloads by itself.
    NotReady,
    /// Stopped or failed: a page that leads back to the dashboard.
    Ended,
    /// It answers here; `authorization` is the value of the header the app expects from us.
    Ready {
        /// Where it, or its guard, listens.
        endpoint: Endpoint,
        /// `Authorization` header for the app, for example `token …`.
        authorization: Option<String>,
        /// What its guard asks for, where it has one: nothing is sent before that has proved itself too.
        guard: Option<GuardKey>,
    },
}

/// A browser's right to reach one app; ends with the session it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Id on record.
    pub id: GrantId,
    /// The only app it opens.
    pub app: AppId,
    /// Who holds it.
    pub user: UserId,
    /// The session it came from; revoked with it.
    pub session: SessionId,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}
