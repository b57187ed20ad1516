//! What commands print: JSON for programs, tables for people.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::Value;

use super::width::columns;
use super::{ClientError, Result};

/// Exit code of a program that wrote into a closed pipe, as a shell counts it.
const PIPE_CLOSED: i32 = 141;

/// Standard output and error of a command.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Output for programs (`json`) or people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the value as JSON, or what `text` makes of it.
    pub(crate) fn value<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value).map_err(|error| ClientError::Failed(error.to_string()))?
        } else {
            text(value)
        };
        if text.is_empty() { Ok(()) } else { self.raw(format!("{text}\n").as_bytes()) }
    }

    /// As [`Output::value`], with the JSON on one line: for a command that prints several.
    pub(crate) fn line(&self, value: &Value, text: impl FnOnce(&Value) -> String) -> Result<()> {
        let text = if self.json { value.to_string() } else { text(value) };
        self.raw(format!("{text}\n").as_bytes())
    }

    /// Prints a list as JSON `{"items": […]}`, or as a table with one row an item.
    pub(crate) fn list<const N: usize>(
        &self,
        items: &[Value],
        headings: [&str; N],
        row: impl Fn(&Value) -> [String; N],
    ) -> Result<()> {
        self.value(&serde_json::json!({ "items": items }), |_| {
            let rows: Vec<_> = items.iter().map(row).collect();
            table(headings, &rows)
        })
    }

    /// Writes bytes to standard output as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(PIPE_CLOSED),
            written => written.map_err(|error| ClientError::File("standard output".to_owned(), error)),
        }
    }

    /// Tells the person something that is no result.
    pub(crate) fn note(&self, text: &str) {
        // Nobody can be told that standard error is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Shows how far something is, on one line that is written over; only on a terminal.
    pub(crate) fn progress(&self, text: &str, done: bool) {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            let end = if done { "\n" } else { "" };
            let _ = write!(stderr, "\r\x1b[K{}{end}", plain(text));
            let _ = stderr.flush();
        }
    }
}

/// The text at a place such as `/size/nodes`; empty when there is none. Control characters are shown escaped, so
/// that no name can speak to the terminal.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(other) => other.to_string(),
    }
}

/// The text with control characters escaped.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(columns);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| {
            let missing = width - columns(cell);
            format!("{cell}{:missing$}", "")
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(headings.to_vec())).chain(body).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_its_columns_up() {
        let rows = [["a".to_owned(), "running".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "PHASE"], &rows), "NAME    PHASE\na       running\nlonger");
        let rows = [["결과".to_owned(), "실행".to_owned()], ["a".to_owned(), String::new()]];
        assert_eq!(table(["ID", "PHASE"], &rows), "ID    PHASE\n결과  실행\na");
    }

    #[test]
    fn names_cannot_speak_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\n결과"), "a\\u{1b}[2J\\n결과");
    }
}
