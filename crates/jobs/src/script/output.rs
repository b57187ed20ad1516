//! Names of output files: patterns in which marks stand for what a job is called.
//!
//! `%x` is the job's name, `%j` its number, `%A` that of its array, `%a` the number of a task, `%%` a per cent sign; a
//! number behind `%` says to how many digits it is filled up. PBS's `$PBS_JOBNAME`, `$PBS_JOBID` and `^array_index^`
//! mean the same.

use myksc_core::FieldProblem;

use super::{Dialect, value};

/// NAME_MAX of Linux.
const FILE_NAME_BYTES_MAX: usize = 255;
/// PATH_MAX of Linux.
const PATH_BYTES_MAX: usize = 4095;
/// Digits that a number is filled up to at most, sbatch(1).
const WIDTH_MAX: usize = 10;
/// Marks as PBS writes them, and ours.
const MARKS_OF_PBS: [(&str, &str); 5] = [
    ("${PBS_JOBID}", "%j"),
    ("$PBS_JOBID", "%j"),
    ("${PBS_JOBNAME}", "%x"),
    ("$PBS_JOBNAME", "%x"),
    ("^array_index^", "%a"),
];

/// A file's name with the marks that wait for the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputName(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Job,
    Array,
    Task,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// With the digits that it has at least.
    Mark(Mark, usize),
}

/// What the marks of one job or task stand for; what is not known stays a mark.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ids<'a> {
    pub(crate) job: Option<&'a str>,
    pub(crate) array: Option<&'a str>,
    pub(crate) task: Option<u32>,
}

impl OutputName {
    /// Reads a pattern for a job of that name.
    ///
    /// # Errors
    /// A problem at `field` with code `output_name_invalid`.
    pub(crate) fn parse(field: &str, pattern: &str, name: &str) -> Result<Self, FieldProblem> {
        let problem = |detail: &str| FieldProblem::new(field, "output_name_invalid", detail);
        let pattern =
            MARKS_OF_PBS.iter().fold(pattern.to_owned(), |text, (pbs, ours)| text.replace(pbs, ours));
        let mut pieces = vec![Piece::Text(String::new())];
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            if character != '%' {
                push_text(&mut pieces, &character.to_string());
                continue;
            }
            let mut digits = String::new();
            while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            let width = digits.parse().unwrap_or(0).min(WIDTH_MAX);
            match characters.next() {
                Some('x') => push_text(&mut pieces, name),
                Some('%') if digits.is_empty() => push_text(&mut pieces, "%"),
                Some('j') => pieces.push(Piece::Mark(Mark::Job, width)),
                Some('A') => pieces.push(Piece::Mark(Mark::Array, width)),
                Some('a') => pieces.push(Piece::Mark(Mark::Task, width)),
                _ => {
                    return Err(problem(
                        "after % comes x (the job's name), j (its number), A and a (of an array) or another %",
                    ));
                }
            }
        }
        let own = Self(pieces);
        own.check().map_err(problem)?;
        Ok(own)
    }

    /// Marks filled in where they are known, the others as they are written.
    pub(crate) fn fill(&self, ids: Ids<'_>) -> String {
        self.written(|mark, width| {
            let known = match mark {
                Mark::Job => ids.job.map(str::to_owned),
                Mark::Array => ids.array.or(ids.job).map(str::to_owned),
                Mark::Task => ids.task.map(|task| task.to_string()),
            };
            known.map_or_else(|| mark.written(width), |known| format!("{known:0>width$}"))
        })
    }

    /// The name in the words of a scheduler, which fills in what it knows better; `job` where it does not.
    pub(crate) fn for_scheduler(&self, dialect: Dialect, job: &str) -> String {
        match dialect {
            Dialect::Slurm => {
                let pieces = self.0.iter().map(|piece| match piece {
                    Piece::Text(text) => slurm_text(text),
                    Piece::Mark(mark, width) => mark.written(*width),
                });
                pieces.collect()
            }
            Dialect::Pbs => self.written(|mark, width| match mark {
                Mark::Task => "^array_index^".to_owned(),
                Mark::Job | Mark::Array => format!("{job:0>width$}"),
            }),
            Dialect::Myksc => self.fill(Ids { job: Some(job), array: Some(job), task: None }),
        }
    }

    /// The same with the number of the task behind it, if nothing else tells one task's file from another's.
    pub(crate) fn for_tasks(mut self) -> Self {
        if !self.0.iter().any(|piece| matches!(piece, Piece::Mark(Mark::Task, _))) {
            self.0.extend([Piece::Text(".".to_owned()), Piece::Mark(Mark::Task, 0)]);
        }
        self
    }

    fn written(&self, fill: impl Fn(Mark, usize) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Mark(mark, width) => fill(*mark, *width),
        });
        pieces.collect()
    }

    fn check(&self) -> Result<(), &'static str> {
        let example = self.fill(Ids { job: Some("j"), array: Some("j"), task: Some(0) });
        if value::has_control(&example) {
            return Err("a file name holds no control characters");
        }
        let mut parts = example.strip_prefix('/').unwrap_or(&example).split('/');
        if parts.any(|part| matches!(part, "" | "." | "..")) {
            return Err("give the name of a file in the work folder, or a path without . and ..");
        }
        let is_long = example.split('/').any(|part| part.len() > FILE_NAME_BYTES_MAX);
        if is_long || example.len() > PATH_BYTES_MAX {
            return Err("the file name gets longer than 255 bytes");
        }
        Ok(())
    }
}

impl Mark {
    fn written(self, width: usize) -> String {
        let letter = match self {
            Self::Job => 'j',
            Self::Array => 'A',
            Self::Task => 'a',
        };
        if width == 0 { format!("%{letter}") } else { format!("%{width}{letter}") }
    }
}

/// A text in which Slurm replaces nothing, sbatch(1) at "FILENAME PATTERN".
pub(crate) fn slurm_text(text: &str) -> String {
    text.replace('%', "%%")
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(pattern: &str) -> Option<OutputName> {
        OutputName::parse("stdout_name", pattern, "결과 1").ok()
    }

    #[test]
    fn marks_stand_for_what_the_scheduler_calls_the_job() {
        let ids = Ids { job: Some("57"), array: Some("50"), task: Some(7) };
        let cases = [
            ("%x-%j.out", "결과 1-57.out"),
            ("%A_%a.out", "50_7.out"),
            ("%3a-%010j", "007-0000000057"),
            ("100%%", "100%"),
            ("logs/%j", "logs/57"),
            ("/scratch/kim/$PBS_JOBNAME.${PBS_JOBID}.^array_index^", "/scratch/kim/결과 1.57.7"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(name(pattern).map(|name| name.fill(ids)).as_deref(), Some(expected), "{pattern}");
        }
        let before = name("%x-%j_%4a").unwrap();
        assert_eq!(before.fill(Ids::default()), "결과 1-%j_%4a");
    }

    #[test]
    fn each_scheduler_is_told_in_its_own_words() {
        let pattern = name("100%%-%j-%A_%a").unwrap();
        assert_eq!(pattern.for_scheduler(Dialect::Slurm, "jx"), "100%%-%j-%A_%a");
        assert_eq!(pattern.for_scheduler(Dialect::Pbs, "jx"), "100%-jx-jx_^array_index^");
        assert_eq!(name("%x").unwrap().for_tasks().for_scheduler(Dialect::Pbs, "jx"), "결과 1.^array_index^");
        assert_eq!(pattern.clone().for_tasks(), pattern);
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        let long = "n".repeat(256);
        for pattern in
            ["", ".", "..", "a/../b", "../x", "a//b", "/", "%", "%q", "%N", "a\nb", "\u{0}", long.as_str()]
        {
            assert_eq!(name(pattern), None, "{pattern:?}");
        }
    }
}
