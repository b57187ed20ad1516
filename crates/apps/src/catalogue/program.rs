//! Looking for a recipe's program on this machine.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::process::Command;

use super::Program;

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(60);

/// Finds programs, and remembers their versions until their files change.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Folders from the configuration, looked into before those of `PATH`.
    folders: Vec<PathBuf>,
    versions: Mutex<HashMap<PathBuf, (SystemTime, Option<String>)>>,
}

impl Programs {
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, versions: Mutex::default() }
    }

    /// Where a program is: by its environment variable, in the configured folders or in those of `PATH`.
    pub(crate) fn locate(&self, program: &Program) -> Option<PathBuf> {
        if let Some(path) = program.variable.as_ref().and_then(env::var_os).map(PathBuf::from) {
            return is_executable(&path).then_some(path);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = self.folders.iter().cloned().chain(env::split_paths(&path));
        let mut candidates = folders.map(|folder| folder.join(&program.name));
        candidates.find(|path| path.is_absolute() && is_executable(path))
    }

    /// The version, if it was asked for since the file changed.
    pub(crate) fn known_version(&self, path: &Path) -> Option<String> {
        let changed_at = changed_at(path)?;
        self.versions().get(path).filter(|(at, _)| *at == changed_at).and_then(|(_, version)| version.clone())
    }

    /// Asks the program for its version, once for each state of its file.
    pub(crate) async fn learn_version(&self, path: &Path, program: &Program) -> Option<String> {
        let changed_at = changed_at(path)?;
        let known = self.versions().get(path).filter(|(at, _)| *at == changed_at).cloned();
        if let Some((_, version)) = known {
            return version;
        }
        let version = ask_version(path, program).await;
        self.versions().insert(path.to_owned(), (changed_at, version.clone()));
        version
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<PathBuf, (SystemTime, Option<String>)>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_version(path: &Path, program: &Program) -> Option<String> {
    if program.version_arguments.is_empty() {
        return None;
    }
    let output = Command::new(path)
        .args(&program.version_arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(VERSION_TIMEOUT, output).await.ok()?.ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned();
    // What a program prints is its own; a version is short and plain.
    let is_plain = (1..=60).contains(&line.len()) && !line.contains(char::is_control);
    (output.status.success() && is_plain).then_some(line)
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
