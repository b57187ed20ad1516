//! Scripts: form to script and back, in the dialect of the system.
//!
//! A script is a *head* and a *body*. The head, which the batch page shows read-only, is the `#!` line, the
//! directives, one a line, and the input files; the body is the person's own part and keeps every byte:
//!
//! ```text
//! #!/bin/bash
//! #MYKSC --name=wordcount
//! #MYKSC --walltime=01:00:00
//! export INPUT_1='/home/kim/my data.csv'
//!
//! wc -l "$INPUT_1"
//! ```
//!
//! A directive starts in the first column and holds one `--option=value`, the value quoted as for a POSIX
//! shell. Comments and blank lines may stand between directives; the first other line ends them, as with
//! sbatch(1) and qsub(1), and what stands below is pointed out. Everything here is pure.

mod dialect;
mod directive;
#[cfg(test)]
mod foreign;
mod head;
mod indexes;
pub(crate) mod output;
mod split;
#[cfg(test)]
mod tests;
pub(crate) mod value;
mod words;

use std::path::Path;

use myksc_core::{FieldProblem, UserPath, octets};
use serde::{Deserialize, Serialize};

pub use self::dialect::{Dialect, Words};
pub(crate) use self::dialect::{pbs_size, pbs_time, slurm_time};
pub use self::directive::Directives;
pub(crate) use self::indexes::Indexes;
use crate::form::JobForm;
use crate::roots::Roots;

/// Bytes of a script.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;

/// Codes that point something out and refuse nothing.
const HINTS: [&str; 9] = [
    "directive_below_command",
    "directive_repeated",
    "foreign_directive",
    "line_ends_changed",
    "byte_order_mark_removed",
    "directive_in_command",
    "size_in_own_line",
    "bytes_kept",
    "reaches_maintenance",
];

/// A form made into a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rendered {
    /// The head, read-only in the editor.
    pub directives: String,
    /// The person's own part.
    pub body: String,
    /// Both together.
    pub script: String,
    /// What does not hold, or is worth knowing.
    pub problems: Vec<FieldProblem>,
}

/// A script taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// First line, without its line end; empty when the script has none.
    pub shebang: String,
    /// What the directives say.
    pub directives: Directives,
    /// Input files, as paths of the API.
    pub inputs: Vec<UserPath>,
    /// The head as it stands.
    pub head: String,
    /// The person's own part as it stands.
    pub body: String,
    /// What does not hold, or is worth knowing.
    pub problems: Vec<FieldProblem>,
}

/// The words of a directive as sbatch(1) takes it apart; `None` where a quote stays open.
pub(crate) fn slurm_words(text: &str) -> Option<Vec<String>> {
    let words = words::split(text, Dialect::Slurm)?;
    Some(words.into_iter().map(|word| word.text).collect())
}

/// Whether a problem only points something out.
#[must_use]
pub fn is_hint(problem: &FieldProblem) -> bool {
    HINTS.contains(&problem.code.as_str())
}

/// Makes a script of a form. What can't stand in a script is left out and listed; nothing is refused. A form that has
/// the head of a script changes in it what it says otherwise; `defaults` is what that script was opened with.
#[must_use]
pub fn render<'a>(
    form: &JobForm,
    words: impl Into<Words<'a>>,
    roots: &Roots,
    defaults: &JobForm,
) -> Rendered {
    let words = words.into();
    let mut problems = Vec::new();
    let head = match form
        .head
        .as_deref()
        .map(|head| changed_head(head, form, words, roots, defaults, &mut problems))
    {
        Some(Some(head)) => head,
        Some(None) => {
            let detail = "the head of a script holds its first line, comments and directives, and no command";
            problems.push(FieldProblem::new("head", "head_invalid", detail));
            new_head(form, words, roots, &mut problems)
        }
        None => new_head(form, words, roots, &mut problems),
    };
    let body = form.command.replace('\0', "");
    if body.len() != form.command.len() {
        problems.push(FieldProblem::new("command", "script_has_nul", "a script holds no NUL character"));
    }
    if body.trim().is_empty() {
        problems.push(FieldProblem::new("command", "required", "say what the job runs"));
    }
    let script = format!("{head}{body}");
    if form.head.is_none() && parse(&script, words, roots).body != body {
        let detail = "the command starts with a directive: it counts as one and moves to the fields above";
        problems.push(FieldProblem::new("command", "directive_in_command", detail));
    }
    Rendered { directives: head, body, script, problems }
}

fn new_head(form: &JobForm, words: Words<'_>, roots: &Roots, problems: &mut Vec<FieldProblem>) -> String {
    let mut head = render_shebang(&form.shebang, problems);
    head.push_str(&directive::render(form, words, problems));
    problems.extend(directive::form_problems(form, words.rules));
    head.push_str(&render_inputs(form, roots, problems));
    head.push('\n');
    head
}

/// A head with what the form says otherwise; `None` where the text is no head.
fn changed_head(
    head: &str,
    form: &JobForm,
    words: Words<'_>,
    roots: &Roots,
    defaults: &JobForm,
    problems: &mut Vec<FieldProblem>,
) -> Option<String> {
    let split = split::split(head, words.dialect, |path| roots.locate(path));
    if split.head.len() != head.len() || head.contains('\0') || head.contains("\r\n") {
        return None;
    }
    let parsed = parse(head, words, roots);
    let before = parsed.clone().into_form(defaults);
    directive::values(form, words, problems);
    problems.extend(directive::form_problems(form, words.rules));
    if parsed.directives.has_own_size {
        let detail =
            "the script says in a line of its own how large the job is; the fields for that have no effect";
        problems.push(FieldProblem::new("script", "size_in_own_line", detail));
    }
    let shebang = if form.shebang == before.shebang {
        split.shebang_line.to_owned()
    } else {
        render_shebang(&form.shebang, problems)
    };
    let mut lines = head::change(&split, &parsed, &before, form, words);
    if !lines.is_empty() && !shebang.is_empty() && !shebang.ends_with('\n') {
        lines.insert(0, '\n');
    }
    let rest = if form.inputs == before.inputs {
        split.after_lines.to_owned()
    } else {
        render_inputs(form, roots, problems) + split.blank_line
    };
    Some(shebang + &lines + &rest)
}

/// Takes a script apart. Line ends of DOS and a byte order mark are changed first, and that is told.
#[must_use]
pub fn parse<'a>(script: &str, words: impl Into<Words<'a>>, roots: &Roots) -> Parsed {
    let words = words.into();
    let mut problems = Vec::new();
    let script = normalise(script, &mut problems);
    let split = split::split(&script, words.dialect, |path| roots.locate(path));
    let directives = directive::read(&split.head_lines, words, &mut problems);
    problems.extend(directive::site_problems(&split.head_lines, words, &directives));
    for number in &split.below {
        let detail = format!("line {number} stands below the first command, so it has no effect");
        problems.push(FieldProblem::new("script", "directive_below_command", detail).with("line", *number));
    }
    Parsed {
        shebang: split.shebang.to_owned(),
        directives,
        inputs: split.inputs,
        head: split.head.to_owned(),
        body: split.body.to_owned(),
        problems,
    }
}

impl Parsed {
    /// The form that this script would come from; what it does not say is taken from `defaults`.
    #[must_use]
    pub fn into_form(self, defaults: &JobForm) -> JobForm {
        let said = self.directives;
        JobForm {
            name: said.name.unwrap_or_else(|| defaults.name.clone()),
            queue: said.queue.unwrap_or_else(|| defaults.queue.clone()),
            nodes: said.nodes.unwrap_or(defaults.nodes),
            tasks_per_node: said.tasks_per_node.unwrap_or(defaults.tasks_per_node),
            cpus_per_task: said.cpus_per_task.unwrap_or(defaults.cpus_per_task),
            gpus_per_node: said.gpus_per_node.unwrap_or(defaults.gpus_per_node),
            memory_bytes: said.memory_bytes.or(defaults.memory_bytes),
            walltime_secs: said.walltime_secs.unwrap_or(defaults.walltime_secs),
            work_dir: defaults.work_dir.clone(),
            inputs: self.inputs.iter().map(UserPath::to_string).collect(),
            command: self.body,
            stdout_name: said.stdout_name.unwrap_or_default(),
            stderr_name: said.stderr_name.unwrap_or_default(),
            options: said.options,
            shebang: self.shebang,
            head: Some(self.head),
        }
    }
}

fn normalise(script: &str, problems: &mut Vec<FieldProblem>) -> String {
    let without_mark = script.strip_prefix('\u{feff}');
    if without_mark.is_some() {
        let detail = "the byte order mark in front was removed: with it the first line would not count";
        problems.push(FieldProblem::new("script", "byte_order_mark_removed", detail));
    }
    let mut text = without_mark.unwrap_or(script).to_owned();
    if text.contains("\r\n") {
        problems.push(FieldProblem::new(
            "script",
            "line_ends_changed",
            "line ends of DOS were made plain line ends",
        ));
        text = text.replace("\r\n", "\n");
    }
    if octets::has_any(&text) {
        let detail = "some characters are no UTF-8; they are shown as boxes and kept byte by byte";
        problems.push(FieldProblem::new("script", "bytes_kept", detail));
    }
    if text.contains('\0') {
        problems.push(FieldProblem::new("script", "script_has_nul", "a script holds no NUL character"));
    }
    if text.len() > SCRIPT_BYTES_MAX {
        let detail = format!("a script has at most {SCRIPT_BYTES_MAX} bytes");
        let problem = FieldProblem::new("script", "script_too_large", detail);
        problems.push(problem.with("limit_bytes", SCRIPT_BYTES_MAX));
    }
    text
}

fn render_shebang(shebang: &str, problems: &mut Vec<FieldProblem>) -> String {
    if shebang.is_empty() {
        return String::new();
    }
    if shebang.starts_with("#!") && !value::has_control(shebang) {
        return format!("{shebang}\n");
    }
    let detail = "the first line starts with #! and names a program, for example #!/bin/bash";
    problems.push(FieldProblem::new("shebang", "shebang_invalid", detail));
    String::new()
}

fn render_inputs(form: &JobForm, roots: &Roots, problems: &mut Vec<FieldProblem>) -> String {
    let mut lines = String::new();
    for (index, input) in form.inputs.iter().enumerate() {
        let field = format!("inputs.{index}");
        match render_input(&field, input, roots) {
            Ok(word) => {
                let number = lines.matches(split::INPUT_START).count() + 1;
                lines.push_str(&format!("{}{number}={word}\n", split::INPUT_START));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !lines.is_empty() && !runs_a_shell(&form.shebang) {
        let detail = "input files are named by shell lines, but the script's first line names no shell";
        problems.push(FieldProblem::new("inputs", "inputs_need_shell", detail));
        return String::new();
    }
    lines
}

fn render_input(field: &str, input: &str, roots: &Roots) -> Result<String, FieldProblem> {
    let path = UserPath::parse_field(field, input)?;
    let unknown =
        || FieldProblem::new(field, "root_unknown", "there is no such root").with("root", path.root());
    let absolute = roots.resolve(&path).ok_or_else(unknown)?;
    let text = absolute.to_str().filter(|text| !value::has_control(text));
    let text = text.ok_or_else(|| {
        let detail = "its name holds characters that can't stand in a script; rename the file";
        FieldProblem::new(field, "input_name_unfit", detail)
    })?;
    let word = shlex::try_quote(text)
        .map_err(|error| FieldProblem::new(field, "path_invalid", error.to_string()))?;
    Ok(word.into_owned())
}

fn runs_a_shell(shebang: &str) -> bool {
    let Some(program) = shebang.strip_prefix("#!") else { return true };
    program.split_whitespace().any(|word| {
        let name = Path::new(word).file_name().and_then(|name| name.to_str());
        matches!(name, Some("sh" | "bash" | "dash" | "ksh" | "zsh" | "ash"))
    })
}
