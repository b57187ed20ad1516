//! What the service shows.

use myksc_core::{FieldProblem, Job, Timestamp, Translated, UserPath};
use myksc_spool::Chunk;
use serde::Serialize;

use crate::form::JobForm;
use crate::scheduler::Capabilities;

/// A system as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SystemView {
    /// Its id in addresses.
    pub id: String,
    /// Its name.
    pub title: Translated,
    /// Kind of its scheduler: `local`, `slurm`, `pbs`; empty until it answered once.
    pub scheduler: String,
    /// Version of its scheduler.
    pub version: String,
    /// Whether its scheduler answers.
    pub state: SystemState,
    /// What its scheduler can do.
    pub capabilities: Capabilities,
    /// When its jobs were last seen.
    pub observed_at: Option<Timestamp>,
}

/// Whether a scheduler answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemState {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// A script made into a form.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ParsedScript {
    /// The form that the script would come from.
    pub form: JobForm,
    /// The head as it stands.
    pub directives: String,
    /// The person's own part as it stands.
    pub body: String,
    /// What does not hold, or is worth knowing.
    pub problems: Vec<FieldProblem>,
}

/// Which stream of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where a job's output is to be read, as its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The file.
    pub path: UserPath,
    /// Whether it grows no more.
    pub is_complete: bool,
}

impl Output {
    /// The piece of text that bytes of the file make; `start` and `size_bytes` as the file system said them,
    /// `from_end` when `start` was counted from the end.
    #[must_use]
    pub fn chunk(&self, bytes: &[u8], start: u64, size_bytes: u64, from_end: bool) -> Chunk {
        myksc_spool::cut(bytes, start, size_bytes, from_end, self.is_complete)
    }
}

/// One page of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// The newest first.
    pub items: Vec<Job>,
    /// What to ask the next page with.
    pub next_cursor: Option<String>,
}
