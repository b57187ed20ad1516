//! PBS's directives, qsub(1B) of OpenPBS. One chunk of `select` says what several of our options say.

use super::{Changes, Found, Named, Pair};
use crate::form::JobForm;
use crate::script::words::{self, Word};
use crate::script::{Dialect, value};

const MARK: &str = "#PBS";
/// Our options that a chunk stands for.
const OF_CHUNK: [&str; 5] = ["nodes", "tasks-per-node", "cpus-per-task", "gpus-per-node", "memory"];
/// Resources by which a job says how large it is, in both ways that PBS knows.
const SIZES: [&str; 7] = ["select", "nodes", "ncpus", "mem", "ngpus", "nodect", "ppn"];

/// The directives for options in our words, a line each.
pub(super) fn lines(options: &[Pair], form: &JobForm) -> String {
    let mut lines = plain_lines(options, form, false);
    if options.iter().all(|(option, _)| *option != "error") {
        lines.push_str(&format!("{MARK} -j oe\n"));
    }
    lines
}

/// The same without the one that says that there is no file for errors, and without the chunk where there is one.
pub(super) fn plain_lines(options: &[Pair], form: &JobForm, has_size: bool) -> String {
    let mut lines = String::new();
    let mut put = |option: char, value: &str| {
        if let Some(word) = words::quote(value, Dialect::Pbs) {
            lines.push_str(&format!("{MARK} -{option} {word}\n"));
        }
    };
    let mut is_chunk_written = has_size;
    for (option, value) in options {
        match *option {
            "name" => put('N', value),
            "queue" => put('q', value),
            "walltime" => put('l', &format!("walltime={value}")),
            "output" => put('o', value),
            "error" => put('e', value),
            option if OF_CHUNK.contains(&option) && !is_chunk_written => {
                put('l', &chunk(form));
                is_chunk_written = true;
            }
            _ => {}
        }
    }
    lines
}

fn chunk(form: &JobForm) -> String {
    let (tasks, cpus) = (form.tasks_per_node, form.cpus_per_task);
    let all = tasks.saturating_mul(cpus);
    let mut text = format!("select={}:ncpus={all}:mpiprocs={tasks}:ompthreads={cpus}", form.nodes);
    if form.gpus_per_node > 0 {
        text.push_str(&format!(":ngpus={}", form.gpus_per_node));
    }
    if let Some(bytes) = form.memory_bytes {
        text.push_str(&format!(":mem={}", format_size(bytes)));
    }
    text
}

/// `4gb`, `512mb`, `1000b`.
fn format_size(bytes: u64) -> String {
    let text = value::format_size(bytes).to_lowercase();
    if text.ends_with('b') { text } else { format!("{text}b") }
}

/// Options without a value, qsub(1B).
const FLAGS: &str = "fhIVXz";

/// The options of a line.
pub(super) fn scan(words: &[Word]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some(letter) = word.text.strip_prefix('-').and_then(|rest| rest.chars().next()) else { break };
        let start = 1 + letter.len_utf8();
        let is_flag = FLAGS.contains(letter);
        let is_attached = word.text.len() > start;
        let next = words.get(at + 1).filter(|_| !is_attached && !is_flag);
        let attached = (is_attached && !is_flag).then_some((at, start..word.text.len()));
        let value = attached.or(next.map(|next| (at + 1, 0..next.text.len())));
        let end = value.as_ref().map_or(at, |(word, _)| *word) + 1;
        found.push(Found { name: named(letter), words: at..end, value });
        at = end;
    }
    found
}

fn named(letter: char) -> Named {
    match letter {
        'N' => Named::Ours("name"),
        'q' => Named::Ours("queue"),
        'o' => Named::Ours("output"),
        'e' => Named::Ours("error"),
        'J' => Named::Ours("array"),
        'j' => Named::Joined,
        'l' => Named::Resources,
        other => Named::Other(other.to_string()),
    }
}

/// What a list of resources says in our words, and whether it says more of the job's size than that.
pub(crate) fn read_resources(list: &str) -> (Vec<Pair>, bool) {
    let mut pairs = Vec::new();
    let mut has_own_size = false;
    for resource in list.split(',') {
        match resource_pairs(resource) {
            Some(read) => pairs.extend(read),
            None => has_own_size |= SIZES.contains(&resource.split('=').next().unwrap_or_default()),
        }
    }
    (pairs, has_own_size)
}

fn resource_pairs(resource: &str) -> Option<Vec<Pair>> {
    let (name, value) = resource.split_once('=')?;
    match name {
        "walltime" => Some(vec![("walltime", value::format_walltime(time(value)?))]),
        "select" => read_chunk(value),
        "nodes" => read_nodes(value),
        _ => None,
    }
}

/// One chunk, such as `2:ncpus=8:mpiprocs=4:ompthreads=2:ngpus=1:mem=4gb`.
fn read_chunk(text: &str) -> Option<Vec<Pair>> {
    if text.contains('+') {
        return None;
    }
    let mut parts = text.split(':').peekable();
    let nodes = match parts.peek()?.parse::<u32>() {
        Ok(nodes) => parts.next().map(|_| nodes)?,
        Err(_) => 1,
    };
    let (mut ncpus, mut mpiprocs, mut ompthreads) = (None, None, None);
    let mut pairs = vec![("nodes", nodes.to_string())];
    for part in parts {
        let (name, value) = part.split_once('=')?;
        match name {
            "ncpus" => ncpus = Some(value.parse::<u32>().ok()?),
            "mpiprocs" => mpiprocs = Some(value.parse::<u32>().ok()?),
            "ompthreads" => ompthreads = Some(value.parse::<u32>().ok()?),
            "ngpus" => pairs.push(("gpus-per-node", value.to_owned())),
            "mem" => {
                let memory = format!("{}B", size(value)?);
                pairs.push(("memory", memory));
            }
            // A host, a kind of node: between the person and the scheduler.
            _ => {}
        }
    }
    let ncpus = ncpus.unwrap_or(1);
    let tasks = mpiprocs.unwrap_or(1);
    let cpus = ompthreads.unwrap_or(ncpus.checked_div(tasks)?);
    if tasks.checked_mul(cpus) != Some(ncpus) {
        return None;
    }
    pairs.extend([("tasks-per-node", tasks.to_string()), ("cpus-per-task", cpus.to_string())]);
    Some(pairs)
}

/// The older way, `2:ppn=8`.
fn read_nodes(text: &str) -> Option<Vec<Pair>> {
    let (nodes, tasks) = match text.split_once(":ppn=") {
        Some((nodes, tasks)) => (nodes, tasks.parse::<u32>().ok()?),
        None => (text, 1),
    };
    let nodes = nodes.parse::<u32>().ok()?;
    Some(vec![("nodes", nodes.to_string()), ("tasks-per-node", tasks.to_string())])
}

/// A list of resources with the changes that it can carry, which are taken out of `changes`.
pub(crate) fn change_resources(list: &str, changes: &mut Changes, form: &JobForm) -> String {
    let change = |resource: &str| match resource.split_once('=') {
        _ if resource_pairs(resource).is_none() => resource.to_owned(),
        Some(("walltime", _)) => match changes.remove("walltime").flatten() {
            Some(walltime) => format!("walltime={walltime}"),
            None => resource.to_owned(),
        },
        Some(("select", chunk)) => format!("select={}", change_chunk(chunk, changes, form)),
        Some(("nodes", nodes)) => format!("nodes={}", change_nodes(nodes, changes)),
        _ => resource.to_owned(),
    };
    list.split(',').map(change).collect::<Vec<_>>().join(",")
}

fn change_chunk(chunk: &str, changes: &mut Changes, form: &JobForm) -> String {
    let mut parts: Vec<String> = chunk.split(':').map(str::to_owned).collect();
    let has_count = value::digits(&parts[0]).is_some();
    if let Some(Some(nodes)) = changes.remove("nodes") {
        if has_count {
            parts[0] = nodes;
        } else {
            parts.insert(0, nodes);
        }
    }
    let (tasks, cpus) =
        (changes.remove("tasks-per-node").flatten(), changes.remove("cpus-per-task").flatten());
    if tasks.is_some() || cpus.is_some() {
        let all = form.tasks_per_node.saturating_mul(form.cpus_per_task);
        put(&mut parts, "ncpus", Some(all.to_string()), true);
        put(&mut parts, "mpiprocs", tasks, true);
        put(&mut parts, "ompthreads", cpus, false);
    }
    if let Some(gpus) = changes.remove("gpus-per-node") {
        put(&mut parts, "ngpus", Some(gpus.unwrap_or_default()), true);
    }
    if changes.remove("memory").is_some() {
        put(&mut parts, "mem", Some(form.memory_bytes.map_or_else(String::new, format_size)), true);
    }
    parts.join(":")
}

/// Gives a part of a chunk its value; an empty one takes the part away.
fn put(parts: &mut Vec<String>, name: &str, value: Option<String>, add: bool) {
    let Some(value) = value else { return };
    let at = parts.iter().position(|part| part.split('=').next() == Some(name));
    match at {
        Some(at) if value.is_empty() => drop(parts.remove(at)),
        Some(at) => parts[at] = format!("{name}={value}"),
        None if add && !value.is_empty() => parts.push(format!("{name}={value}")),
        None => {}
    }
}

/// The older way says nothing of cores, GPUs and memory.
fn change_nodes(text: &str, changes: &mut Changes) -> String {
    let (nodes, tasks) = text.split_once(":ppn=").map_or((text, None), |(nodes, tasks)| (nodes, Some(tasks)));
    let mut taken =
        |option: &str, old: &str| changes.remove(option).flatten().unwrap_or_else(|| old.to_owned());
    let nodes = taken("nodes", nodes);
    match tasks {
        Some(tasks) => format!("{nodes}:ppn={}", taken("tasks-per-node", tasks)),
        None => nodes,
    }
}

/// The letter of an option.
pub(super) fn letter(word: &Word) -> Option<String> {
    word.text.chars().nth(1).map(String::from)
}

/// The option's letter, and the resources that a list asks for.
pub(super) fn resource_names(list: &str) -> Vec<String> {
    let asked = list.split([',', ':', '+']).filter_map(|one| one.rsplit_once('='));
    let names = asked.flat_map(|(name, _)| name.split('=').map(str::to_owned));
    std::iter::once("l".to_owned()).chain(names).collect()
}

/// Seconds of `seconds`, `minutes:seconds` or `hours:minutes:seconds`, pbs_resources(7B).
pub(crate) fn time(text: &str) -> Option<u64> {
    let whole = text.split('.').next()?;
    let parts: Vec<u64> = whole.split(':').map(value::digits).collect::<Option<_>>()?;
    let (hours, minutes, secs) = match parts.as_slice() {
        [secs] => (0, 0, *secs),
        [minutes, secs] => (0, *minutes, *secs),
        [hours, minutes, secs] => (*hours, *minutes, *secs),
        _ => return None,
    };
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(secs)
}

/// Bytes of `24682416kb`, `4gb`, `100mw` or a number alone, pbs_resources(7B); a word has eight bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.to_ascii_lowercase();
    let (unit, word) = match unit.strip_suffix('w') {
        Some(unit) => (unit, 8),
        None => (unit.strip_suffix('b').unwrap_or(&unit), 1),
    };
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    value::digits(number)?.checked_mul(word)?.checked_mul(1024_u64.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_where_fields_stand_for_them() {
        fn chunk<'a>(tasks: &'a str, cpus: &'a str) -> Vec<(&'a str, &'a str)> {
            vec![("nodes", "2"), ("tasks-per-node", tasks), ("cpus-per-task", cpus)]
        }
        type Pairs<'a> = Vec<(&'a str, &'a str)>;
        let cases: Vec<(&str, Pairs<'_>, bool)> = vec![
            ("walltime=90:30", vec![("walltime", "01:30:30")], false),
            ("walltime=3600", vec![("walltime", "01:00:00")], false),
            ("select=2:ncpus=8:mpiprocs=4:ompthreads=2", chunk("4", "2"), false),
            ("select=2:ncpus=8:mpiprocs=8", chunk("8", "1"), false),
            ("select=2:ncpus=8", chunk("1", "8"), false),
            ("select=2:host=n1", chunk("1", "1"), false),
            (
                "select=ncpus=1:mem=4gb:ngpus=2",
                vec![
                    ("nodes", "1"),
                    ("memory", "4294967296B"),
                    ("gpus-per-node", "2"),
                    ("tasks-per-node", "1"),
                    ("cpus-per-task", "1"),
                ],
                false,
            ),
            (
                "nodes=2:ppn=8,walltime=1",
                vec![("nodes", "2"), ("tasks-per-node", "8"), ("walltime", "00:00:01")],
                false,
            ),
            ("select=1:ncpus=1+1:ncpus=4", vec![], true),
            ("select=2:ncpus=8:mpiprocs=3", vec![], true),
            ("select=1:ncpus=0:mpiprocs=0", vec![], true),
            ("ncpus=4,mem=2gb", vec![], true),
            ("place=scatter", vec![], false),
        ];
        for (text, expected, own_size) in cases {
            let (read, has_own_size) = read_resources(text);
            let read: Vec<_> = read.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!((read, has_own_size), (expected, own_size), "{text}");
        }
    }

    #[test]
    fn sizes_and_times_are_read_as_pbs_writes_them() {
        for (text, bytes) in [
            ("24682416kb", Some(24_682_416 * 1024)),
            ("4gb", Some(4 << 30)),
            ("4GB", Some(4 << 30)),
            ("100mw", Some(800 << 20)),
            ("17b", Some(17)),
            ("17", Some(17)),
            ("4x", None),
            ("gb", None),
            ("99999999999pb", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for (text, secs) in [("128:54:21", Some(464_061)), ("10", Some(10)), ("1:2:3:4", None), ("x", None)] {
            assert_eq!(time(text), secs, "{text}");
        }
    }
}
