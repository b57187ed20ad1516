//! What a job's folder says: `owner.json`, `script`, and the supervisor's orders and report.
//!
//! `owner.json` is the whole definition with the wishes of the person, so the folder alone tells everything of
//! a job. Written orders (`spec.json`) mean that the job was let go: from then on supervisors bring it to its
//! end, however often they or the portal die.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use myksc_core::job::{JobReason, JobSize};
use myksc_core::spool::{Exit, ExitCause, Limits, Spec, Status};
use myksc_core::{Identity, JobId, JobPhase, Outcome, Timestamp, octets};
use myksc_spool::{Folder, SpoolError, State};
use serde::{Deserialize, Serialize};

use super::config::LocalConfig;
use crate::reason::reason;
use crate::scheduler::{Observation, Place, Recalled, Submission};

/// A local job is started once.
pub(super) const GENERATION: u32 = 1;

/// Contents of `owner.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: JobId,
    pub(super) who: Identity,
    pub(super) name: String,
    pub(super) queue: String,
    pub(super) size: JobSize,
    pub(super) place: Place,
    pub(super) work_dir: PathBuf,
    pub(super) stdout: PathBuf,
    pub(super) stderr: Option<PathBuf>,
    pub(super) submitted_at: Timestamp,
    pub(super) held: bool,
    pub(super) cancelled_at: Option<Timestamp>,
}

/// How far a folder is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Not let go; waits for slots or for its release.
    Waiting,
    /// Let go; the report, once there is one.
    LetGo(Option<Status>),
    /// Over.
    Ended(Ending),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    outcome: Outcome,
    exit_code: Option<i32>,
    reason: Option<JobReason>,
    started_at: Option<Timestamp>,
    ended_at: Timestamp,
}

impl Record {
    pub(super) fn new(who: &Identity, submission: &Submission) -> Self {
        Self {
            id: submission.tag.clone(),
            who: who.clone(),
            name: submission.name.clone(),
            queue: submission.queue.clone(),
            size: submission.size.clone(),
            place: submission.place.clone(),
            work_dir: submission.work_dir.clone(),
            stdout: submission.stdout.clone(),
            stderr: submission.stderr.clone(),
            submitted_at: submission.submitted_at,
            held: false,
            cancelled_at: None,
        }
    }

    /// Cores that it holds while it runs.
    pub(super) fn slots(&self) -> u32 {
        self.size.nodes.saturating_mul(self.size.tasks_per_node).saturating_mul(self.size.cpus_per_task)
    }

    /// Orders for its supervisor.
    pub(super) fn spec(&self, config: &LocalConfig, folder: &Folder) -> io::Result<Spec> {
        let script = script_path(folder);
        Ok(Spec {
            generation: GENERATION,
            command: command(&octets::to_text(&fs::read(&script)?), &script.to_string_lossy()),
            environment: self.environment(config),
            work_dir: self.work_dir.clone(),
            stdin: None,
            stdout: Some(self.stdout.clone()),
            stderr: self.stderr.clone(),
            log_limit_bytes: None,
            limits: Limits {
                cpu_millis: Some(self.slots().saturating_mul(1000)),
                memory_bytes: self.size.memory_bytes,
                walltime_secs: self.size.walltime_secs,
            },
            grace_secs: config.grace_secs,
        })
    }

    /// What a login would set, and what the job is told about itself; nothing of the portal's.
    fn environment(&self, config: &LocalConfig) -> BTreeMap<String, String> {
        let size = &self.size;
        let home = self.who.home.to_string_lossy();
        let shell = self.who.shell.to_string_lossy();
        let numbers = [
            ("MYKSC_NODES", size.nodes),
            ("MYKSC_TASKS_PER_NODE", size.tasks_per_node),
            ("MYKSC_CPUS_PER_TASK", size.cpus_per_task),
            ("MYKSC_GPUS_PER_NODE", size.gpus_per_node),
            ("OMP_NUM_THREADS", size.cpus_per_task),
        ];
        let texts = [
            ("HOME", &*home),
            ("USER", &self.who.name),
            ("LOGNAME", &self.who.name),
            ("SHELL", &*shell),
            ("PATH", &config.path),
            ("LANG", "C.UTF-8"),
            ("MYKSC_JOB_ID", self.id.as_str()),
            ("MYKSC_JOB_NAME", &self.name),
            ("MYKSC_QUEUE", &self.queue),
            ("MYKSC_WORK_DIR", &*self.work_dir.to_string_lossy()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        texts.into_iter().chain(numbers.map(|(name, number)| (name.to_owned(), number.to_string()))).collect()
    }

    /// How the job stands.
    pub(super) fn observation(&self, stage: &Stage, waits_for: Option<JobReason>) -> Observation {
        let base = Observation {
            scheduler_id: self.id.to_string(),
            tag: Some(self.id.clone()),
            phase: JobPhase::Queued,
            phase_raw: None,
            outcome: None,
            exit_code: None,
            reason: waits_for,
            started_at: None,
            ended_at: None,
            expected_start_at: None,
            usage: None,
            array: None,
            login: None,
        };
        match stage {
            Stage::Waiting if self.held => {
                let held = reason("held_by_user", [], "held until it is released");
                Observation { phase: JobPhase::Held, reason: Some(held), ..base }
            }
            Stage::Waiting => base,
            Stage::LetGo(status) => {
                let process = status.as_ref().and_then(|status| status.process.as_ref());
                let (phase, reason) = match (process, self.cancelled_at) {
                    (_, Some(_)) => {
                        (JobPhase::Finishing, Some(reason("being_cancelled", [], "being cancelled")))
                    }
                    (Some(_), None) => (JobPhase::Running, None),
                    (None, None) => (JobPhase::Queued, Some(reason("starting", [], "about to start"))),
                };
                Observation { phase, reason, started_at: process.map(|process| process.started_at), ..base }
            }
            Stage::Ended(ending) => Observation {
                phase: JobPhase::Ended,
                outcome: Some(ending.outcome),
                exit_code: ending.exit_code,
                reason: ending.reason.clone(),
                started_at: ending.started_at,
                ended_at: Some(ending.ended_at),
                ..base
            },
        }
    }

    /// How far its folder is.
    pub(super) fn stage(&self, folder: &Folder) -> Result<Stage, SpoolError> {
        match folder.observe() {
            Ok(State::NotStarted) => Ok(Stage::LetGo(None)),
            Ok(State::Running(status) | State::Lost(status)) => Ok(Stage::LetGo(Some(status))),
            Ok(State::Ended { status, exit }) => Ok(Stage::Ended(self.ending(&status, &exit))),
            Err(error) if error.is_absent() => Ok(match self.cancelled_at {
                Some(at) => Stage::Ended(cancelled_before_start(at)),
                None => Stage::Waiting,
            }),
            Err(error) => Err(error),
        }
    }

    /// Everything about the job, its script included.
    pub(super) fn recalled(self, stage: &Stage, folder: &Folder) -> io::Result<Recalled> {
        let observation = self.observation(stage, None);
        Ok(Recalled {
            submission: Submission {
                tag: self.id,
                script: octets::to_text(&fs::read(script_path(folder))?),
                name: self.name,
                queue: self.queue,
                size: self.size,
                place: self.place,
                work_dir: self.work_dir,
                stdout: self.stdout,
                stderr: self.stderr,
                submitted_at: self.submitted_at,
            },
            who: self.who,
            observation,
        })
    }

    fn ending(&self, status: &Status, exit: &Exit) -> Ending {
        let (outcome, why) = match exit.cause {
            ExitCause::Exited if exit.code == Some(0) => (Outcome::Succeeded, None),
            ExitCause::Exited => {
                let code = exit.code.unwrap_or(-1);
                let why = reason("exit_code", [("exit_code", code.into())], format!("exit code {code}"));
                (Outcome::Failed, Some(why))
            }
            ExitCause::Signalled => {
                let signal = exit.signal.unwrap_or(0);
                let detail = format!("ended by signal {signal}");
                (Outcome::Failed, Some(reason("killed_by_signal", [("signal", signal.into())], detail)))
            }
            ExitCause::Stopped => (Outcome::Cancelled, Some(cancelled())),
            ExitCause::WalltimeOver => {
                let limit = self.size.walltime_secs;
                let why = reason("walltime_over", [("walltime_secs", limit.into())], "its walltime was over");
                (Outcome::TimedOut, Some(why))
            }
            ExitCause::OutOfMemory => {
                let limit = self.size.memory_bytes;
                let detail = "it took more memory than it asked for";
                (Outcome::OutOfMemory, Some(reason("memory_over", [("memory_bytes", limit.into())], detail)))
            }
            ExitCause::NotStarted => {
                let detail = exit.detail.clone().unwrap_or_else(|| "it could not be started".to_owned());
                (Outcome::Failed, Some(reason("not_started", [("detail", detail.clone().into())], detail)))
            }
            ExitCause::SupervisorLost => {
                let detail = "the process that watched over it died; how the job ended is not known";
                (Outcome::Unknown, Some(reason("supervisor_lost", [], detail)))
            }
        };
        Ending {
            outcome,
            exit_code: exit.code,
            reason: why,
            started_at: status.process.as_ref().map(|process| process.started_at),
            ended_at: exit.at,
        }
    }
}

/// Reads the record of a folder; `None` for one that holds no job: a submission that was cut off, or something
/// else.
pub(super) fn read(folder: &Folder) -> Option<Record> {
    let id: JobId = folder.name().parse().ok()?;
    match folder.read_owner::<Record>() {
        Ok(record) if record.id == id => Some(record),
        Ok(record) => {
            tracing::warn!(folder = %folder.path().display(), says = %record.id, "a job's folder has another job's name");
            None
        }
        Err(error) => {
            if !error.is_absent() {
                tracing::warn!(%error, "the record of a job can't be read");
            }
            None
        }
    }
}

/// Writes the script durably; the record comes after it, so a folder with a record is whole.
pub(super) fn write_script(folder: &Folder, script: &str) -> io::Result<()> {
    let (path, fresh) = (script_path(folder), folder.path().join(".script.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o700).open(&fresh)?;
    file.write_all(&octets::to_bytes(script))?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    File::open(folder.path())?.sync_all()
}

fn script_path(folder: &Folder) -> PathBuf {
    folder.path().join("script")
}

/// Program and arguments of a script as execve(2) would take them from its `#!` line; bash without one. Done
/// here so that it also works where the file system forbids to execute.
fn command(script: &str, path: &str) -> Vec<String> {
    let line = script.lines().next().and_then(|line| line.strip_prefix("#!")).map_or("", str::trim);
    let (program, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let mut command = vec![if program.is_empty() { "/bin/bash" } else { program }.to_owned()];
    if !argument.trim().is_empty() {
        command.push(argument.trim().to_owned());
    }
    command.push(path.to_owned());
    command
}

fn cancelled() -> JobReason {
    reason("cancelled_by_user", [], "cancelled")
}

fn cancelled_before_start(at: Timestamp) -> Ending {
    Ending {
        outcome: Outcome::Cancelled,
        exit_code: None,
        reason: Some(cancelled()),
        started_at: None,
        ended_at: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_runs_by_its_first_line_or_by_bash() {
        let cases: [(&str, &[&str]); 6] = [
            ("#!/bin/sh\ntrue\n", &["/bin/sh", "s"]),
            ("#! /usr/bin/env python3 -u\n", &["/usr/bin/env", "python3 -u", "s"]),
            ("#!/bin/bash\t-e \n", &["/bin/bash", "-e", "s"]),
            ("echo hi\n#!/bin/sh\n", &["/bin/bash", "s"]),
            ("#!\n", &["/bin/bash", "s"]),
            ("", &["/bin/bash", "s"]),
        ];
        for (script, expected) in cases {
            assert_eq!(command(script, "s"), expected, "{script:?}");
        }
    }
}
