//! Processes that end: our own, and, where we are the first process of a container, whatever others left behind.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::time::timeout;

/// Waits for children. Nothing else in the process may do so.
pub(crate) struct Children {
    signals: unix::Signal,
}

impl Children {
    /// Needs a Tokio runtime with I/O. To be made before the first child.
    ///
    /// # Errors
    /// When the system gives no signal handler.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { signals: signal(SignalKind::child())? })
    }

    /// The next child that ended, and how.
    pub(crate) async fn next(&mut self) -> (Pid, WaitStatus) {
        loop {
            if let Ok(Some(ended)) = wait(WaitOptions::NOHANG) {
                return ended;
            }
            self.signals.recv().await;
        }
    }

    /// Asks the process group of a child to end, and makes it after `grace`.
    pub(crate) async fn end_group(&mut self, leader: Pid, grace: Duration) {
        terminate(leader, Signal::TERM);
        if timeout(grace, self.end_of(leader)).await.is_err() {
            terminate(leader, Signal::KILL);
            self.end_of(leader).await;
        }
    }

    /// Waits for the end of one child; gives how it ended.
    pub(crate) async fn end_of(&mut self, wanted: Pid) -> WaitStatus {
        loop {
            let (pid, status) = self.next().await;
            if pid == wanted {
                return status;
            }
        }
    }
}

/// Signals a process group; one that is gone already is no error.
pub(crate) fn terminate(leader: Pid, how: Signal) {
    let _ = kill_process_group(leader, how);
}
