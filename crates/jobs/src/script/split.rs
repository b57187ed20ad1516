//! Where the head of a script ends and its body begins.

use std::path::Path;

use myksc_core::UserPath;

use super::Dialect;

/// What a line that names an input file starts with; a number, `=` and the quoted path follow.
pub(super) const INPUT_START: &str = "export INPUT_";

/// A line and its number in the script, counted from 1.
pub(super) type NumberedLine<'a> = (usize, &'a str);

/// A script cut in two.
pub(super) struct Split<'a> {
    /// Without its line end.
    pub(super) shebang: &'a str,
    /// Lines between `#!` and the last directive, it included.
    pub(super) head_lines: Vec<NumberedLine<'a>>,
    pub(super) inputs: Vec<UserPath>,
    /// The first line with its line end; empty when it is none.
    pub(super) shebang_line: &'a str,
    /// What stands behind the directives: input files and a blank line.
    pub(super) after_lines: &'a str,
    /// The blank line at the end of the head, if it has one.
    pub(super) blank_line: &'a str,
    pub(super) head: &'a str,
    pub(super) body: &'a str,
    /// Numbers of the directives that stand in the body.
    pub(super) below: Vec<usize>,
}

/// The part of a directive behind its mark; `None` for any other line. qsub(1B) takes blanks in front of the mark,
/// and both schedulers take an option right behind it.
pub(super) fn directive_text(line: &str, dialect: Dialect) -> Option<&str> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = if dialect == Dialect::Pbs { line.trim_start_matches([' ', '\t']) } else { line };
    let rest = line.strip_prefix(dialect.mark())?;
    let is_tight = dialect != Dialect::Myksc && rest.starts_with('-');
    (rest.is_empty() || rest.starts_with([' ', '\t']) || is_tight).then_some(rest)
}

pub(super) fn is_blank_or_comment(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || text.starts_with('#')
}

pub(super) fn number_lines(text: &str, first: usize) -> Vec<NumberedLine<'_>> {
    text.split_inclusive('\n').enumerate().map(|(index, line)| (first + index, line)).collect()
}

/// Cuts a script in two. `locate` turns an absolute path into one of the API; lines of inputs that it can't
/// turn belong to the body.
pub(super) fn split(script: &str, dialect: Dialect, locate: impl Fn(&Path) -> Option<UserPath>) -> Split<'_> {
    let shebang_line =
        script.split_inclusive('\n').next().filter(|line| line.starts_with("#!")).unwrap_or("");
    let lines = number_lines(&script[shebang_line.len()..], if shebang_line.is_empty() { 1 } else { 2 });
    let before_command = lines.iter().take_while(|(_, line)| is_blank_or_comment(line));
    let directive_count = before_command
        .enumerate()
        .filter(|(_, (_, line))| directive_text(line, dialect).is_some())
        .map(|(at, _)| at + 1)
        .last();
    let (head_lines, rest) = lines.split_at(directive_count.unwrap_or(0));

    let inputs = read_inputs(rest, locate);
    let rest = &rest[inputs.len()..];
    let has_head = !shebang_line.is_empty() || !head_lines.is_empty() || !inputs.is_empty();
    let (blank_line, rest) = match rest {
        [(_, line @ "\n"), after @ ..] if has_head => (*line, after),
        all => ("", all),
    };
    let bytes = |lines: &[NumberedLine<'_>]| lines.iter().map(|(_, line)| line.len()).sum::<usize>();
    let (head, body) = script.split_at(script.len() - bytes(rest));
    let after_lines = &head[shebang_line.len() + bytes(head_lines)..];
    Split {
        shebang: shebang_line.strip_suffix('\n').unwrap_or(shebang_line),
        head_lines: head_lines.to_vec(),
        inputs,
        shebang_line,
        after_lines,
        blank_line,
        head,
        body,
        below: rest
            .iter()
            .filter(|(_, line)| directive_text(line, dialect).is_some())
            .map(|(number, _)| *number)
            .collect(),
    }
}

fn read_inputs(lines: &[NumberedLine<'_>], locate: impl Fn(&Path) -> Option<UserPath>) -> Vec<UserPath> {
    let mut inputs = Vec::new();
    for (_, line) in lines {
        let Some(rest) = line.strip_prefix(INPUT_START) else { break };
        let Some(word) = rest.strip_prefix(&format!("{}=", inputs.len() + 1)) else { return Vec::new() };
        // Only what `render` would write is taken over: anything else is the person's own line.
        let path = shlex::split(word).filter(|words| words.len() == 1).and_then(|words| {
            let same = shlex::try_quote(&words[0]).is_ok_and(|quoted| format!("{quoted}\n") == *word);
            if same { locate(Path::new(&words[0])) } else { None }
        });
        let Some(path) = path else { return Vec::new() };
        inputs.push(path);
    }
    inputs
}
