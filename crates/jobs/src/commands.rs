//! A scheduler's commands: run as a person or as the observer, in an environment that changes nothing of what they
//! print.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use myksc_core::Identity;

use crate::reason::reason;
use crate::scheduler::{Reading, SchedulerError};
use crate::transport::{Command, Output, Transport, TransportError};

/// A command that only reads.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// What env(1) exits with where there is no such program.
const NO_PROGRAM: i32 = 127;
/// Enough for 100,000 jobs of a poll.
const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// How a cluster's scheduler is reached.
pub struct CommandsConfig {
    /// Runs its commands.
    pub transport: Arc<dyn Transport>,
    /// Whose commands look at everybody's jobs: an ordinary account.
    pub observer: Identity,
    /// Further variables for the commands, for example `SLURM_CONF`.
    pub environment: Vec<(String, String)>,
    /// Time between two polls.
    pub poll_every: Duration,
}

/// The commands of one scheduler.
pub(crate) struct Commands {
    config: CommandsConfig,
    /// What stands in front of each: variables taken away and set.
    prefix: Vec<String>,
}

/// A command that does more than read.
pub(crate) struct Act<'a> {
    pub(crate) argv: Vec<&'a str>,
    pub(crate) work_dir: Option<&'a str>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) deadline: Duration,
}

impl<'a> Act<'a> {
    /// A command without input, in no folder of its own.
    pub(crate) fn plain(argv: Vec<&'a str>, deadline: Duration) -> Self {
        Self { argv, work_dir: None, stdin: Vec::new(), deadline }
    }
}

impl Commands {
    /// `unset`: variables by which a site or a person changes what the commands print or do.
    pub(crate) fn new(config: CommandsConfig, unset: &[&str], set: &[&str]) -> Self {
        let mut prefix = vec!["env".to_owned()];
        prefix.extend(unset.iter().flat_map(|name| ["-u".to_owned(), (*name).to_owned()]));
        prefix.extend(set.iter().map(|&pair| pair.to_owned()));
        prefix.extend(config.environment.iter().map(|(name, value)| format!("{name}={value}")));
        Self { config, prefix }
    }

    /// Runs a command that only reads as somebody.
    pub(crate) async fn read(&self, who: &Identity, argv: &[&str]) -> Result<Output, SchedulerError> {
        self.run(who, Act::plain(argv.to_vec(), READ_DEADLINE)).await
    }

    /// Runs a command that only reads as the observer.
    pub(crate) async fn observe(&self, argv: &[&str]) -> Result<Output, SchedulerError> {
        self.read(&self.config.observer, argv).await
    }

    /// What a command that has to succeed prints, as the observer.
    pub(crate) async fn ask(&self, argv: &[&str]) -> Result<String, SchedulerError> {
        let output = self.observe(argv).await?;
        match output.exit_code {
            Some(0) => Ok(text(&output.stdout)),
            _ => Err(SchedulerError::Away(words(&output, argv[0]))),
        }
    }

    /// What a command that has to succeed prints, as somebody.
    pub(crate) async fn ask_as(&self, who: &Identity, argv: &[String]) -> Result<String, SchedulerError> {
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let output = self.read(who, &argv).await?;
        match output.exit_code {
            Some(0) => Ok(text(&output.stdout)),
            _ => Err(SchedulerError::Away(words(&output, argv.first().copied().unwrap_or_default()))),
        }
    }

    /// Runs a command as somebody.
    pub(crate) async fn run(&self, who: &Identity, act: Act<'_>) -> Result<Output, SchedulerError> {
        let Act { argv, work_dir, stdin, deadline } = act;
        let all = self.prefix.iter().map(String::as_str).chain(argv.iter().copied());
        let command = Command {
            argv: all.map(str::to_owned).collect(),
            work_dir: work_dir.map(str::to_owned),
            stdin,
            deadline,
            output_bytes_max: OUTPUT_BYTES_MAX,
        };
        let output = self.config.transport.run(who, &command).await.map_err(|error| away(argv[0], &error))?;
        if output.exit_code == Some(NO_PROGRAM) {
            return Err(SchedulerError::Unreached(words(&output, "env")));
        }
        if output.is_cut {
            return Err(SchedulerError::Away(format!("{}: its answer is too long", argv[0])));
        }
        Ok(output)
    }
}

/// Prints where it begins to read, how long the file is, and the bytes. Arguments: file, offset, bytes at most.
const READ_FILE: &str = r#"
[ -f "$1" ] || exit 44
exec 3<"$1"
size=$(stat -L -c %s /dev/fd/3) || exit 1
begin=$2
[ "$begin" -ge 0 ] || begin=$((size + begin))
[ "$begin" -ge 0 ] || begin=0
[ "$begin" -le "$size" ] || begin=$size
echo "$begin $size"
tail -c "+$((begin + 1))" <&3 | head -c "$3"
"#;
/// What the above exits with where there is no such file.
const NO_FILE: i32 = 44;

impl Commands {
    /// Reads a piece of a file as somebody, [`crate::scheduler::Scheduler::read_file`].
    pub(crate) async fn read_file(
        &self,
        who: &Identity,
        path: &Path,
        offset: i64,
        limit: u64,
    ) -> Result<Reading, SchedulerError> {
        let (offset, limit) = (offset.to_string(), limit.to_string());
        let output = self.read(who, &["sh", "-c", READ_FILE, "sh", utf8(path)?, &offset, &limit]).await?;
        match output.exit_code {
            Some(0) => piece(output.stdout),
            Some(NO_FILE) => Ok(Reading::Missing),
            _ => Err(SchedulerError::Away(words(&output, "sh"))),
        }
    }
}

fn piece(mut said: Vec<u8>) -> Result<Reading, SchedulerError> {
    let rubbish = || SchedulerError::Away("the file was not read: the answer is none".to_owned());
    let end = said.iter().position(|byte| *byte == b'\n').ok_or_else(rubbish)?;
    let bytes = said.split_off(end + 1);
    let head = text(&said);
    let numbers = head
        .trim()
        .split_once(' ')
        .and_then(|(offset, size)| Some((offset.parse().ok()?, size.parse().ok()?)));
    let (offset, size_bytes) = numbers.ok_or_else(rubbish)?;
    Ok(Reading::Piece { offset, size_bytes, bytes })
}

/// What a command said against what it was told, without the marks in front of each line.
pub(crate) fn words(output: &Output, program: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let mark = format!("{program}: ");
    let line = |line: &str| {
        let line = line.strip_prefix(&mark).unwrap_or(line);
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    };
    let lines: Vec<String> = said.lines().map(line).filter(|line| !line.trim().is_empty()).take(10).collect();
    match (lines.is_empty(), output.exit_code) {
        (false, _) => lines.join("\n"),
        (true, Some(code)) => format!("{program} ends with code {code} and says nothing"),
        (true, None) => format!("{program} was ended by a signal"),
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path as an argument.
pub(crate) fn utf8(path: &Path) -> Result<&str, SchedulerError> {
    let detail = "its path holds characters that the scheduler's options can't carry";
    path.to_str().ok_or_else(|| SchedulerError::Refused(reason("refused", [], detail)))
}

/// `program` is the scheduler's, not what stands in front of it.
fn away(program: &str, error: &TransportError) -> SchedulerError {
    match error {
        TransportError::NotAllowed { .. } | TransportError::NotLetIn(_) => {
            SchedulerError::NotAllowed(error.to_string())
        }
        TransportError::NotStarted { source, .. } => {
            SchedulerError::Unreached(format!("{program} does not start: {source}"))
        }
        TransportError::NoCommand | TransportError::Unreachable(_) => {
            SchedulerError::Unreached(error.to_string())
        }
        TransportError::TooSlow { deadline_secs, .. } => {
            SchedulerError::Away(format!("{program} did not end in {deadline_secs} s"))
        }
        TransportError::Lost(_) => SchedulerError::Away(format!("{program}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::UserId;

    use super::*;
    use crate::transport::Exec;

    fn here() -> (Commands, Identity) {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let (name, home, shell) = ("kim".to_owned(), "/".into(), "/bin/sh".into());
        let who = Identity { user: UserId::random(), name, uid, gid, gids: Vec::new(), home, shell };
        let config = CommandsConfig {
            transport: Arc::new(Exec::new("/usr/bin:/bin")),
            observer: who.clone(),
            environment: vec![("SITE".to_owned(), "a b".to_owned())],
            poll_every: Duration::from_secs(1),
        };
        (Commands::new(config, &["HOME"], &["TZ=UTC"]), who)
    }

    #[tokio::test]
    async fn commands_find_the_variables_that_are_set_and_none_that_is_taken_away() {
        let (commands, _) = here();
        let said = commands.ask(&["sh", "-c", "echo $SITE $TZ ${HOME-none}"]).await.unwrap();
        assert_eq!(said, "a b UTC none\n");
        let away = commands.ask(&["sh", "-c", "echo 'sh: error: gone' >&2; exit 1"]).await.unwrap_err();
        assert!(matches!(&away, SchedulerError::Away(why) if why == "gone"), "{away:?}");
        let missing = commands.ask(&["no-such-program"]).await.unwrap_err();
        assert!(
            matches!(&missing, SchedulerError::Unreached(why) if why.contains("no-such-program")),
            "{missing:?}"
        );
    }

    #[tokio::test]
    async fn files_are_read_by_pieces_and_what_is_none_is_missing() {
        let (commands, who) = here();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("-it's $(id)\n결과.out");
        std::fs::write(&path, b"one\ntwo\n\xff\0three").unwrap();
        let read = |offset, limit| commands.read_file(&who, &path, offset, limit);
        let piece = |offset, bytes: &[u8]| Reading::Piece { offset, size_bytes: 15, bytes: bytes.to_vec() };
        assert_eq!(read(0, 4).await.unwrap(), piece(0, b"one\n"));
        assert_eq!(read(4, 100).await.unwrap(), piece(4, b"two\n\xff\0three"));
        assert_eq!(read(-5, 3).await.unwrap(), piece(10, b"thr"));
        assert_eq!(read(-100, 3).await.unwrap(), piece(0, b"one"));
        assert_eq!(read(100, 3).await.unwrap(), piece(15, b""));
        for missing in [folder.path().join("no"), folder.path().to_owned()] {
            assert_eq!(commands.read_file(&who, &missing, 0, 9).await.unwrap(), Reading::Missing);
        }
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("link")).unwrap();
        let endless = commands.read_file(&who, &folder.path().join("link"), 0, 9).await.unwrap();
        assert_eq!(endless, Reading::Missing, "what is no file is not read");
    }
}
