//! How a command gets through the login shell of the person, whichever that is.
//!
//! sshd hands the one string of a request to the account's login shell, which may be csh or fish. That string is
//! always the same and means the same to all of them: it starts sh(1), which reads a mark and one line of quoted
//! words from standard input and becomes the command that they say, whose standard input is the rest. What a login profile
//! prints stands before the mark and is dropped.

use super::super::{Command, Output, TransportError};

/// The remote command. It holds no quote, backslash, exclamation mark or line end within its quotes: csh(1) and
/// fish(1) give those meanings of their own.
pub(super) const REMOTE: &str = r#"exec /bin/sh -c 'IFS= read -r mark && IFS= read -r line && nl=$(echo; echo x) && nl=${nl%x} && echo "$mark" && echo "$mark" >&2 && eval "$line"'"#;

/// Exit codes of timeout(1) and env(1).
const TIMED_OUT: i32 = 124;
const TIMED_OUT_AND_KILLED: i32 = 137;
const NOT_FOUND: i32 = 127;
/// What profiles may print before the mark.
const BEFORE_BYTES_MAX: usize = 256 << 10;

/// A mark that nobody can print beforehand.
pub(super) fn new_mark() -> Result<String, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(format!("myksc-{:032x}", u128::from_be_bytes(random)))
}

/// The whole standard input of the remote command. Nothing of the person's environment is left but what says who she
/// is; the command is ended over there, too, when its time is over.
pub(super) fn input(mark: &str, path: &str, command: &Command) -> Vec<u8> {
    let mut line = String::new();
    if let Some(folder) = &command.work_dir {
        line.push_str("cd -- ");
        push_quoted(&mut line, folder);
        line.push_str("&& ");
    }
    line.push_str(r#"exec env -i HOME="$HOME" USER="$USER" LOGNAME="$LOGNAME" LC_ALL=C.UTF-8 "#);
    let secs = command.deadline.as_secs().max(1);
    let fixed = [format!("PATH={path}"), "timeout".to_owned(), "-k2".to_owned(), secs.to_string()];
    for word in fixed.iter().chain(&command.argv) {
        push_quoted(&mut line, word);
    }
    [mark.as_bytes(), b"\n", line.as_bytes(), b"\n", &command.stdin].concat()
}

/// Appends a word that sh(1) reads as it is. It must hold no NUL character.
fn push_quoted(line: &mut String, word: &str) {
    line.push('\'');
    for character in word.chars() {
        match character {
            '\'' => line.push_str(r"'\''"),
            // The line is one line; sh(1) has the character in a variable.
            '\n' => line.push_str(r#"'"$nl"'"#),
            other => line.push(other),
        }
    }
    line.push_str("' ");
}

/// One output of the remote command as it arrives.
pub(super) struct Arriving {
    mark: Vec<u8>,
    bytes: Vec<u8>,
    is_past_mark: bool,
    limit: usize,
    is_cut: bool,
}

impl Arriving {
    pub(super) fn new(mark: &str, limit: usize) -> Self {
        let mark = format!("{mark}\n").into_bytes();
        Self { mark, bytes: Vec::new(), is_past_mark: false, limit, is_cut: false }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        if self.is_past_mark {
            return self.keep(data);
        }
        self.bytes.extend_from_slice(data);
        let at = self.bytes.windows(self.mark.len()).position(|window| window == self.mark);
        match at {
            Some(at) => {
                let after = self.bytes.split_off(at + self.mark.len());
                self.bytes.clear();
                self.is_past_mark = true;
                self.keep(&after);
            }
            // The end of what came may be the beginning of the mark.
            None if self.bytes.len() > BEFORE_BYTES_MAX => {
                self.bytes.drain(..self.bytes.len() - self.mark.len());
            }
            None => {}
        }
    }

    fn keep(&mut self, data: &[u8]) {
        let room = self.limit - self.bytes.len();
        self.is_cut |= data.len() > room;
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
    }
}

/// What came of a command that ended.
pub(super) fn output(
    command: &Command,
    exit_code: Option<i32>,
    stdout: Arriving,
    stderr: Arriving,
) -> Result<Output, TransportError> {
    if !stdout.is_past_mark {
        let said = [stdout.bytes, stderr.bytes].concat();
        let said = String::from_utf8_lossy(&said).trim().chars().take(300).collect::<String>();
        return Err(TransportError::NotLetIn(format!("the account's login shell runs no command: {said}")));
    }
    let program = command.argv.first().cloned().unwrap_or_default();
    if matches!(exit_code, Some(TIMED_OUT | TIMED_OUT_AND_KILLED)) {
        // Nobody knows what it did until then.
        return Err(TransportError::TooSlow { program, deadline_secs: command.deadline.as_secs() });
    }
    if exit_code == Some(NOT_FOUND) {
        let said = String::from_utf8_lossy(&stderr.bytes).trim().to_owned();
        return Err(TransportError::NotStarted { program, source: std::io::Error::other(said) });
    }
    let is_cut = stdout.is_cut || stderr.is_cut;
    Ok(Output { exit_code, stdout: stdout.bytes, stderr: stderr.bytes, is_cut })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Stdio;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SHELLS: [&str; 3] = ["/bin/sh", "/bin/bash", "/bin/tcsh"];

    fn command(argv: &[String], stdin: &[u8]) -> Command {
        let deadline = Duration::from_secs(60);
        let (argv, stdin) = (argv.to_vec(), stdin.to_vec());
        Command { argv, work_dir: None, stdin, deadline, output_bytes_max: 1 << 20 }
    }

    /// What a login shell makes of the remote command.
    fn run(shell: &str, command: &Command) -> Output {
        let mut child = std::process::Command::new(shell)
            .args(["-c", REMOTE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mark = new_mark().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let typed = input(&mark, "/usr/bin:/bin", command);
        let writes = std::thread::spawn(move || stdin.write_all(&typed).unwrap());
        let done = child.wait_with_output().unwrap();
        writes.join().unwrap();
        let arrived = |bytes: &[u8]| {
            let mut arriving = Arriving::new(&mark, command.output_bytes_max);
            bytes.chunks(7).for_each(|chunk| arriving.push(chunk));
            arriving
        };
        output(command, done.status.code(), arrived(&done.stdout), arrived(&done.stderr)).unwrap()
    }

    fn round_trip(shell: &str, words: &[String], stdin: &[u8]) {
        let script = r#"for word; do printf '%s\0' "$word"; done; cat; echo oh >&2; exit 3"#;
        let argv: Vec<String> =
            ["sh", "-c", script, "sh"].map(str::to_owned).into_iter().chain(words.to_vec()).collect();
        let output = run(shell, &command(&argv, stdin));
        let mut expected: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        expected.extend_from_slice(stdin);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.stdout, output.exit_code, said.as_str()),
            (expected, Some(3), "oh\n"),
            "{shell} {words:?}"
        );
    }

    #[test]
    fn hostile_words_and_input_arrive_as_they_are_in_every_login_shell() {
        let hostile = [
            "it's",
            "$(id)",
            "`id`",
            "a;b",
            "-x",
            "줄\n바꿈\n",
            "",
            "\\",
            "\\\\'",
            "!!",
            "!$",
            "~",
            "*",
            "\r",
            "\t",
            "%%",
            "#",
            "\"$nl\"",
            "\u{1b}[2J",
            "{a,b}",
            "=",
            "\n",
            "a\u{a0}b",
        ];
        let hostile = hostile.map(str::to_owned);
        for shell in SHELLS {
            round_trip(shell, &hostile, b"#!/bin/sh\n'\\n\0\xff!!\n");
        }
        let long = "'".repeat(20_000);
        SHELLS.iter().for_each(|shell| round_trip(shell, std::slice::from_ref(&long), &[b'x'; 200_000]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(250))]

        #[test]
        fn any_words_arrive_as_they_are(words in prop::collection::vec("[^\0]{0,12}", 0..6), stdin in prop::collection::vec(any::<u8>(), 0..40)) {
            for shell in SHELLS {
                round_trip(shell, &words, &stdin);
            }
        }
    }

    #[test]
    fn a_command_runs_in_its_folder_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let hostile = folder.path().join("-it's $(id)\n폴더");
        std::fs::create_dir(&hostile).unwrap();
        let within = |path: &std::path::Path| Command {
            work_dir: Some(path.to_str().unwrap().to_owned()),
            ..command(&["pwd".to_owned()], b"")
        };
        for shell in SHELLS {
            let said = run(shell, &within(&hostile)).stdout;
            assert_eq!(String::from_utf8(said).unwrap(), format!("{}\n", hostile.display()));
            let missing = run(shell, &within(&folder.path().join("no")));
            assert!(missing.exit_code != Some(0) && missing.stdout.is_empty(), "{missing:?}");
        }
    }

    #[test]
    fn nothing_of_the_environment_stays_but_who_she_is() {
        let output = run("/bin/sh", &command(&["env".to_owned()], b""));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut names: Vec<_> = text.lines().map(|line| line.split_once('=').unwrap().0).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LC_ALL", "LOGNAME", "PATH", "USER"]);
    }

    #[test]
    fn what_a_profile_prints_is_dropped_and_long_output_is_cut() {
        let mut arriving = Arriving::new("MARK", 5);
        for data in ["Welcome!\nMA", "R", "K\n12", "345", "67"] {
            arriving.push(data.as_bytes());
        }
        assert_eq!((arriving.bytes.as_slice(), arriving.is_cut), (&b"12345"[..], true));
        let mut flood = Arriving::new("MARK", 5);
        (0..100).for_each(|_| flood.push(&[b'x'; 10_000]));
        flood.push(b"MARK\nok");
        assert_eq!((flood.bytes.as_slice(), flood.is_cut), (&b"ok"[..], false));
    }

    #[test]
    fn a_shell_that_runs_nothing_a_missing_program_and_a_slow_one_are_told_apart() {
        let mut said = Arriving::new("MARK", 100);
        said.push(b"This account is currently not available.\n");
        let squeue = command(&["squeue".to_owned()], b"");
        let refused = output(&squeue, Some(1), said, Arriving::new("MARK", 100));
        assert!(matches!(&refused, Err(TransportError::NotLetIn(why)) if why.contains("not available")));
        let ends = |code| {
            let mut stdout = Arriving::new("MARK", 100);
            stdout.push(b"MARK\n");
            output(&squeue, Some(code), stdout, Arriving::new("MARK", 100))
        };
        assert!(matches!(ends(127), Err(TransportError::NotStarted { .. })));
        // It may have been done all the same, so it is no refusal.
        assert!(matches!(ends(124), Err(TransportError::TooSlow { .. })));
        assert!(matches!(ends(137), Err(TransportError::TooSlow { .. })));
    }
}
