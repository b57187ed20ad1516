//! What people do with files, in the audit log: the paths, never what is in the files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use myksc_core::wire::{RemovalReport, Upload};
use myksc_core::{User, UserId, UserPath};
use myksc_files::FilesError;
use myksc_identity::{Actor, audited_each};
use myksc_store::Store;

use super::refusal::{code_of, to_problem};
use crate::caller::Caller;
use crate::peer::PeerAddress;
use crate::problem::Problem;

/// How long a file that is read in parts stands in the log by its first part.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// Files that are remembered at most.
const MAX_KNOWN: usize = 10_000;

/// Writes down what somebody does.
#[derive(Clone)]
pub(super) struct Recorder {
    store: Store,
    actor: Actor,
}

/// The files that were read lately and stand in the log already; cheap to clone.
#[derive(Clone, Default)]
pub struct RecordedReads {
    known: Arc<Mutex<HashMap<(UserId, UserPath), Instant>>>,
}

impl Recorder {
    pub(super) fn new(store: &Store, caller: &Caller, peer: &PeerAddress) -> Self {
        Self { store: store.clone(), actor: Actor::remote(&caller.user.name, peer.0) }
    }

    /// Does `act` to one object.
    pub(super) async fn record<T>(
        &self,
        action: &'static str,
        object: &str,
        act: impl Future<Output = Result<T, FilesError>>,
    ) -> Result<T, Problem> {
        self.record_as_is(action, object, act).await?.map_err(to_problem)
    }

    /// The same, for who looks at the refusal himself.
    pub(super) async fn record_as_is<T>(
        &self,
        action: &'static str,
        object: &str,
        act: impl Future<Output = Result<T, FilesError>>,
    ) -> Result<Result<T, FilesError>, Problem> {
        let outcome = |_, answer: &Result<T, FilesError>| answer.as_ref().err().map_or("done", code_of);
        Ok(audited_each(&self.store, &self.actor, action, &[object.to_owned()], act, outcome).await?)
    }

    /// Takes what may be the last bytes of an upload, with which the file gets its name.
    pub(super) async fn record_upload(
        &self,
        path: &UserPath,
        act: impl Future<Output = Result<Upload, FilesError>>,
    ) -> Result<Upload, Problem> {
        let outcome = |_, answer: &Result<Upload, FilesError>| match answer {
            Ok(upload) if upload.offset_bytes < upload.size_bytes => "unfinished",
            Ok(_) => "done",
            Err(error) => code_of(error),
        };
        let objects = [path.to_string()];
        let upload = audited_each(&self.store, &self.actor, "upload_file", &objects, act, outcome);
        upload.await?.map_err(to_problem)
    }

    /// Removes files, each with an entry of its own.
    pub(super) async fn record_removal(
        &self,
        paths: &[UserPath],
        act: impl Future<Output = Result<RemovalReport, FilesError>>,
    ) -> Result<RemovalReport, Problem> {
        let objects: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let removal = audited_each(&self.store, &self.actor, "remove_file", &objects, act, removed);
        removal.await?.map_err(to_problem)
    }
}

impl RecordedReads {
    /// Whether a part of the file was read lately.
    pub(super) fn know(&self, user: &User, path: &UserPath) -> bool {
        let key = (user.id.clone(), path.clone());
        self.known().get(&key).is_some_and(|read_at| read_at.elapsed() < KNOWN_FOR)
    }

    /// Notes that the file was read and that this is on record.
    pub(super) fn note(&self, user: &User, path: &UserPath) {
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.retain(|_, read_at| read_at.elapsed() < KNOWN_FOR);
        }
        if known.len() >= MAX_KNOWN {
            // Rather recorded twice than remembered without end.
            known.clear();
        }
        known.insert((user.id.clone(), path.clone()), Instant::now());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(UserId, UserPath), Instant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the path of an index. A report names the first failures only; behind those nothing is certain.
fn removed(index: usize, answer: &Result<RemovalReport, FilesError>) -> &'static str {
    let report = match answer {
        Ok(report) => report,
        Err(error) => return code_of(error),
    };
    let failure = report.failures.iter().find(|failure| failure.index == index);
    let is_whole = u64::try_from(report.failures.len()) == Ok(report.failed);
    failure.map_or(if is_whole { "done" } else { "not_all_removed" }, |failure| failure.code.name())
}
