//! The points at which a sudden death must lose nothing and double nothing.
//!
//! A test starts a process with `MYKSC_CRASH_AT` set to a point's name; the process kills itself there as
//! `kill -9` would. Every point of [`CrashPoint::ALL`] is tried: for each of [`CrashPoint::FAMILIES`] there is a test
//! that goes through [`CrashPoint::of`] it and tells what it tried. A supervisor holds apps and jobs alike, so its points
//! ([`CrashPoint::of_supervisor`]) are tried with both.

use std::sync::OnceLock;

/// Name of the environment variable that chooses the point.
pub const VARIABLE: &str = "MYKSC_CRASH_AT";

/// The process that a point is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// `myksc serve`.
    Portal,
    /// `myksc agent supervise`, one for each app or job.
    Supervisor,
    /// `myksc agent files`, one for each person.
    Agent,
}

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal in $process:ident,)*) => {
        /// A place in the code where the process may be killed by a test.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CrashPoint { $($(#[$doc])* $variant,)* }

        impl CrashPoint {
            /// All points.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The point's name, for example `launch.recorded`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What dies there.
            #[must_use]
            pub fn process(self) -> Process {
                match self { $(Self::$variant => Process::$process,)* }
            }
        }
    };
}

points! {
    /// The app and its launch intent are committed, nothing is done yet.
    LaunchRecorded = "launch.recorded" in Portal,
    /// The app's folder holds its orders, no supervisor runs.
    LaunchFolderWritten = "launch.folder_written" in Portal,
    /// The supervisor is started, its report was not seen.
    LaunchSupervisorStarted = "launch.supervisor_started" in Portal,
    /// All is done but the intent is not cleared.
    LaunchApplied = "launch.applied" in Portal,
    /// The supervisor holds the folder, the process is not started.
    LaunchPlaced = "launch.placed" in Supervisor,
    /// The process runs, the report does not say so yet.
    LaunchProcessStarted = "launch.process_started" in Supervisor,
    /// The process ended, the report does not say so yet.
    LaunchExitSeen = "launch.exit_seen" in Supervisor,
    /// The upload is on record, no byte arrived.
    UploadCreated = "upload.created" in Agent,
    /// Bytes are written, the sender was not told.
    UploadChunkWritten = "upload.chunk_written" in Agent,
    /// All bytes are on the disk, the file has not its name yet.
    UploadSynced = "upload.synced" in Agent,
    /// The file has its name, the upload's record is not removed yet.
    UploadRenamed = "upload.renamed" in Agent,
    /// The job and its submit intent are committed, nothing is done yet.
    SubmitRecorded = "submit.recorded" in Portal,
    /// The job's folder holds script and orders, no supervisor runs.
    SubmitFolderWritten = "submit.folder_written" in Portal,
    /// The supervisor is started, its report was not seen.
    SubmitSupervisorStarted = "submit.supervisor_started" in Portal,
    /// All is done but the intent is not cleared.
    SubmitApplied = "submit.applied" in Portal,
}

impl CrashPoint {
    /// What is under way at the points: the first words of their names.
    pub const FAMILIES: [&str; 3] = ["launch", "upload", "submit"];

    /// The points of a family.
    pub fn of(family: &str) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |point| point.name().split_once('.').is_some_and(|(of, _)| of == family))
    }

    /// The points in the supervisor of an app or a job.
    pub fn of_supervisor() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|point| point.process() == Process::Supervisor)
    }
}

/// Dies here, as by `kill -9`, if a test asked for this point.
pub fn point(at: CrashPoint) {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var(VARIABLE).ok());
    if chosen.as_deref() == Some(at.name()) {
        let own = rustix::process::getpid();
        // SIGKILL can't be caught; should sending it fail, abort is as sudden.
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_together_are_all_points() {
        let tried: Vec<_> = CrashPoint::FAMILIES.into_iter().flat_map(CrashPoint::of).collect();
        assert_eq!(tried, CrashPoint::ALL);
    }
}
