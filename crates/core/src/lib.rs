//! Ids, people, apps, jobs, contracts, paths, the agent's wire types and the guard's handshake; no I/O.
//!
//! Start reading at [`Error`], the one domain error every service returns, and at [`Identity`], which every
//! call that touches files or processes carries.

pub mod app;
pub mod contract;
pub mod crash;
pub mod error;
pub mod grant;
pub mod guard;
pub mod id;
pub mod job;
pub mod name;
pub mod notice;
pub mod octets;
pub mod path;
pub mod preferences;
pub mod role;
pub mod secret;
pub mod spool;
pub mod text;
pub mod time;
pub mod user;
pub mod wire;

pub use app::{App, AppPhase, AutoStop, AutoStopCause, Resources, Step};
pub use contract::Contract;
pub use error::{Error, FieldProblem, Result};
pub use id::{AppId, GrantId, JobId, NoticeId, PasskeyId, SessionId, TokenId, UploadId, UserId};
pub use job::{Job, JobPhase, Outcome};
pub use name::AppName;
pub use notice::{Notice, NoticeKind};
pub use path::UserPath;
pub use preferences::{AppsAtSignOut, Preferences};
pub use role::{Role, Scope};
pub use text::Translated;
pub use time::Timestamp;
pub use user::{Identity, User};
