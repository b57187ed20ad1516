//! What lock and report say together.

use myksc_core::spool::{Exit, Status};

use crate::error::SpoolError;
use crate::folder::Folder;

/// Where the present orders of a folder stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No process of these orders ever ran. A supervisor may be on its way; starting one more does no harm.
    NotStarted,
    /// A supervisor lives; `status` says how far it is.
    Running(Status),
    /// The process ended and everything it started is gone.
    Ended {
        /// The whole report.
        status: Status,
        /// Its `exit`.
        exit: Exit,
    },
    /// A process ran and its supervisor died without saying how it ended. A new supervisor ends what is left
    /// and reports [`myksc_core::spool::ExitCause::SupervisorLost`].
    Lost(Status),
}

impl Folder {
    /// Looks at orders, report and lock.
    ///
    /// # Errors
    /// When there are no orders or a file is not readable.
    pub fn observe(&self) -> Result<State, SpoolError> {
        let generation = self.read_spec()?.generation;
        let supervised = self.is_supervised()?;
        let state = self.state_of(generation, supervised)?;
        if !matches!(state, State::Lost(_)) {
            return Ok(state);
        }
        // A supervisor that took the lock between the two looks is not a dead one.
        let supervised = self.is_supervised()?;
        self.state_of(generation, supervised)
    }

    fn state_of(&self, generation: u32, supervised: bool) -> Result<State, SpoolError> {
        let Some(status) = self.read_status()?.filter(|status| status.generation == generation) else {
            return Ok(State::NotStarted);
        };
        Ok(match (&status.exit, supervised, &status.process) {
            (Some(exit), _, _) => State::Ended { exit: exit.clone(), status },
            (None, true, _) => State::Running(status),
            (None, false, Some(_)) => State::Lost(status),
            (None, false, None) => State::NotStarted,
        })
    }
}
