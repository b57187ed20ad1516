//! The directives: which there are, how each is written and read.

use std::collections::BTreeMap;

use myksc_core::{FieldProblem, UserPath};

use super::dialect::{self, Dialect, Found, Named, Words};
use super::split::{NumberedLine, directive_text};
use super::{value, words};
use crate::form::JobForm;
use crate::rules::SiteRules;

/// What the directives of a script say; `None` where they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// `--name`.
    pub name: Option<String>,
    /// `--queue`.
    pub queue: Option<String>,
    /// `--nodes`.
    pub nodes: Option<u32>,
    /// `--tasks-per-node`.
    pub tasks_per_node: Option<u32>,
    /// `--cpus-per-task`.
    pub cpus_per_task: Option<u32>,
    /// `--gpus-per-node`.
    pub gpus_per_node: Option<u32>,
    /// `--memory`.
    pub memory_bytes: Option<u64>,
    /// `--walltime`.
    pub walltime_secs: Option<u64>,
    /// `--output`.
    pub stdout_name: Option<String>,
    /// `--error`.
    pub stderr_name: Option<String>,
    /// Tasks of an array, as its scheduler writes them.
    pub array: Option<String>,
    /// Tasks on all nodes together, by which Slurm's scripts say those of each.
    pub ntasks: Option<u32>,
    /// Whether the script says in a way of its own how large the job is, so that fields have no effect on that.
    pub has_own_size: bool,
    /// Values of the site's own fields.
    pub options: BTreeMap<String, String>,
}

/// Options of other schedulers, which this dialect does not read.
const FOREIGN: [(&str, &str); 5] =
    [("#MYKSC", "MyKSC"), ("#SBATCH", "Slurm"), ("#PBS", "PBS"), ("#BSUB", "LSF"), ("#$ -", "Grid Engine")];

/// What a form says, option by option, each in the scheduler's notation. What can't stand in a directive is left out;
/// `None` stands where there is nothing to say.
pub(super) fn values(
    form: &JobForm,
    words: Words<'_>,
    problems: &mut Vec<FieldProblem>,
) -> Vec<(&'static str, Option<String>)> {
    let Words { dialect, rules } = words;
    let mut options: Vec<(&'static str, Option<String>)> = Vec::new();
    let names = [
        ("name", &form.name, check_name(&form.name, dialect)),
        ("queue", &form.queue, check_queue(&form.queue)),
    ];
    for (option, value, checked) in names {
        match checked {
            Ok(()) => options.push((option, Some(value.clone()))),
            Err(problem) => problems.push(problem),
        }
    }
    options.push(("nodes", Some(form.nodes.to_string())));
    options.push(("tasks-per-node", Some(form.tasks_per_node.to_string())));
    options.push(("cpus-per-task", Some(form.cpus_per_task.to_string())));
    options.push(("gpus-per-node", (form.gpus_per_node > 0).then(|| form.gpus_per_node.to_string())));
    match form.memory_bytes {
        Some(_) if rules.forbidden.contains("mem") => problems.push(forbidden("memory_bytes", "mem")),
        memory_bytes => options.push(("memory", memory_bytes.map(|bytes| dialect.size(bytes)))),
    }
    options.push(("walltime", Some(value::format_walltime(form.walltime_secs))));
    for (option, field, pattern) in
        [("output", "stdout_name", &form.stdout_name), ("error", "stderr_name", &form.stderr_name)]
    {
        match value::check_pattern(field, pattern) {
            Ok(()) => options.push((option, Some(pattern.clone()).filter(|pattern| !pattern.is_empty()))),
            Err(problem) => problems.push(problem),
        }
    }
    options
}

/// Writes the directives of a form, leaving out what can't stand in one.
pub(super) fn render(form: &JobForm, words: Words<'_>, problems: &mut Vec<FieldProblem>) -> String {
    let said = values(form, words, problems);
    let options: Vec<_> = said.into_iter().filter_map(|(option, value)| Some((option, value?))).collect();
    let mut lines = words.dialect.lines(&options, form);
    for option in &words.rules.options {
        if let Some(value) = option.fill(&form.options) {
            lines.extend(words.dialect.site_line(&option.option, &value));
        }
    }
    lines
}

/// What does not hold of a form beside what its directives say.
pub(super) fn form_problems(form: &JobForm, rules: &SiteRules) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if let Err(problem) = UserPath::parse_field("work_dir", &form.work_dir) {
        problems.push(problem);
    }
    problems.extend(rules.problems(&form.options));
    problems
}

fn forbidden(field: &str, option: &str) -> FieldProblem {
    let detail = format!("this site does not take the option {option}");
    FieldProblem::new(field, "option_forbidden", detail).with("option", option)
}

/// What the site demands that the head of a script does not keep to.
pub(super) fn site_problems(
    lines: &[NumberedLine<'_>],
    words: Words<'_>,
    said: &Directives,
) -> Vec<FieldProblem> {
    let asked = lines.iter().filter_map(|(_, line)| directive_text(line, words.dialect));
    let names = asked.flat_map(|text| words.dialect.asked_names(text));
    let mut problems: Vec<_> = names
        .filter(|name| words.rules.forbidden.contains(name))
        .map(|name| forbidden("script", &name))
        .collect();
    problems.dedup();
    problems.extend(words.rules.problems(&said.options));
    problems
}

/// Reads the lines of a head, and lists what is wrong with them.
pub(super) fn read(
    lines: &[NumberedLine<'_>],
    words: Words<'_>,
    problems: &mut Vec<FieldProblem>,
) -> Directives {
    let dialect = words.dialect;
    let mut said = Directives::default();
    for (number, line) in lines {
        let Some(text) = directive_text(line, dialect) else {
            problems.extend(foreign(line, *number, dialect));
            continue;
        };
        match dialect {
            Dialect::Myksc => problems.extend(read_line(text, *number, &mut said).unwrap_or_else(Some)),
            Dialect::Slurm | Dialect::Pbs => read_scheduler_line(text, words, &mut said),
        }
    }
    settle_tasks(&mut said);
    said
}

fn foreign(line: &str, number: usize, dialect: Dialect) -> Option<FieldProblem> {
    let (mark, scheduler) =
        FOREIGN.iter().find(|(mark, _)| line.starts_with(mark) && *mark != dialect.mark())?;
    let detail = format!("line {number}: this system does not read {mark} lines of {scheduler}");
    let problem = FieldProblem::new("script", "foreign_directive", detail);
    Some(problem.with("line", number).with("scheduler", *scheduler))
}

/// Tasks of all nodes together say those of each node only where the nodes are said, too.
fn settle_tasks(said: &mut Directives) {
    let (Some(all), None) = (said.ntasks, said.tasks_per_node) else { return };
    let each = said.nodes.filter(|nodes| *nodes > 0 && all % nodes == 0).map(|nodes| all / nodes);
    said.tasks_per_node = each;
    said.has_own_size |= each.is_none();
}

/// Takes one directive over. `Ok(Some(…))` tells of a value that does not hold or comes twice, `Err` of a line
/// that is not understood at all.
fn read_line(text: &str, number: usize, said: &mut Directives) -> Result<Option<FieldProblem>, FieldProblem> {
    let unreadable = |detail: &str| {
        let detail = format!("line {number}: {detail}");
        FieldProblem::new("script", "directive_unreadable", detail).with("line", number)
    };
    let word =
        only_word(text).ok_or_else(|| unreadable("write one --option=value, and nothing behind it"))?;
    let option_value = word.strip_prefix("--").and_then(|word| word.split_once('='));
    let (option, value) = option_value.ok_or_else(|| unreadable("write --option=value"))?;
    let Some(result) = take(option, value, said) else {
        let detail = format!("line {number}: there is no option --{option}");
        let problem = FieldProblem::new("script", "directive_unknown", detail).with("line", number);
        return Err(problem.with("option", option));
    };
    Ok(match result {
        Ok(false) => None,
        Ok(true) => {
            let detail = format!("line {number}: --{option} stands twice, the last one counts");
            let problem = FieldProblem::new("script", "directive_repeated", detail).with("line", number);
            Some(problem.with("option", option))
        }
        Err(problem) => Some(problem.with("line", number).with("value", value)),
    })
}

/// Takes over what fields stand for; the rest of the line is between the person and the scheduler.
fn read_scheduler_line(text: &str, words: Words<'_>, said: &mut Directives) {
    let Words { dialect, rules } = words;
    let parts = words::split(text, dialect).unwrap_or_default();
    for Found { name, value, .. } in dialect.scan(&parts) {
        let value = value.map_or("", |(word, range)| &parts[word].text[range]);
        match name {
            Named::Ours("array") => said.array = Some(value.to_owned()),
            Named::Ours(option) => take_known(option, dialect.in_our_words(option, value), said),
            Named::Resources => {
                let (pairs, has_own_size) = dialect::read_resources(value);
                said.has_own_size |= has_own_size;
                pairs.into_iter().for_each(|(option, value)| take_known(option, Some(value), said));
            }
            Named::Joined => {}
            Named::Other(name) => {
                said.has_own_size |= dialect.is_own_size(&name);
                let site = rules.options.iter().find(|option| option.option == name);
                said.options.extend(site.and_then(|option| option.read(value)).unwrap_or_default());
            }
        }
    }
}

/// Takes a value over if the field can hold it.
fn take_known(option: &'static str, value: Option<String>, said: &mut Directives) {
    let mut next = said.clone();
    if value.and_then(|value| take(option, &value, &mut next)).is_some_and(|taken| taken.is_ok()) {
        *said = next;
    }
}

/// Takes the value of an option over and says whether there was one before; `None` when there is no such option.
fn take(option: &str, value: &str, said: &mut Directives) -> Option<Result<bool, FieldProblem>> {
    Some(match option {
        "name" => set(&mut said.name, value::check_name(value).map(|()| value.to_owned())),
        "queue" => set(&mut said.queue, check_queue(value).map(|()| value.to_owned())),
        "nodes" => set(&mut said.nodes, count("nodes", value)),
        "tasks-per-node" => set(&mut said.tasks_per_node, count("tasks_per_node", value)),
        "ntasks" => set(&mut said.ntasks, count("tasks_per_node", value)),
        "cpus-per-task" => set(&mut said.cpus_per_task, count("cpus_per_task", value)),
        "gpus-per-node" => set(&mut said.gpus_per_node, count("gpus_per_node", value)),
        "memory" => set(&mut said.memory_bytes, size(value)),
        "walltime" => set(&mut said.walltime_secs, walltime(value)),
        "output" => set(&mut said.stdout_name, file_name("stdout_name", value)),
        "error" => set(&mut said.stderr_name, file_name("stderr_name", value)),
        _ => return None,
    })
}

/// Takes a value over and says whether there was one before.
fn set<T>(slot: &mut Option<T>, value: Result<T, FieldProblem>) -> Result<bool, FieldProblem> {
    Ok(slot.replace(value?).is_some())
}

/// The name of the one option that a line of the local queue's holds.
pub(super) fn only_option(text: &str) -> Option<String> {
    Some(only_word(text)?.strip_prefix("--")?.split_once('=')?.0.to_owned())
}

/// The one shell word of a line; `None` when there are more or fewer, or a comment.
fn only_word(text: &str) -> Option<String> {
    let mut words = shlex::split(text)?;
    let word = words.pop()?;
    // A comment would swallow the second word.
    let no_comment = shlex::split(&format!("{text} end")).is_some_and(|words| words.len() == 2);
    (words.is_empty() && no_comment).then_some(word)
}

/// PBS takes fewer names than the others, qsub(1B) at `-N`.
fn check_name(name: &str, dialect: Dialect) -> Result<(), FieldProblem> {
    value::check_name(name)?;
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte));
    if dialect != Dialect::Pbs || is_plain {
        return Ok(());
    }
    let detail = "this system takes English letters, digits and _ . + - in a job's name";
    Err(FieldProblem::new("name", "job_name_not_plain", detail))
}

fn check_queue(queue: &str) -> Result<(), FieldProblem> {
    if queue.is_empty() {
        return Err(FieldProblem::new("queue", "required", "choose a queue"));
    }
    let fits = queue.len() <= 64
        && !queue.starts_with('-')
        && queue
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@'));
    let problem =
        || FieldProblem::new("queue", "queue_unknown", "there is no such queue").with("queue", queue);
    if fits { Ok(()) } else { Err(problem()) }
}

fn count(field: &str, text: &str) -> Result<u32, FieldProblem> {
    let number = value::digits(text).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| FieldProblem::new(field, "number_invalid", "write a whole number"))
}

fn size(text: &str) -> Result<u64, FieldProblem> {
    let detail = "write a whole number and its unit, for example 4G or 512M";
    value::parse_size(text).ok_or_else(|| FieldProblem::new("memory_bytes", "size_invalid", detail))
}

fn walltime(text: &str) -> Result<u64, FieldProblem> {
    let detail = "write hours:minutes:seconds or days-hours:minutes:seconds, for example 01:30:00";
    value::parse_walltime(text).ok_or_else(|| FieldProblem::new("walltime_secs", "walltime_invalid", detail))
}

fn file_name(field: &str, pattern: &str) -> Result<String, FieldProblem> {
    value::check_pattern(field, pattern).map(|()| pattern.to_owned())
}
