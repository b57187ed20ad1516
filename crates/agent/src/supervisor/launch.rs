//! Starting the process so that it does nothing before its report is on the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};

use myksc_core::spool::Spec;
use myksc_spool::Folder;

use super::tree;

/// A process that waits before its program begins. Dropped, it ends.
pub(super) struct Waiting {
    pid: Pid,
    release: PipeWriter,
    spawning: JoinHandle<io::Result<Child>>,
}

impl Waiting {
    /// The process's id, its group's and its session's.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Lets the program begin.
    ///
    /// # Errors
    /// When it can't: no such program, not executable, not for this machine.
    pub(super) fn release(mut self) -> io::Result<()> {
        self.release.write_all(b"!")?;
        join(self.spawning).map(drop)
    }
}

/// Makes the process: own session, the orders' environment, folder and files.
///
/// # Errors
/// When a file or the working folder can't be used, or the system gives no process.
pub(super) fn spawn(folder: &Folder, spec: &Spec) -> io::Result<Waiting> {
    let mut command = command_of(folder, spec)?;
    let (pid_reader, pid_writer) = io::pipe()?;
    let (release_reader, release) = io::pipe()?;
    let supervisor = rustix::process::getpid();
    let release_fd = release.as_raw_fd();
    let before_exec = move || wait_for_release(supervisor, &pid_writer, &release_reader, release_fd);
    // SAFETY: between fork and exec only system calls are made, on values that exist before the fork.
    #[expect(unsafe_code, reason = "code between fork and exec")]
    unsafe {
        command.pre_exec(before_exec);
    }
    // The spawn returns only after the release, so it gets a thread of its own. The thread lives until then, which
    // matters: the parent-death signal below is for the end of the thread that forked.
    let program = spec.command.first().cloned().unwrap_or_default();
    let named = move |error: io::Error| io::Error::new(error.kind(), format!("{program}: {error}"));
    let spawning =
        thread::Builder::new().name("spawn".into()).spawn(move || command.spawn().map_err(named))?;
    match read_pid(pid_reader) {
        Some(pid) => Ok(Waiting { pid, release, spawning }),
        None => Err(join(spawning).err().unwrap_or_else(|| io::Error::other("the process has no id"))),
    }
}

/// Runs in the new process: tells its id, then waits. Whatever ends the supervisor ends the wait, by the
/// signal or by the end of the pipe.
fn wait_for_release(
    supervisor: Pid,
    pid_writer: &PipeWriter,
    release_reader: &PipeReader,
    release_fd: RawFd,
) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(supervisor) {
        return end_silently();
    }
    // SAFETY: this is the new process's own copy of the descriptor, and nothing here uses it again. Kept open, the
    // read below would never see the end of the pipe.
    #[expect(unsafe_code, reason = "closes a copy that no value owns")]
    unsafe {
        rustix::io::close(release_fd);
    }
    let own = rustix::process::setsid()?;
    rustix::io::write(pid_writer, &own.as_raw_pid().to_ne_bytes())?;
    let mut byte = [0; 1];
    loop {
        match rustix::io::read(release_reader, &mut byte) {
            Ok(1) => break,
            Err(rustix::io::Errno::INTR) => {}
            _ => return end_silently(),
        }
    }
    rustix::process::set_parent_process_death_signal(None)?;
    Ok(())
}

/// Ends the new process when nobody waits for its program any more. An error would be told to the supervisor, and where
/// that is dead, the standard library complains of it in the program's own output.
fn end_silently() -> io::Result<()> {
    Ok(rustix::process::kill_process(rustix::process::getpid(), Signal::KILL)?)
}

fn command_of(folder: &Folder, spec: &Spec) -> io::Result<Command> {
    let [program, arguments @ ..] = spec.command.as_slice() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the orders name no program"));
    };
    let stdout_path = spec.stdout.clone().unwrap_or_else(|| folder.log_path());
    let stdout = open_output(&stdout_path)?;
    let stderr = match spec.stderr.as_ref().filter(|path| **path != stdout_path) {
        Some(path) => open_output(path)?,
        None => stdout.try_clone()?,
    };
    // Else the system would say of the program that it is not there.
    settle(File::open(&spec.work_dir), &spec.work_dir)?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&spec.environment).env(tree::MARK, folder.path());
    command.current_dir(&spec.work_dir).stdout(stdout).stderr(stderr);
    command.stdin(match &spec.stdin {
        Some(path) => Stdio::from(open_input(path)?),
        None => Stdio::null(),
    });
    Ok(command)
}

/// Never waits: a FIFO without a reader is refused by the system.
fn open_output(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened =
        OpenOptions::new().append(true).create(true).custom_flags(flags.bits().cast_signed()).open(path);
    settle(opened, path)
}

fn open_input(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file =
        settle(OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path), path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other(format!("{}: not a regular file", path.display())));
    }
    Ok(file)
}

/// Names the path in an error, and takes back the flag that only the opening needed.
fn settle(opened: io::Result<File>, path: &Path) -> io::Result<File> {
    let file =
        opened.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    rustix::io::ioctl_fionbio(&file, false)?;
    Ok(file)
}

fn read_pid(mut reader: PipeReader) -> Option<Pid> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).ok()?;
    Pid::from_raw(i32::from_ne_bytes(bytes))
}

fn join(spawning: JoinHandle<io::Result<Child>>) -> io::Result<Child> {
    spawning.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts the process died")))
}
