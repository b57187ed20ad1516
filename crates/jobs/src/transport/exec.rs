//! Commands of this machine, as the portal's own system account.

use std::process::Stdio;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use myksc_core::Identity;
use rustix::process::{Pid, Signal, getuid, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

use super::{Command, Output, Transport, TransportError};

/// Runs commands here. It has the portal's rights, so it refuses every person but those of its own UID.
#[derive(Debug, Clone)]
pub struct Exec {
    path: String,
    own_uid: u32,
}

/// Ends the whole process group when it goes, however that comes.
struct Group(Option<Pid>);

impl Exec {
    /// Looks for programs along `path`.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), own_uid: getuid().as_raw() }
    }

    async fn run_here(&self, who: &Identity, command: &Command) -> Result<Output, TransportError> {
        if who.uid != self.own_uid {
            return Err(TransportError::NotAllowed { own: self.own_uid, asked: who.uid });
        }
        let program = command.argv.first().filter(|program| !program.is_empty());
        let program = program.ok_or(TransportError::NoCommand)?;
        if command.argv.iter().any(|argument| argument.contains('\0')) {
            return Err(TransportError::NoCommand);
        }
        let mut child = self.spawn(who, program, command)?;
        let _group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let talk = talk(&mut child, command);
        match tokio::time::timeout(command.deadline, talk).await {
            Ok(output) => output.map_err(TransportError::Lost),
            Err(_) => Err(TransportError::TooSlow {
                program: program.clone(),
                deadline_secs: command.deadline.as_secs(),
            }),
        }
    }

    fn spawn(&self, who: &Identity, program: &str, command: &Command) -> Result<Child, TransportError> {
        tokio::process::Command::new(program)
            .args(&command.argv[1..])
            // Nothing of the portal's environment, and texts in the language that the parsers know.
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", &who.home)
            .env("USER", &who.name)
            .env("LOGNAME", &who.name)
            .env("LC_ALL", "C.UTF-8")
            .current_dir(command.work_dir.as_deref().unwrap_or("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| TransportError::NotStarted { program: program.to_owned(), source })
    }
}

impl Transport for Exec {
    fn run<'a>(
        &'a self,
        who: &'a Identity,
        command: &'a Command,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        self.run_here(who, command).boxed()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Fails when all of it is gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn talk(child: &mut Child, command: &Command) -> std::io::Result<Output> {
    let missing = || std::io::Error::other("a pipe is missing");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let write = async {
        // A program that does not read all of its input says by its exit code whether that was right.
        let _ = stdin.write_all(&command.stdin).await;
        drop(stdin);
    };
    let limit = command.output_bytes_max;
    let ((), stdout, stderr) = tokio::join!(write, read(stdout, limit), read(stderr, limit));
    let ((stdout, stdout_cut), (stderr, stderr_cut)) = (stdout?, stderr?);
    let status = child.wait().await?;
    Ok(Output { exit_code: status.code(), stdout, stderr, is_cut: stdout_cut || stderr_cut })
}

/// Keeps the first bytes and reads the rest away, so that the program is not stopped by a full pipe.
async fn read(mut stream: impl AsyncRead + Unpin, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    (&mut stream).take(limit as u64).read_to_end(&mut kept).await?;
    let rest = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok((kept, rest > 0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use myksc_core::UserId;

    use super::*;

    fn who() -> Identity {
        Identity {
            user: UserId::random(),
            name: "kim".to_owned(),
            uid: getuid().as_raw(),
            gid: 0,
            gids: Vec::new(),
            home: "/tmp".into(),
            shell: "/bin/sh".into(),
        }
    }

    fn command(argv: &[&str]) -> Command {
        Command {
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            work_dir: None,
            stdin: Vec::new(),
            deadline: Duration::from_secs(20),
            output_bytes_max: 1000,
        }
    }

    async fn run(command: &Command) -> Result<Output, TransportError> {
        Exec::new("/usr/bin:/bin").run(&who(), command).await
    }

    #[tokio::test]
    async fn arguments_arrive_as_they_are_and_input_and_both_outputs_flow() {
        let hostile = ["it's", "$(id)", "`id`", "a;b", "-x", "줄\n바꿈", "", "\\"];
        let script = "cat; printf '%s|' \"$@\"; echo oh >&2; exit 3";
        let argv: Vec<_> = ["sh", "-c", script, "sh"].into_iter().chain(hostile).collect();
        let output = run(&Command { stdin: b"in:".to_vec(), ..command(&argv) }).await.unwrap();
        let expected = format!("in:{}|", hostile.join("|"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        assert_eq!(
            (output.stderr.as_slice(), output.exit_code, output.is_cut),
            (&b"oh\n"[..], Some(3), false)
        );
    }

    #[tokio::test]
    async fn a_command_runs_in_its_folder_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let work_dir = |path: &std::path::Path| Some(path.to_str().unwrap().to_owned());
        let here = Command { work_dir: work_dir(folder.path()), ..command(&["pwd"]) };
        let said = run(&here).await.unwrap().stdout;
        assert_eq!(String::from_utf8(said).unwrap().trim(), folder.path().to_str().unwrap());
        let nowhere = Command { work_dir: work_dir(&folder.path().join("no")), ..command(&["pwd"]) };
        assert!(matches!(run(&nowhere).await, Err(TransportError::NotStarted { .. })));
    }

    #[tokio::test]
    async fn nothing_of_the_portals_environment_goes_along() {
        let output = run(&command(&["env"])).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut names: Vec<_> =
            text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LC_ALL", "LOGNAME", "PATH", "USER"]);
    }

    #[tokio::test]
    async fn endless_output_is_cut_and_does_not_stop_the_command() {
        let output = run(&command(&["sh", "-c", "head -c 1000000 /dev/zero"])).await.unwrap();
        assert_eq!((output.stdout.len(), output.exit_code, output.is_cut), (1000, Some(0), true));
    }

    #[tokio::test]
    async fn a_command_that_hangs_ends_with_its_children_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let script = format!("mkfifo {0}; (exec 3<>{0}; echo ready >&3; sleep 1000) & wait", fifo.display());
        let slow = Command { deadline: Duration::from_millis(300), ..command(&["sh", "-c", &script]) };
        let error = run(&slow).await.unwrap_err();
        assert!(matches!(error, TransportError::TooSlow { .. }), "{error:?}");
        let is_held = || {
            let open = |process: &std::fs::DirEntry| {
                let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { return false };
                files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|path| path == fifo))
            };
            std::fs::read_dir("/proc").unwrap().flatten().any(|process| open(&process))
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while is_held() {
            assert!(std::time::Instant::now() < deadline, "a child of the command lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn strangers_and_what_is_no_command_are_refused() {
        let exec = Exec::new("/usr/bin:/bin");
        let stranger = Identity { uid: getuid().as_raw() + 1, ..who() };
        let refused = exec.run(&stranger, &command(&["true"])).await;
        assert!(matches!(refused, Err(TransportError::NotAllowed { .. })), "{refused:?}");
        for argv in [&[][..], &[""], &["true", "a\0b"]] {
            let refused = run(&command(argv)).await;
            assert!(matches!(refused, Err(TransportError::NoCommand)), "{refused:?}");
        }
        let refused = run(&command(&["no-such-program"])).await;
        assert!(matches!(refused, Err(TransportError::NotStarted { .. })), "{refused:?}");
    }
}
