//! Running the binary, and what came of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, with nothing of this process's environment.
pub(crate) fn myksc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myksc"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

/// Runs a command to its end with this on standard input.
pub(crate) fn run(mut command: Command, stdin: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Refused before it was read: then nobody takes it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Refused with this code, in one line that says so.
    pub(crate) fn refused(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stdout.is_empty() && self.stderr.contains(words), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
    }
}
