//! Starting a supervisor beside the portal.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;
use tokio::task::JoinHandle;

use myksc_core::crash;

use crate::error::{SpoolError, at};
use crate::folder::Folder;

/// How to start a supervisor: a program and the arguments before the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisorProgram {
    /// The program, absolute.
    pub program: PathBuf,
    /// Arguments; the folder's path comes behind them.
    pub arguments: Vec<OsString>,
}

impl SupervisorProgram {
    /// This very program as `… agent supervise FOLDER`. Holds on when the file is replaced by a newer one.
    #[must_use]
    pub fn own() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec!["agent".into(), "supervise".into()] }
    }
}

impl Folder {
    /// Starts a supervisor for this folder. It leaves this process's session by itself, outlives it, and gets
    /// only `PATH` of its environment (and, the first one of a folder, the crash point of a test). Call within a tokio runtime, which
    /// collects its exit status; the handle is done when it ended, and may be dropped.
    ///
    /// # Errors
    /// When the program does not start or `supervisor.log` can't be written.
    pub fn start_supervisor(&self, program: &SupervisorProgram) -> Result<JoinHandle<()>, SpoolError> {
        let log_path = self.path().join("supervisor.log");
        // A test that lets one die wants to see the next one do well.
        let may_crash = !log_path.exists();
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&log_path);
        let log = at(&log_path, log)?;
        let mut command = Command::new(&program.program);
        command.args(&program.arguments).arg(self.path()).current_dir("/").env_clear();
        let passed_on = [Some("PATH"), may_crash.then_some(crash::VARIABLE)];
        for name in passed_on.into_iter().flatten() {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command
            .spawn()
            .map_err(|source| SpoolError::Supervisor { program: program.program.clone(), source })?;
        let name = self.name().to_owned();
        Ok(tokio::spawn(async move {
            match child.wait().await {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::warn!(folder = name, %status, "a supervisor ended in an unusual way"),
                Err(error) => tracing::warn!(folder = name, %error, "a supervisor's end was not seen"),
            }
        }))
    }
}
