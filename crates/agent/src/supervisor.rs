//! The supervisor of one local app or job: holds its folder, runs its process once, reports how it ended.
//!
//! One small blocking program per folder, detached from the portal. What makes a sudden death harmless:
//! the folder's lock lets one supervisor act at a time; the process waits on a pipe until the report that names
//! it is on the disk, and dies if its supervisor does before that; orders whose process was reported are never
//! started again. After a death in between, the next supervisor ends what is left and says so.

mod cgroup;
mod launch;
mod limits;
mod log_cap;
mod mounts;
mod signals;
mod tree;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitStatus};

use myksc_core::Timestamp;
use myksc_core::crash::{self, CrashPoint};
use myksc_core::spool::{Exit, ExitCause, Process, Spec, Status};
use myksc_spool::{Folder, Lock, SpoolError};

use launch::Waiting;
use limits::Enforcer;
use log_cap::LogCap;
use signals::Signals;

/// An observer holds the lock for a moment; a supervisor holds it for good.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// How long processes that outlive the main one get between SIGTERM and SIGKILL.
const REST_GRACE: Duration = Duration::from_secs(2);
/// How long to wait before the last report is tried again on a full disk.
const REPORT_PAUSE: Duration = Duration::from_secs(1);
/// How long the kernel gets to end what was killed before it is left behind.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Does what the orders in `folder` leave to do, and returns when it is done. A second supervisor of the same
/// folder returns at once. What goes wrong is told on standard error.
#[must_use]
pub fn run(folder: &Path) -> ExitCode {
    match supervise(&Folder::at(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Removes control groups that are empty and whose supervisors died; for the portal's start.
pub fn sweep_control_groups() {
    cgroup::sweep();
}

fn supervise(folder: &Folder) -> Result<(), SpoolError> {
    // Fails only for the leader of a group, who is detached enough.
    let _ = rustix::process::setsid();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let Some(lock) = take_lock(folder)? else { return Ok(()) };
    let spec = folder.read_spec()?;
    let former = folder.read_status()?.filter(|status| status.generation == spec.generation);
    match former {
        Some(Status { exit: Some(_), .. }) => return Ok(()),
        Some(status @ Status { process: Some(_), .. }) => settle_lost(folder, status)?,
        _ => Supervisor::new(folder, &spec, lock)?.run()?,
    }
    // At the end, where nobody waits for it.
    cgroup::sweep();
    Ok(())
}

fn take_lock(folder: &Folder) -> Result<Option<Lock>, SpoolError> {
    let give_up_at = Instant::now() + LOCK_PATIENCE;
    loop {
        if let Some(lock) = folder.try_lock()? {
            return Ok(Some(lock));
        }
        if Instant::now() >= give_up_at {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends what a dead supervisor left behind and reports that.
fn settle_lost(folder: &Folder, mut status: Status) -> Result<(), SpoolError> {
    let left =
        status.process.as_ref().map_or(0, |process| tree::end_leftovers(folder, process, KILL_PATIENCE));
    let detail = match left {
        0 => "its supervisor died".to_owned(),
        left => format!("its supervisor died; {left} of its processes can't be ended"),
    };
    status.exit = Some(exit(ExitCause::SupervisorLost, None, Some(detail)));
    folder.write_status(&status)
}

/// Holds the folder while its process runs.
struct Supervisor<'a> {
    folder: &'a Folder,
    spec: &'a Spec,
    status: Status,
    signals: Signals,
    wake: std::fs::File,
    log_cap: Option<LogCap>,
    _lock: Lock,
}

/// Why and until when the process is being ended.
struct Ending {
    cause: ExitCause,
    kill_at: Instant,
    killed: bool,
}

impl<'a> Supervisor<'a> {
    fn new(folder: &'a Folder, spec: &'a Spec, lock: Lock) -> Result<Self, SpoolError> {
        let io = |source| SpoolError::Io { path: folder.path().to_owned(), source };
        let signals = Signals::catch().map_err(io)?;
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|e| io(e.into()))?;
        let status = Status {
            generation: spec.generation,
            supervisor_pid: std::process::id(),
            placed_at: Timestamp::now(),
            process: None,
            exit: None,
        };
        Ok(Self { folder, spec, status, signals, wake: folder.open_wake()?, log_cap: None, _lock: lock })
    }

    fn run(mut self) -> Result<(), SpoolError> {
        self.folder.write_status(&self.status)?;
        crash::point(CrashPoint::LaunchPlaced);
        if self.is_stop_wanted() {
            return self.report(exit(ExitCause::Stopped, None, None));
        }
        let enforcer = Enforcer::prepare(self.folder, self.spec);
        let ended = match launch::spawn(self.folder, self.spec) {
            Ok(waiting) => self.release_and_watch(waiting, &enforcer),
            Err(error) => Ok(exit(ExitCause::NotStarted, None, Some(error.to_string()))),
        };
        enforcer.clean_up();
        crash::point(CrashPoint::LaunchExitSeen);
        self.report(ended?)
    }

    fn release_and_watch(&mut self, waiting: Waiting, enforcer: &Enforcer) -> Result<Exit, SpoolError> {
        let pid = waiting.pid();
        crash::point(CrashPoint::LaunchProcessStarted);
        let limits_by = enforcer.confine(pid);
        self.status.process = Some(Process {
            pid: pid.as_raw_pid().unsigned_abs(),
            start_ticks: tree::start_ticks(pid).unwrap_or_default(),
            cgroups: enforcer.cgroups(),
            started_at: Timestamp::now(),
            limits_by,
        });
        // The process does nothing yet; should the report fail, it ends with the pipe.
        self.folder.write_status(&self.status)?;
        if let Err(error) = waiting.release() {
            return Ok(exit(ExitCause::NotStarted, None, Some(error.to_string())));
        }
        self.log_cap = self.cap_log();
        let (status, ending) = self.watch(pid, enforcer);
        let at = Timestamp::now();
        self.end_rest(enforcer, ending.as_ref());
        if let Some(cap) = &mut self.log_cap {
            cap.look_last();
        }
        Ok(Exit { at, ..judge(status, ending.as_ref(), enforcer.saw_out_of_memory()) })
    }

    /// Waits for the end of `main`, and brings it about when asked to or when its time is over.
    fn watch(&mut self, main: Pid, enforcer: &Enforcer) -> (WaitStatus, Option<Ending>) {
        let over_at = self
            .spec
            .limits
            .walltime_secs
            .and_then(|secs| Instant::now().checked_add(Duration::from_secs(secs)));
        let grace = Duration::from_secs(self.spec.grace_secs);
        let mut ending: Option<Ending> = None;
        loop {
            if let Some(status) = reap(main) {
                return (status, ending);
            }
            let now = Instant::now();
            match &mut ending {
                None => {
                    let cause = if self.is_stop_wanted() {
                        Some(ExitCause::Stopped)
                    } else {
                        over_at.filter(|over_at| now >= *over_at).map(|_| ExitCause::WalltimeOver)
                    };
                    if let Some(cause) = cause {
                        tree::signal_group(main, rustix::process::Signal::TERM);
                        let kill_at = now.checked_add(grace).unwrap_or(now);
                        ending = Some(Ending { cause, kill_at, killed: false });
                    }
                }
                Some(ending) if !ending.killed && now >= ending.kill_at => {
                    tree::signal_group(main, rustix::process::Signal::KILL);
                    enforcer.kill_all();
                    ending.killed = true;
                }
                Some(_) => {}
            }
            let next = ending.as_ref().map_or(over_at, |ending| (!ending.killed).then_some(ending.kill_at));
            self.wait(next);
        }
    }

    /// Ends what outlives the main process: daemons it left are our children by now or become so.
    fn end_rest(&mut self, enforcer: &Enforcer, ending: Option<&Ending>) {
        let begun = Instant::now();
        let killed_before = ending.is_some_and(|ending| ending.killed);
        let kill_at = if killed_before { begun } else { begun + REST_GRACE };
        tree::signal_children(rustix::process::Signal::TERM);
        while !reap_all() {
            let now = Instant::now();
            if now >= kill_at {
                enforcer.kill_all();
                tree::signal_children(rustix::process::Signal::KILL);
            }
            if now >= kill_at + KILL_PATIENCE {
                note("some processes can't be ended and are left behind");
                return;
            }
            let next = if now >= kill_at { now + Duration::from_millis(50) } else { kill_at };
            self.wait(Some(next));
        }
    }

    /// The cap of the folder's log, where the process writes there and there is one.
    fn cap_log(&self) -> Option<LogCap> {
        let limit = self.spec.log_limit_bytes.filter(|_| self.spec.stdout.is_none())?;
        let cap = LogCap::new(self.folder, limit);
        cap.inspect_err(|error| note(&format!("the log is not kept short: {error}"))).ok()
    }

    /// Waits until something happens or `until` is reached, and keeps the log short meanwhile.
    fn wait(&mut self, until: Option<Instant>) {
        let look_at = self.log_cap.as_mut().and_then(LogCap::look);
        let until = until.into_iter().chain(look_at).min();
        let changes = self.log_cap.as_ref().and_then(LogCap::changes);
        self.signals.wait(&self.wake, changes, until);
    }

    fn is_stop_wanted(&self) -> bool {
        self.signals.is_end_asked() || self.folder.is_stop_requested(self.spec.generation)
    }

    /// Reports how it ended. Nobody else knows that, so a full disk is waited out for as long as it takes.
    fn report(&mut self, exit: Exit) -> Result<(), SpoolError> {
        self.status.exit = Some(exit);
        let mut is_told = false;
        loop {
            match self.folder.write_status(&self.status) {
                Err(error) if error.is_out_of_space() => {
                    if !std::mem::replace(&mut is_told, true) {
                        note(&format!("the report waits for room on the disk: {error}"));
                    }
                    std::thread::sleep(REPORT_PAUSE);
                }
                result => return result,
            }
        }
    }
}

/// Collects ended children; the status of `main` once it is among them.
fn reap(main: Pid) -> Option<WaitStatus> {
    while let Ok(Some((pid, status))) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
        if pid == main {
            return Some(status);
        }
    }
    None
}

/// Collects ended children; true when none is left.
fn reap_all() -> bool {
    loop {
        match rustix::process::wait(rustix::process::WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// Why it ended. A process that ended well was not out of memory, even if one of its children was.
fn judge(status: WaitStatus, ending: Option<&Ending>, out_of_memory: bool) -> Exit {
    let cause = match (ending, status.exit_status()) {
        (Some(ending), _) => ending.cause,
        (None, Some(0)) => ExitCause::Exited,
        (None, _) if out_of_memory => ExitCause::OutOfMemory,
        (None, Some(_)) => ExitCause::Exited,
        (None, None) => ExitCause::Signalled,
    };
    exit(cause, Some(status), None)
}

fn exit(cause: ExitCause, status: Option<WaitStatus>, detail: Option<String>) -> Exit {
    Exit {
        at: Timestamp::now(),
        cause,
        code: status.and_then(WaitStatus::exit_status),
        signal: status.and_then(WaitStatus::terminating_signal),
        detail,
    }
}

/// One line to `supervisor.log`; a full disk must not end the supervisor.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{} {text}", Timestamp::now());
}

#[cfg(test)]
mod tests;
