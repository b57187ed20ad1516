//! Slurm's directives, sbatch(1).

use super::Pair;
use crate::script::value;

/// The names of an option: ours, Slurm's, and Slurm's letter.
const OPTIONS: [(&str, &str, Option<char>); 10] = [
    ("name", "job-name", Some('J')),
    ("queue", "partition", Some('p')),
    ("nodes", "nodes", Some('N')),
    ("tasks-per-node", "ntasks-per-node", None),
    ("cpus-per-task", "cpus-per-task", Some('c')),
    ("gpus-per-node", "gpus-per-node", None),
    ("memory", "mem", None),
    ("walltime", "time", Some('t')),
    ("output", "output", Some('o')),
    ("error", "error", Some('e')),
];

/// The scheduler's name for one of our options.
pub(super) fn option(ours: &'static str) -> &'static str {
    OPTIONS.iter().find(|(name, ..)| *name == ours).map_or(ours, |(_, slurm, _)| slurm)
}

/// A size of memory; Slurm knows nothing smaller than KiB.
pub(super) fn size(bytes: u64) -> String {
    value::format_size(bytes.div_ceil(1024).saturating_mul(1024))
}

/// The option and the value that a line of Slurm's holds, in our words; `None` where it holds more than one, or one
/// that no field stands for.
pub(super) fn read(text: &str) -> Option<Pair> {
    let words = shlex::split(text)?;
    let (name, value) = match words.as_slice() {
        [word] => match word.strip_prefix("--") {
            Some(long) => long.split_once('=')?,
            None => word.split_at_checked(2)?,
        },
        [name, value] => (name.strip_prefix("--").unwrap_or(name), value.as_str()),
        _ => return None,
    };
    if name == "gres" {
        return Some(("gpus-per-node", value.strip_prefix("gpu:")?.to_owned()));
    }
    let is_meant = |slurm: &str, letter: Option<char>| {
        name == slurm
            || name
                .strip_prefix('-')
                .is_some_and(|name| letter.is_some_and(|letter| name == letter.to_string()))
    };
    let (ours, ..) = OPTIONS.into_iter().find(|(_, slurm, letter)| is_meant(slurm, *letter))?;
    Some((ours, in_our_words(ours, value)?))
}

/// Letters of options that sites ask for.
const SITE_LETTERS: [(&str, char); 5] =
    [("account", 'A'), ("qos", 'q'), ("constraint", 'C'), ("licenses", 'L'), ("dependency", 'd')];

/// The value of an option in a line that holds nothing else.
pub(super) fn site_value(text: &str, option: &str) -> Option<String> {
    let words = shlex::split(text)?;
    let letter =
        SITE_LETTERS.iter().find(|(name, _)| *name == option).map(|(_, letter)| format!("-{letter}"));
    let long = format!("--{option}");
    let is_option = |word: &str| word == long || letter.as_deref() == Some(word);
    match words.as_slice() {
        [name, value] if is_option(name) => Some(value.clone()),
        [word] => match word.strip_prefix(&long) {
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => word.strip_prefix(&letter?).filter(|value| !value.is_empty()).map(str::to_owned),
        },
        _ => None,
    }
}

/// Long names of the options of a line.
pub(super) fn asked_names(text: &str) -> Vec<String> {
    let words = shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
    let long = |word: &str| {
        if let Some(rest) = word.strip_prefix("--") {
            return rest.split('=').next().map(str::to_owned);
        }
        let letter = word.strip_prefix('-')?.chars().next()?;
        let ours = OPTIONS.iter().find(|(_, _, own)| *own == Some(letter)).map(|(_, name, _)| *name);
        let sites = SITE_LETTERS.iter().find(|(_, own)| *own == letter).map(|(name, _)| *name);
        ours.or(sites).map(str::to_owned)
    };
    words.iter().filter_map(|word| long(word)).collect()
}

/// Slurm's notations that ours lack: a time without hours, a size without a unit.
fn in_our_words(option: &str, text: &str) -> Option<String> {
    match option {
        "walltime" => slurm_time(text).map(value::format_walltime),
        "memory" if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(format!("{text}M")),
        _ => Some(text.to_owned()),
    }
}

/// Seconds of `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`, `days-hours:minutes` or
/// `days-hours:minutes:seconds`, sbatch(1) at `--time`.
pub(crate) fn slurm_time(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(value::digits(days)?), clock),
        None => (None, text),
    };
    let parts: Vec<u64> = clock.split(':').map(value::digits).collect::<Option<_>>()?;
    let (hours, minutes, secs) = match (days, parts.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, secs]) => (0, *minutes, *secs),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (_, [hours, minutes, secs]) => (*hours, *minutes, *secs),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurms_options_are_read_in_every_way_that_people_write_them() {
        let cases = [
            ("--nodes=2", Some(("nodes", "2"))),
            (" -N 2", Some(("nodes", "2"))),
            (" -N2", Some(("nodes", "2"))),
            (" --job-name 'a b'", Some(("name", "a b"))),
            (" --time=30", Some(("walltime", "00:30:00"))),
            (" -t 1-12", Some(("walltime", "36:00:00"))),
            (" --time=90:30", Some(("walltime", "01:30:30"))),
            (" --mem=500", Some(("memory", "500M"))),
            (" --mem=4G", Some(("memory", "4G"))),
            (" --gres=gpu:2", Some(("gpus-per-node", "2"))),
            (" --gres=shard:2", None),
            (" -N 2 -n 4", None),
            (" --exclusive", None),
            (" --comment='field=bio;appl=vasp'", None),
            (" --time=soon", None),
            (" --job-name='open", None),
            (" 안녕", None),
        ];
        for (text, expected) in cases {
            let read = read(text);
            assert_eq!(read.as_ref().map(|(name, value)| (*name, value.as_str())), expected, "{text}");
        }
    }
}
