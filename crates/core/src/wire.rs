//! What the portal and a user's agent say to each other over the agent's Unix socket.
//!
//! HTTP/1.1; bodies are JSON or file bytes; paths are [`crate::UserPath`] as text. What an agent answers is the
//! user's and so hostile: a code is one of [`FileCode`], its HTTP status follows from the code alone.

use serde::{Deserialize, Serialize};

use crate::error::Params;
use crate::id::UploadId;
use crate::path::UserPath;
use crate::time::Timestamp;

/// Most entries on one page of a folder.
pub const MAX_PAGE_ENTRIES: usize = 1000;
/// Most bytes of a file that is written in one request.
pub const MAX_PUT_BYTES: u64 = 16 << 20;
/// Most paths in one removal.
pub const MAX_REMOVED_PATHS: usize = 1000;
/// Most failures that one removal lists.
pub const MAX_LISTED_FAILURES: usize = 100;

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entry {
    /// Name for showing; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Exact path.
    pub path: UserPath,
    /// What it is; links are not followed.
    pub kind: EntryKind,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When its content last changed.
    pub modified_at: Timestamp,
    /// Permission bits, for example 420 (0o644).
    pub mode: u32,
    /// For a link: what it leads to; absent when that does not exist or lies outside the roots.
    pub target_kind: Option<EntryKind>,
    /// For a link: the path it leads to at last; absent as `target_kind` is.
    pub target_path: Option<UserPath>,
    /// For a link: where it leads in its own words; bytes that are not UTF-8 are replaced.
    pub target_text: Option<String>,
}

/// A page of a folder, sorted by the bytes of the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EntryPage {
    /// The folder.
    pub path: UserPath,
    /// Entries of this page.
    pub items: Vec<Entry>,
    /// Asks for the next page; absent on the last.
    pub next_cursor: Option<String>,
}

/// One tree of files that a user reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Root {
    /// Its name, the first part of each path below it.
    pub id: String,
    /// Its path.
    pub path: UserPath,
    /// Size of its file system in bytes; absent when it does not answer.
    pub total_bytes: Option<u64>,
    /// Bytes that the user may still write there.
    pub free_bytes: Option<u64>,
}

/// All roots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootList {
    /// In the order of the configuration.
    pub items: Vec<Root>,
}

/// Asks for a new folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFolder {
    /// Path of the folder; the one that holds it must exist.
    pub path: UserPath,
}

/// Asks for another name or place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What to move.
    pub from: UserPath,
    /// Its new path, name included.
    pub to: UserPath,
    /// Whether something that is there may be replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// Asks for the end of files and folders, with all that is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// At most 1,000.
    pub paths: Vec<UserPath>,
}

/// What a removal could not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalReport {
    /// How many names are still there.
    pub failed: u64,
    /// The first 100 of them.
    pub failures: Vec<RemovalFailure>,
}

/// One name that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalFailure {
    /// Index in [`Removal::paths`] of the path it lies at or below.
    pub index: usize,
    /// The name's path, or that of the nearest folder above it whose path can be written.
    pub path: UserPath,
    /// Why.
    pub code: FileCode,
    /// The same in English.
    pub detail: String,
}

/// Asks for an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUpload {
    /// Where the file will be.
    pub path: UserPath,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether a file that is there may be replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Where the file will be.
    pub path: UserPath,
    /// Bytes it will have.
    pub size_bytes: u64,
    /// Bytes that have arrived.
    pub offset_bytes: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// All unfinished uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UploadList {
    /// Oldest first.
    pub items: Vec<Upload>,
}

/// An answer that is a refusal or a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileProblem {
    /// What is wrong.
    pub code: FileCode,
    /// Values for the text.
    #[serde(default)]
    pub params: Params,
    /// The same in English.
    pub detail: String,
    /// HTTP status, as [`FileCode::status`] says.
    pub status: u16,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal;)*) => {
        /// Why an agent refuses or fails; stable words that the browser translates.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum FileCode { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl FileCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The request itself is not understood.
    RequestInvalid = "request_invalid", 400;
    /// Nothing is there.
    NotFound = "not_found", 404;
    /// The path leads out of the roots, by a link or a mount that moved.
    OutsideRoot = "outside_root", 403;
    /// The user may not do that there.
    PermissionDenied = "permission_denied", 403;
    /// The file system is mounted read-only.
    ReadOnly = "read_only", 403;
    /// Something on the way is not a folder.
    NotAFolder = "not_a_folder", 409;
    /// A folder is there, a file is needed.
    IsFolder = "is_folder", 409;
    /// A pipe, socket or device is there, a file is needed.
    NotAFile = "not_a_file", 409;
    /// A link is there; writing would replace the link, not what it leads to.
    IsLink = "is_link", 409;
    /// The root itself can't be moved, replaced or removed.
    IsRoot = "is_root", 409;
    /// Links lead in a circle.
    TooManyLinks = "too_many_links", 409;
    /// The name is taken.
    FileExists = "file_exists", 409;
    /// The folder that would be replaced holds something.
    FolderNotEmpty = "folder_not_empty", 409;
    /// A folder can't be moved into itself.
    IntoItself = "into_itself", 409;
    /// Moving to another file system needs a copy.
    OtherFileSystem = "other_file_system", 409;
    /// Something else uses it.
    FileBusy = "file_busy", 409;
    /// The file is not the one that the sender saw.
    FileChanged = "file_changed", 412;
    /// The name is longer than the file system takes.
    NameTooLong = "name_too_long", 422;
    /// The path is not one.
    PathInvalid = "path_invalid", 422;
    /// The cursor does not belong to this folder.
    CursorInvalid = "cursor_invalid", 422;
    /// More bytes than allowed, announced or possible there.
    TooLarge = "too_large", 413;
    /// No byte of the file lies in the range.
    RangeUnsatisfiable = "range_unsatisfiable", 416;
    /// The sender's offset is not the upload's.
    OffsetMismatch = "offset_mismatch", 409;
    /// Another request writes to this upload.
    UploadBusy = "upload_busy", 423;
    /// The disk or the user's quota is full.
    DiskFull = "disk_full", 507;
    /// The sender was silent for too long.
    TimedOut = "timed_out", 408;
    /// Too much goes on at once.
    AgentBusy = "agent_busy", 503;
    /// The file system failed.
    FileSystemFailed = "file_system_failed", 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_as_its_word() {
        for code in FileCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert!((400..=599).contains(&code.status()), "{code:?}");
        }
    }
}
