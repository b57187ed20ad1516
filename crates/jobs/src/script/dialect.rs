//! In which words directives are written: the local queue's own, or those of a scheduler.

mod pbs;
mod slurm;

pub(crate) use self::pbs::{size as pbs_size, time as pbs_time};
pub(crate) use self::slurm::slurm_time;
use super::value;
use crate::form::JobForm;
use crate::rules::SiteRules;

/// The words of one scheduler's directives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The local queue's.
    Myksc,
    /// Slurm's, sbatch(1).
    Slurm,
    /// PBS's, qsub(1).
    Pbs,
}

/// The words of a system: its scheduler's, and what its site adds.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// The scheduler's.
    pub dialect: Dialect,
    /// The site's.
    pub rules: &'a SiteRules,
}

impl From<Dialect> for Words<'static> {
    fn from(dialect: Dialect) -> Self {
        static NOTHING: SiteRules = SiteRules::NONE;
        Self { dialect, rules: &NOTHING }
    }
}

/// One of our options and its value.
pub(super) type Pair = (&'static str, String);

impl Dialect {
    /// What a directive starts with.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Myksc => "#MYKSC",
            Self::Slurm => "#SBATCH",
            Self::Pbs => "#PBS",
        }
    }

    /// The directives for options in our words, a line each.
    pub(super) fn lines(self, options: &[Pair], form: &JobForm) -> String {
        let mark = self.mark();
        let line = |(option, value): &Pair| {
            // Quoting fails on NUL alone, and nothing comes here with a control character.
            let word = shlex::try_quote(value).ok()?;
            let option = if self == Self::Slurm { slurm::option(option) } else { option };
            Some(format!("{mark} --{option}={word}\n"))
        };
        match self {
            Self::Myksc | Self::Slurm => options.iter().filter_map(line).collect(),
            Self::Pbs => pbs::lines(options, form),
        }
    }

    /// A size of memory as the scheduler reads it.
    pub(super) fn size(self, bytes: u64) -> String {
        match self {
            Self::Myksc | Self::Pbs => value::format_size(bytes),
            Self::Slurm => slurm::size(bytes),
        }
    }

    /// The options that a line of a scheduler's holds, in our words; `None` where it holds anything that no field
    /// stands for.
    pub(super) fn read(self, text: &str) -> Option<Vec<Pair>> {
        match self {
            Self::Myksc => None,
            Self::Slurm => slurm::read(text).map(|pair| vec![pair]),
            Self::Pbs => pbs::read(text),
        }
    }

    /// A line with an option of the site's.
    pub(super) fn site_line(self, option: &str, value: &str) -> Option<String> {
        match self {
            Self::Myksc => None,
            Self::Slurm => Some(format!("{} --{option}={}\n", self.mark(), shlex::try_quote(value).ok()?)),
            Self::Pbs => Some(format!("{} -{option} {}\n", self.mark(), pbs::quoted(value)?)),
        }
    }

    /// The value of an option in a line that holds nothing else.
    pub(super) fn site_value(self, text: &str, option: &str) -> Option<String> {
        match self {
            Self::Myksc => None,
            Self::Slurm => slurm::site_value(text, option),
            Self::Pbs => pbs::site_value(text, option),
        }
    }

    /// Names of everything that a line asks for, by which a site forbids it.
    pub(super) fn asked_names(self, text: &str) -> Vec<String> {
        match self {
            Self::Myksc => Vec::new(),
            Self::Slurm => slurm::asked_names(text),
            Self::Pbs => pbs::asked_names(text),
        }
    }

    /// Whether lines that no field stands for say how large the job is, so that the form's own words for it would
    /// contradict them.
    pub(super) fn has_own_size(self, other_lines: &str) -> bool {
        self == Self::Pbs && pbs::has_own_size(other_lines)
    }
}
