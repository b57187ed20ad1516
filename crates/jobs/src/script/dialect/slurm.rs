//! Slurm's directives, sbatch(1).

use std::ops::Range;

use super::{Found, Named};
use crate::script::value;
use crate::script::words::Word;

/// The names of an option: ours, Slurm's, and Slurm's letter.
const OPTIONS: [(&str, &str, Option<char>); 12] = [
    ("name", "job-name", Some('J')),
    ("queue", "partition", Some('p')),
    ("nodes", "nodes", Some('N')),
    ("tasks-per-node", "ntasks-per-node", None),
    ("ntasks", "ntasks", Some('n')),
    ("cpus-per-task", "cpus-per-task", Some('c')),
    ("gpus-per-node", "gpus-per-node", None),
    ("memory", "mem", None),
    ("walltime", "time", Some('t')),
    ("output", "output", Some('o')),
    ("error", "error", Some('e')),
    ("array", "array", Some('a')),
];

/// The scheduler's name for one of our options.
pub(super) fn option(ours: &'static str) -> &'static str {
    OPTIONS.iter().find(|(name, ..)| *name == ours).map_or(ours, |(_, slurm, _)| slurm)
}

/// A size of memory; Slurm knows nothing smaller than KiB.
pub(super) fn size(bytes: u64) -> String {
    value::format_size(bytes.div_ceil(1024).saturating_mul(1024))
}

/// The options of a line. What follows an option and is none itself is its value.
pub(super) fn scan(words: &[Word]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some((name, own)) = head_of(&word.text) else {
            at += 1;
            continue;
        };
        let next = words.get(at + 1).filter(|next| own.is_none() && !next.text.starts_with('-'));
        let value =
            own.map(|from| (at, from..word.text.len())).or(next.map(|next| (at + 1, 0..next.text.len())));
        let end = value.as_ref().map_or(at, |(word, _)| *word) + 1;
        let one = Found { name: Named::Other(name), words: at..end, value };
        found.push(known(one, words));
        at = end;
    }
    found
}

/// The long name of the option that a word begins, and where in the word its value does.
fn head_of(word: &str) -> Option<(String, Option<usize>)> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        return Some((name.to_owned(), long.find('=').map(|at| at + 3)));
    }
    let letter = word.strip_prefix('-')?.chars().next()?;
    let ours = OPTIONS.iter().find(|(.., own)| *own == Some(letter)).map(|(_, name, _)| *name);
    let sites = SITE_LETTERS.iter().find(|(_, own)| *own == letter).map(|(name, _)| *name);
    let name = ours.or(sites).map_or_else(|| letter.to_string(), str::to_owned);
    let start = 1 + letter.len_utf8();
    Some((name, (word.len() > start).then_some(start)))
}

/// An option in our words, where a field stands for it.
fn known(found: Found, words: &[Word]) -> Found {
    let (Named::Other(name), Some((word, range))) = (&found.name, &found.value) else { return found };
    if matches!(name.as_str(), "gres" | "gpus-per-node") {
        let Some(count) = gpu_count(&words[*word].text, range.clone()) else { return found };
        let value = Some((*word, count));
        return Found { name: Named::Ours("gpus-per-node"), value, words: found.words };
    }
    match OPTIONS.iter().find(|(_, slurm, _)| slurm == name) {
        Some((ours, ..)) => Found { name: Named::Ours(ours), ..found },
        None => found,
    }
}

/// Where the number stands in `2`, `a100:2`, `gpu:2`, `gpu:a100:2` and in a list of resources with one of GPUs.
fn gpu_count(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let list = text.get(range.clone())?;
    let mut start = range.start;
    let mut counts = Vec::new();
    for resource in list.split(',') {
        let end = start + resource.len();
        let number = resource.rfind(':').map_or(0, |at| at + 1);
        let is_list = list.contains(',');
        let is_gpu = resource.starts_with("gpu:") || (!is_list && !resource.contains('='));
        if is_gpu && value::digits(&resource[number..]).is_some() {
            counts.push(start + number..end);
        }
        start = end + 1;
    }
    if counts.len() == 1 { counts.pop() } else { None }
}

/// Letters of further options.
const SITE_LETTERS: [(&str, char); 5] =
    [("account", 'A'), ("qos", 'q'), ("constraint", 'C'), ("licenses", 'L'), ("dependency", 'd')];

/// Whether an option says how large the job is in a way that no field stands for.
pub(super) fn is_own_size(name: &str) -> bool {
    matches!(name, "G" | "gpus" | "gpus-per-task" | "mem-per-cpu" | "mem-per-gpu" | "ntasks-per-gpu")
}

/// Slurm's notations that ours lack: a time without hours, a size without a unit.
pub(super) fn in_our_words(option: &str, text: &str) -> Option<String> {
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
        let cases: [(&str, &[(&str, &str)]); 19] = [
            ("--nodes=2", &[("nodes", "2")]),
            (" -N 2", &[("nodes", "2")]),
            (" -N2", &[("nodes", "2")]),
            ("-N2", &[("nodes", "2")]),
            (" --job-name 'a b'", &[("name", "a b")]),
            (" --time=30 # half an hour", &[("walltime", "00:30:00")]),
            (" -t 1-12", &[("walltime", "36:00:00")]),
            (" --time=90:30", &[("walltime", "01:30:30")]),
            (" --mem=500", &[("memory", "500M")]),
            (" --mem=4G", &[("memory", "4G")]),
            (" --gres=gpu:2", &[("gpus-per-node", "2")]),
            (" --gres=shard:8,gpu:a100:4", &[("gpus-per-node", "4")]),
            (" --gpus-per-node=a100:2", &[("gpus-per-node", "2")]),
            (" --gres=shard:2,lic:1", &[]),
            (" -N 2 -n 4 -p debug", &[("nodes", "2"), ("ntasks", "4"), ("queue", "debug")]),
            (" --exclusive -A proj1 -J x", &[("name", "x")]),
            (" --comment='field=bio;appl=vasp'", &[]),
            (" --time=soon", &[]),
            (" 안녕", &[]),
        ];
        for (text, expected) in cases {
            let words = crate::script::words::split(text, crate::script::Dialect::Slurm).unwrap();
            let read: Vec<_> = scan(&words)
                .into_iter()
                .filter_map(|found| {
                    let Named::Ours(name) = found.name else { return None };
                    let (word, range) = found.value?;
                    Some((name, in_our_words(name, &words[word].text[range])?))
                })
                .collect();
            let read: Vec<_> = read.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(read, expected, "{text}");
        }
    }
}
