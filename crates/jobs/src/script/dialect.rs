//! In which words directives are written: the local queue's own, or those of a scheduler.

mod pbs;
mod slurm;

pub(super) use self::pbs::{change_resources, read_resources};
pub(crate) use self::pbs::{size as pbs_size, time as pbs_time};
pub(crate) use self::slurm::slurm_time;
use std::collections::BTreeMap;
use std::ops::Range;

use super::words::Word;
use super::{value, words};
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

/// Our options with what they shall say from now on; `None` takes the option away.
pub(super) type Changes = BTreeMap<&'static str, Option<String>>;

/// An option that stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Which one.
    pub(super) name: Named,
    /// The words that it takes up.
    pub(super) words: Range<usize>,
    /// The word with its value, and where in the word that stands.
    pub(super) value: Option<(usize, Range<usize>)>,
}

/// Which option of a scheduler's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// One that a field stands for, in our words.
    Ours(&'static str),
    /// PBS's list of resources.
    Resources,
    /// PBS's way to say that there is no file for errors.
    Joined,
    /// Another one, as the scheduler calls it.
    Other(String),
}

impl Dialect {
    /// What a directive starts with.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Myksc => "#MYKSC",
            Self::Slurm => "#SBATCH",
            Self::Pbs => "#PBS",
        }
    }

    /// The directives of a new script for options in our words, a line each.
    pub(super) fn lines(self, options: &[Pair], form: &JobForm) -> String {
        match self {
            Self::Myksc | Self::Slurm => self.plain_lines(options),
            Self::Pbs => pbs::lines(options, form),
        }
    }

    /// Directives for a script that has some already; `has_size` where it says how large the job is.
    pub(super) fn added_lines(self, options: &[Pair], form: &JobForm, has_size: bool) -> String {
        match self {
            Self::Myksc | Self::Slurm => self.plain_lines(options),
            Self::Pbs => pbs::plain_lines(options, form, has_size),
        }
    }

    fn plain_lines(self, options: &[Pair]) -> String {
        let mark = self.mark();
        let line = |(option, value): &Pair| {
            let word = words::quote(value, self)?;
            let option = if self == Self::Slurm { slurm::option(option) } else { option };
            Some(format!("{mark} --{option}={word}\n"))
        };
        options.iter().filter_map(line).collect()
    }

    /// A size of memory as the scheduler reads it.
    pub(super) fn size(self, bytes: u64) -> String {
        match self {
            Self::Myksc | Self::Pbs => value::format_size(bytes),
            Self::Slurm => slurm::size(bytes),
        }
    }

    /// The options of a line of a scheduler's.
    pub(super) fn scan(self, words: &[Word]) -> Vec<Found> {
        match self {
            Self::Myksc => Vec::new(),
            Self::Slurm => slurm::scan(words),
            Self::Pbs => pbs::scan(words),
        }
    }

    /// The value of one of our options, in our words; `None` where no field can hold it.
    pub(super) fn in_our_words(self, option: &str, value: &str) -> Option<String> {
        match self {
            Self::Slurm => slurm::in_our_words(option, value),
            Self::Myksc | Self::Pbs => Some(value.to_owned()),
        }
    }

    /// A line with an option of the site's.
    pub(super) fn site_line(self, option: &str, value: &str) -> Option<String> {
        let value = words::quote(value, self)?;
        match self {
            Self::Myksc => None,
            Self::Slurm => Some(format!("{} --{option}={value}\n", self.mark())),
            Self::Pbs => Some(format!("{} -{option} {value}\n", self.mark())),
        }
    }

    /// Whether an option says how large the job is in a way that no field stands for.
    pub(super) fn is_own_size(self, option: &str) -> bool {
        self == Self::Slurm && slurm::is_own_size(option)
    }

    /// Names of everything that a line asks for, by which a site forbids it.
    pub(super) fn asked_names(self, text: &str) -> Vec<String> {
        let words = words::split(text, self).unwrap_or_default();
        let mut names = Vec::new();
        for found in self.scan(&words) {
            let value = found.value.as_ref().map_or("", |(word, range)| &words[*word].text[range.clone()]);
            match found.name {
                Named::Ours(option) if self == Self::Slurm => names.push(slurm::option(option).to_owned()),
                Named::Ours(_) | Named::Joined => names.extend(pbs::letter(&words[found.words.start])),
                Named::Resources => names.extend(pbs::resource_names(value)),
                Named::Other(name) => names.push(name),
            }
        }
        names
    }
}
