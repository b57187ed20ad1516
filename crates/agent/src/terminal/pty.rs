//! A pseudo-terminal and the shell on it (pty(7)).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, ioctl_tiocsctty};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::stdio::stdin;
use rustix::termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcgetpgrp, tcsetattr, tcsetwinsize};
use serde::Deserialize;
use tokio::io::unix::AsyncFd;

use crate::page::terminate;

/// Shells that are looked for where the person's own is not there, as in an image.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];
/// What the page shows (xterm.js); its entry is in every terminfo database.
const KIND: &str = "xterm-256color";

/// How large a terminal is, in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Size {
    pub(super) columns: u16,
    pub(super) rows: u16,
}

impl Size {
    /// The same within what programs can bear.
    pub(super) fn sane(self) -> Self {
        Self { columns: self.columns.clamp(2, 1_000), rows: self.rows.clamp(1, 1_000) }
    }
}

/// Starts a shell; gives our side of its terminal and its process. Needs a Tokio runtime with I/O.
///
/// # Errors
/// When the system gives no terminal or the program can't be started.
pub(super) fn start(command: &[OsString], size: Size) -> io::Result<(AsyncFd<OwnedFd>, Pid)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    let mut settings = tcgetattr(&theirs)?;
    // Backspace takes away a letter of several bytes as a whole.
    settings.input_modes |= InputModes::IUTF8;
    tcsetattr(&theirs, OptionalActions::Now, &settings)?;
    resize(&ours, size)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    // SAFETY: an `OwnedFd` stays the same open file for as long as it lives.
    #[expect(unsafe_code, reason = "a promise about the descriptor")]
    let ours = unsafe { AsyncFd::register(ours) }?;

    let mut command = match command {
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        [] => login_shell(),
    };
    command.env("TERM", KIND).env("COLORTERM", "truecolor");
    command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
    // SAFETY: between fork and exec only system calls are made.
    #[expect(unsafe_code, reason = "code between fork and exec")]
    unsafe {
        command.pre_exec(take_terminal);
    }
    let child = command.spawn()?;
    Ok((ours, Pid::from_child(&child)))
}

/// Makes the new process the leader of a session whose terminal is its standard input.
fn take_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(ioctl_tiocsctty(stdin())?)
}

/// The person's shell as a login starts it.
fn login_shell() -> Command {
    let own = std::env::var_os("SHELL").unwrap_or_default();
    let mut candidates = std::iter::once(own.as_os_str()).chain(SHELLS.map(OsStr::new)).map(Path::new);
    let is_shell =
        |path: &&Path| path.is_absolute() && path.is_file() && access(*path, Access::EXEC_OK).is_ok();
    let shell = candidates.find(is_shell).unwrap_or(Path::new(SHELLS[1]));
    let mut name = OsString::from("-");
    name.push(shell.file_name().unwrap_or(shell.as_os_str()));
    let mut command = Command::new(shell);
    command.arg0(name).env("SHELL", shell);
    command
}

/// Tells the terminal's size, and so whatever runs in its foreground.
pub(super) fn resize(ours: &OwnedFd, size: Size) -> io::Result<()> {
    Ok(tcsetwinsize(ours, Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 })?)
}

/// Has what runs in the foreground draw its screen anew.
pub(super) fn redraw(ours: &OwnedFd) {
    if let Ok(foreground) = tcgetpgrp(ours) {
        terminate(foreground, Signal::WINCH);
    }
}

/// Tells a shell and its jobs that nobody is there any more. A shell at its prompt takes no notice of SIGTERM.
pub(super) fn hang_up(leader: Pid) {
    terminate(leader, Signal::HUP);
}
