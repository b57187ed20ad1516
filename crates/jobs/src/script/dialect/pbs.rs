//! PBS's directives, qsub(1B) of OpenPBS. One chunk of `select` says what several of our options say.

use super::Pair;
use crate::form::JobForm;
use crate::script::value;

const MARK: &str = "#PBS";
/// Our options that a chunk stands for.
const OF_CHUNK: [&str; 5] = ["nodes", "tasks-per-node", "cpus-per-task", "gpus-per-node", "memory"];
/// Resources by which a job says how large it is, in both ways that PBS knows.
const SIZES: [&str; 7] = ["select", "nodes", "ncpus", "mem", "ngpus", "nodect", "ppn"];

/// The directives for options in our words, a line each.
pub(super) fn lines(options: &[Pair], form: &JobForm) -> String {
    let mut lines = String::new();
    let mut put = |option: char, value: &str| {
        if let Some(word) = quoted(value) {
            lines.push_str(&format!("{MARK} -{option} {word}\n"));
        }
    };
    let is_joined = options.iter().all(|(option, _)| *option != "error");
    let mut is_chunk_written = has_own_size(&form.other_lines);
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
    if is_joined {
        put('j', "oe");
    }
    lines
}

/// A word as people write it, in quotes only where it needs them.
pub(super) fn quoted(value: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-:=%/@".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return Some(value.to_owned());
    }
    // Quoting fails on NUL alone, and nothing comes here with a control character.
    shlex::try_quote(value).ok().map(std::borrow::Cow::into_owned)
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

/// The options of one line.
pub(super) fn read(text: &str) -> Option<Vec<Pair>> {
    let words = shlex::split(text)?;
    let mut pairs = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (option, attached) = word.strip_prefix('-').and_then(|rest| rest.split_at_checked(1))?;
        let value = if attached.is_empty() { words.next()? } else { attached.to_owned() };
        match option {
            "N" => pairs.push(("name", value)),
            "q" => pairs.push(("queue", value)),
            "o" => pairs.push(("output", value)),
            "e" => pairs.push(("error", value)),
            // What the form says by naming no file for errors.
            "j" if value == "oe" => {}
            "l" => {
                for resource in value.split(',') {
                    pairs.extend(resource_pairs(resource)?);
                }
            }
            _ => return None,
        }
    }
    Some(pairs)
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
            _ => return None,
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

/// The value of an option in a line that holds nothing else.
pub(super) fn site_value(text: &str, option: &str) -> Option<String> {
    let words = shlex::split(text)?;
    let mark = format!("-{option}");
    match words.as_slice() {
        [name, value] if *name == mark => Some(value.clone()),
        [word] => word.strip_prefix(&mark).filter(|value| !value.is_empty()).map(str::to_owned),
        _ => None,
    }
}

/// Letters of the options of a line, and the resources that it asks for.
pub(super) fn asked_names(text: &str) -> Vec<String> {
    let words = shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
    let mut names = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some((letter, attached)) = word.strip_prefix('-').and_then(|rest| rest.split_at_checked(1))
        else {
            continue;
        };
        names.push(letter.to_owned());
        if letter == "l" {
            let list = if attached.is_empty() { words.next().map_or("", String::as_str) } else { attached };
            let resources = list.split([',', ':', '+']);
            names.extend(
                resources
                    .filter_map(|one| one.rsplit_once('='))
                    .flat_map(|(name, _)| name.split('=').map(str::to_owned)),
            );
        }
    }
    names
}

/// Whether one of these lines asks for resources by which a job says how large it is.
pub(super) fn has_own_size(lines: &str) -> bool {
    let asks = |line: &str| {
        let words = line.strip_prefix(MARK).and_then(shlex::split).unwrap_or_default();
        let resources = words.iter().flat_map(|word| word.trim_start_matches("-l").split(','));
        let mut names = resources.filter_map(|resource| resource.split('=').next());
        words.iter().any(|word| word.starts_with("-l")) && names.any(|name| SIZES.contains(&name))
    };
    lines.lines().any(asks)
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
    fn a_line_is_read_when_a_field_stands_for_all_of_it() {
        fn chunk<'a>(tasks: &'a str, cpus: &'a str) -> Vec<(&'a str, &'a str)> {
            vec![("nodes", "2"), ("tasks-per-node", tasks), ("cpus-per-task", cpus)]
        }
        type Pairs<'a> = Vec<(&'a str, &'a str)>;
        let cases: Vec<(&str, Option<Pairs<'_>>)> = vec![
            (" -N words", Some(vec![("name", "words")])),
            (" -Nwords -q debug", Some(vec![("name", "words"), ("queue", "debug")])),
            (" -l walltime=90:30", Some(vec![("walltime", "01:30:30")])),
            (" -l walltime=3600", Some(vec![("walltime", "01:00:00")])),
            (" -lselect=2:ncpus=8:mpiprocs=4:ompthreads=2", Some(chunk("4", "2"))),
            (" -l select=2:ncpus=8:mpiprocs=8", Some(chunk("8", "1"))),
            (" -l select=2:ncpus=8", Some(chunk("1", "8"))),
            (" -l select=2", Some(chunk("1", "1"))),
            (
                " -l select=ncpus=1:mem=4gb:ngpus=2",
                Some(vec![
                    ("nodes", "1"),
                    ("memory", "4294967296B"),
                    ("gpus-per-node", "2"),
                    ("tasks-per-node", "1"),
                    ("cpus-per-task", "1"),
                ]),
            ),
            (" -l nodes=2:ppn=8", Some(vec![("nodes", "2"), ("tasks-per-node", "8")])),
            (" -j oe", Some(vec![])),
            (" -l select=1:ncpus=1+1:ncpus=4", None),
            (" -l select=2:ncpus=8:mpiprocs=3", None),
            (" -l select=1:ncpus=0:mpiprocs=0", None),
            (" -l select=1:host=n1", None),
            (" -l select=1:ncpus=1,place=scatter", None),
            (" -A vasp", None),
            (" -j eo", None),
            (" -V", None),
            (" -N", None),
            (" -N 'open", None),
            (" words", None),
        ];
        for (text, expected) in cases {
            let read = read(text);
            let read: Option<Vec<_>> = read
                .as_ref()
                .map(|pairs| pairs.iter().map(|(name, value)| (*name, value.as_str())).collect());
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn lines_that_say_how_large_a_job_is_are_known() {
        for (lines, expected) in [
            ("#PBS -l select=1:host=n1\n", true),
            ("# a\n#PBS -lwalltime=1,ncpus=4\n", true),
            ("#PBS -l place=scatter\n", false),
            ("#PBS -A mem=4\n", false),
            ("# -l select=1\n", false),
        ] {
            assert_eq!(has_own_size(lines), expected, "{lines}");
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
