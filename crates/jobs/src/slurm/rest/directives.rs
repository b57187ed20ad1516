//! The options in a script's `#SBATCH` lines. sbatch(1) reads them; slurmrestd does not, so that each has to become a
//! field of the job, and one that has none is refused and not lost.

use serde_json::{Map, Value, json};

use super::moment::epoch_secs;
use super::version::ApiVersion;
use crate::script::{slurm_time, slurm_words};

/// What stands behind an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Value,
    MaybeValue,
    Nothing,
}
use Takes::{MaybeValue, Nothing, Value as AValue};

/// How later versions write a value. v0.0.38 takes what sbatch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Count,
    Signed,
    Minutes,
    Mebibytes,
    /// Seconds since the epoch.
    Moment,
    Names,
    /// Words in capitals.
    Flags,
    Shared,
    /// GPUs by their number: `2`, `a100:2`.
    Gpus,
    /// Generic resources: `gpu:2,shard:1`.
    Gres,
    Yes,
    No,
}

/// An option of sbatch: its names, and its field up to v0.0.38 and in later versions, as far as it has one.
struct Known(&'static str, Option<char>, Takes, Option<&'static str>, Option<(&'static str, Kind)>);

/// What the portal says itself, as it does on sbatch's command line, which counts more than a script.
const OWN: [(&str, Option<char>, Takes); 7] = [
    ("chdir", Some('D'), AValue),
    ("output", Some('o'), AValue),
    ("error", Some('e'), AValue),
    ("export", None, AValue),
    ("get-user-env", None, MaybeValue),
    ("ignore-pbs", None, Nothing),
    ("parsable", None, Nothing),
];

#[rustfmt::skip]
const KNOWN: [Known; 47] = [
    Known("account", Some('A'), AValue, Some("account"), Some(("account", Kind::Text))),
    Known("array", Some('a'), AValue, Some("array"), Some(("array", Kind::Text))),
    Known("begin", Some('b'), AValue, Some("begin_time"), Some(("begin_time", Kind::Moment))),
    Known("comment", None, AValue, Some("comment"), Some(("comment", Kind::Text))),
    Known("constraint", Some('C'), AValue, Some("constraints"), Some(("constraints", Kind::Text))),
    Known("contiguous", None, Nothing, None, Some(("contiguous", Kind::Yes))),
    Known("cores-per-socket", None, AValue, Some("cores_per_socket"), None),
    Known("cpus-per-gpu", None, AValue, Some("cpus_per_gpu"), None),
    Known("cpus-per-task", Some('c'), AValue, Some("cpus_per_task"), Some(("cpus_per_task", Kind::Count))),
    Known("deadline", None, AValue, Some("deadline"), None),
    Known("dependency", Some('d'), AValue, Some("dependency"), Some(("dependency", Kind::Text))),
    Known("distribution", Some('m'), AValue, Some("distribution"), None),
    Known("exclude", Some('x'), AValue, Some("exclude_nodes"), Some(("excluded_nodes", Kind::Names))),
    Known("exclusive", None, MaybeValue, Some("exclusive"), Some(("shared", Kind::Shared))),
    Known("gpus", Some('G'), AValue, Some("gpus"), Some(("tres_per_job", Kind::Gpus))),
    Known("gpus-per-node", None, AValue, Some("gpus_per_node"), Some(("tres_per_node", Kind::Gpus))),
    Known("gpus-per-task", None, AValue, Some("gpus_per_task"), Some(("tres_per_task", Kind::Gpus))),
    Known("gres", None, AValue, Some("gres"), Some(("tres_per_node", Kind::Gres))),
    Known("hint", None, AValue, Some("cpu_binding_hint"), None),
    Known("hold", Some('H'), Nothing, Some("hold"), Some(("hold", Kind::Yes))),
    Known("input", Some('i'), AValue, Some("standard_input"), Some(("standard_input", Kind::Text))),
    Known("job-name", Some('J'), AValue, Some("name"), Some(("name", Kind::Text))),
    Known("kill-on-invalid-dep", None, AValue, Some("kill_on_invalid_dependency"), None),
    Known("licenses", Some('L'), AValue, Some("licenses"), Some(("licenses", Kind::Text))),
    Known("mail-type", None, AValue, Some("mail_type"), Some(("mail_type", Kind::Flags))),
    Known("mail-user", None, AValue, Some("mail_user"), Some(("mail_user", Kind::Text))),
    Known("mem", None, AValue, Some("memory_per_node"), Some(("memory_per_node", Kind::Mebibytes))),
    Known("mem-per-cpu", None, AValue, Some("memory_per_cpu"), Some(("memory_per_cpu", Kind::Mebibytes))),
    Known("mem-per-gpu", None, AValue, Some("memory_per_gpu"), None),
    Known("mincpus", None, AValue, Some("minimum_cpus_per_node"), Some(("minimum_cpus_per_node", Kind::Count))),
    Known("nice", None, AValue, Some("nice"), Some(("nice", Kind::Signed))),
    Known("no-requeue", None, Nothing, Some("no_requeue"), Some(("requeue", Kind::No))),
    Known("nodelist", Some('w'), AValue, Some("nodelist"), Some(("required_nodes", Kind::Names))),
    Known("nodes", Some('N'), AValue, Some("nodes"), Some(("nodes", Kind::Text))),
    Known("ntasks", Some('n'), AValue, Some("tasks"), Some(("tasks", Kind::Count))),
    Known("ntasks-per-core", None, AValue, Some("tasks_per_core"), Some(("tasks_per_core", Kind::Count))),
    Known("ntasks-per-node", None, AValue, Some("tasks_per_node"), Some(("tasks_per_node", Kind::Count))),
    Known("ntasks-per-socket", None, AValue, Some("tasks_per_socket"), Some(("tasks_per_socket", Kind::Count))),
    Known("open-mode", None, AValue, Some("open_mode"), Some(("open_mode", Kind::Flags))),
    Known("partition", Some('p'), AValue, Some("partition"), Some(("partition", Kind::Text))),
    Known("qos", Some('q'), AValue, Some("qos"), Some(("qos", Kind::Text))),
    Known("requeue", None, Nothing, Some("requeue"), Some(("requeue", Kind::Yes))),
    Known("reservation", None, AValue, Some("reservation"), Some(("reservation", Kind::Text))),
    Known("signal", None, AValue, Some("signal"), None),
    Known("threads-per-core", None, AValue, Some("threads_per_core"), Some(("threads_per_core", Kind::Count))),
    Known("time", Some('t'), AValue, Some("time_limit"), Some(("time_limit", Kind::Minutes))),
    Known("time-min", None, AValue, Some("time_minimum"), Some(("time_minimum", Kind::Minutes))),
];

/// Why a script can't be handed over by this way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There is no field for an option.
    Option(String),
    /// A line can't be read, or a value is none.
    Line(String),
}

/// The fields of a job that a script's directives ask for.
pub(super) fn fields(script: &str, version: ApiVersion) -> Result<Map<String, Value>, Unfit> {
    let mut fields = Map::new();
    for line in directives(script) {
        let words =
            slurm_words(line).ok_or_else(|| Unfit::Line(format!("#SBATCH{line}: a quote is not closed")))?;
        for (name, value) in read_words(&words)? {
            if let Some((field, value)) = field(name, value.as_deref(), version)? {
                fields.insert(field.to_owned(), value);
            }
        }
    }
    Ok(fields)
}

/// What stands behind `#SBATCH` in the lines before the first command.
fn directives(script: &str) -> impl Iterator<Item = &str> {
    let head = script.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let text = head.filter_map(|line| line.strip_prefix("#SBATCH"));
    text.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

type Asked = (&'static str, Option<String>);

/// Options by their long names, as getopt_long(3) takes them apart.
fn read_words(words: &[String]) -> Result<Vec<Asked>, Unfit> {
    let mut asked = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, own) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let (name, takes) = by_name(name).ok_or_else(|| Unfit::Option(format!("--{name}")))?;
            let value = match (takes, own) {
                (AValue, None) => Some(rest.next().cloned().ok_or_else(|| no_value(name))?),
                (Nothing, Some(_)) => return Err(Unfit::Line(format!("--{name} takes no value"))),
                (_, own) => own.map(str::to_owned),
            };
            asked.push((name, value));
        } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
            read_short(short, &mut rest, &mut asked)?;
        } else {
            return Err(Unfit::Line(format!("{word:?} stands behind #SBATCH and is no option")));
        }
    }
    Ok(asked)
}

/// `-N2`, `-N 2`, `-HN2`.
fn read_short<'a>(
    short: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    asked: &mut Vec<Asked>,
) -> Result<(), Unfit> {
    let mut letters = short.chars();
    while let Some(letter) = letters.next() {
        let (name, takes) = by_letter(letter).ok_or_else(|| Unfit::Option(format!("-{letter}")))?;
        if takes == Nothing {
            asked.push((name, None));
            continue;
        }
        let own = letters.as_str();
        let value = if own.is_empty() { rest.next().cloned() } else { Some(own.to_owned()) };
        asked.push((name, Some(value.ok_or_else(|| no_value(name))?)));
        break;
    }
    Ok(())
}

fn no_value(name: &str) -> Unfit {
    Unfit::Line(format!("--{name} needs a value"))
}

fn all() -> impl Iterator<Item = (&'static str, Option<char>, Takes)> {
    let known = KNOWN.iter().map(|Known(name, letter, takes, ..)| (*name, *letter, *takes));
    known.chain(OWN)
}

fn by_name(asked: &str) -> Option<(&'static str, Takes)> {
    all().find(|(name, ..)| *name == asked).map(|(name, _, takes)| (name, takes))
}

fn by_letter(asked: char) -> Option<(&'static str, Takes)> {
    all().find(|(_, letter, _)| *letter == Some(asked)).map(|(name, _, takes)| (name, takes))
}

/// The field of an option and its value there; none for what the portal says itself.
fn field(
    name: &str,
    value: Option<&str>,
    version: ApiVersion,
) -> Result<Option<(&'static str, Value)>, Unfit> {
    let Some(Known(_, _, takes, early, later)) = KNOWN.iter().find(|known| known.0 == name) else {
        return Ok(None);
    };
    let no_field = || Unfit::Option(format!("--{name}"));
    if version.takes_options() {
        let field = early.ok_or_else(no_field)?;
        let value = match (takes, value) {
            (Nothing, _) => json!(true),
            (_, value) => json!(value.unwrap_or(name)),
        };
        return Ok(Some((field, value)));
    }
    let (field, kind) = later.ok_or_else(no_field)?;
    let text = value.unwrap_or_default();
    let wrong = || Unfit::Line(format!("--{name}: {text:?} can't be handed over to this system"));
    typed(kind, text, version).map(|value| Some((field, value))).ok_or_else(wrong)
}

fn set(number: u64) -> Value {
    json!({ "set": true, "infinite": false, "number": number })
}

/// A value as later versions want it.
fn typed(kind: Kind, text: &str, version: ApiVersion) -> Option<Value> {
    Some(match kind {
        Kind::Text => json!(text),
        Kind::Count => json!(text.parse::<u32>().ok()?),
        Kind::Signed => json!(text.parse::<i32>().ok()?),
        Kind::Minutes => set(slurm_time(text)?.div_ceil(60)),
        Kind::Mebibytes => set(mebibytes(text)?),
        Kind::Moment => set(epoch_secs(text)?),
        // Ranges of nodes are one name for several.
        Kind::Names if text.contains('[') => return None,
        Kind::Names => json!(text.split(',').collect::<Vec<_>>()),
        Kind::Flags => json!(text.split(',').map(str::to_ascii_uppercase).collect::<Vec<_>>()),
        Kind::Shared => json!([match text {
            "" | "exclusive" => "none",
            "user" | "mcs" => text,
            _ => return None,
        }]),
        Kind::Gpus => json!(gres(&format!("gpu:{text}"), version)),
        Kind::Gres => json!(text.split(',').map(|one| gres(one, version)).collect::<Vec<_>>().join(",")),
        Kind::Yes => json!(true),
        Kind::No => json!(false),
    })
}

fn gres(text: &str, version: ApiVersion) -> String {
    let text = text.strip_prefix("gres:").or_else(|| text.strip_prefix("gres/")).unwrap_or(text);
    let between = if version.has_gres_with_slash() { '/' } else { ':' };
    format!("gres{between}{text}")
}

/// MiB of a size as sbatch(1) reads it: `4G`, `500`, `500M`, `1T`, `2048K`.
fn mebibytes(text: &str) -> Option<u64> {
    let (digits, unit) =
        text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().ok()?;
    match unit.strip_suffix(['B', 'b']).unwrap_or(unit) {
        "" | "M" | "m" => Some(number),
        "K" | "k" => Some(number.div_ceil(1024)),
        "G" | "g" => number.checked_mul(1024),
        "T" | "t" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}
