//! A scheduler's commands: run as a person or as the observer, in an environment that changes nothing of what they
//! print.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use myksc_core::Identity;

use crate::reason::reason;
use crate::scheduler::SchedulerError;
use crate::transport::{Command, Output, Transport, TransportError};

/// A command that only reads.
const READ_DEADLINE: Duration = Duration::from_secs(30);
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
        let (argv, stdin) = (argv.to_vec(), Vec::new());
        self.run(who, Act { argv, work_dir: None, stdin, deadline: READ_DEADLINE }).await
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
        let output = self.config.transport.run(who, &command).await.map_err(|error| away(&error))?;
        if output.is_cut {
            return Err(SchedulerError::Away(format!("{}: its answer is too long", argv[0])));
        }
        Ok(output)
    }
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

fn away(error: &TransportError) -> SchedulerError {
    match error {
        TransportError::NotAllowed { .. } | TransportError::NotLetIn(_) => {
            SchedulerError::NotAllowed(error.to_string())
        }
        TransportError::NotStarted { .. } | TransportError::NoCommand | TransportError::Unreachable(_) => {
            SchedulerError::Unreached(error.to_string())
        }
        TransportError::TooSlow { .. } | TransportError::Lost(_) => SchedulerError::Away(error.to_string()),
    }
}
