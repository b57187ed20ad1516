//! Agents and supervisors of a test: the test binary itself, told to run one test that becomes the process.

use std::ffi::OsString;
use std::path::Path;

use myksc_core::spool::Status;
use myksc_files::AgentProgram;
use myksc_spool::SupervisorProgram;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Name of the test that becomes the process.
pub const TEST: &str = "child_process";

/// How this binary is started as a user's file agent.
///
/// # Panics
/// When the system does not tell the path of this program.
#[must_use]
pub fn agent() -> AgentProgram {
    let mut arguments = arguments("files");
    // A test is over soon, and its agents should be too.
    arguments.extend(["--idle-secs", "2"].map(OsString::from));
    AgentProgram { program: own_path(), arguments }
}

/// How this binary is started as a supervisor.
///
/// # Panics
/// When the system does not tell the path of this program.
#[must_use]
pub fn supervisor() -> SupervisorProgram {
    SupervisorProgram { program: own_path(), arguments: arguments("supervise") }
}

/// Becomes an agent or supervisor if this process was started as one, and never returns then.
pub fn run_if_asked() {
    let mut asked = std::env::args_os().skip_while(|argument| argument != "--").skip(1);
    let code = match asked.next().as_deref().and_then(|what| what.to_str()) {
        Some("files") => {
            i32::from(myksc_agent::files::Config::from_args(asked).and_then(myksc_agent::files::run).is_err())
        }
        Some("supervise") => {
            let folder = asked.next().unwrap_or_default();
            let code = myksc_agent::supervisor::run(Path::new(&folder));
            i32::from(code != std::process::ExitCode::SUCCESS)
        }
        _ => return,
    };
    std::process::exit(code);
}

/// Ends the agents and supervisors of a state folder, and what runs under them.
pub fn kill_all_of(state: &Path) {
    kill_children(state);
    for kind in ["apps", "jobs"] {
        kill_supervised(&state.join(kind));
    }
}

/// Whatever has the folder among its arguments.
fn kill_children(folder: &Path) {
    let marker = folder.as_os_str().as_encoded_bytes();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|pid| pid.parse().ok());
        let (Some(pid), Ok(line)) = (pid, std::fs::read(entry.path().join("cmdline"))) else { continue };
        let is_ours = line.windows(marker.len()).any(|window| window == marker);
        if pid != std::process::id() && is_ours {
            kill(pid);
        }
    }
}

/// What runs under the supervisors of a folder of apps or jobs.
fn kill_supervised(folder: &Path) {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for status in folders.filter_map(|folder| std::fs::read(folder.path().join("status.json")).ok()) {
        let Ok(status) = serde_json::from_slice::<Status>(&status) else { continue };
        if let Some(process) = status.process.filter(|_| status.exit.is_none()) {
            kill(process.pid);
        }
    }
}

/// Kills a process group, or the process when it leads none.
fn kill(pid: u32) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // What is gone already needs no killing.
    let _ = kill_process_group(pid, Signal::KILL).or_else(|_| kill_process(pid, Signal::KILL));
}

/// Behind `--` the test harness takes everything for names of tests, so the process's own arguments stand there.
fn arguments(what: &str) -> Vec<OsString> {
    ["--exact", TEST, "--nocapture", "--", what].map(OsString::from).into()
}

fn own_path() -> std::path::PathBuf {
    std::env::current_exe().expect("the system tells a program its path")
}
