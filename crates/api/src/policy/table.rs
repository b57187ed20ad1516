//! The rules of all operations in words, as `docs/api-access.md` shows them.

use std::fmt::Write as _;

use myksc_core::Scope;
use utoipa::openapi::path::Operation;

use super::{Rule, operations};
use crate::openapi;

const HEAD: &str = "\
# Who may do what

Every operation of the portal's interface, with the least role and the scopes of which an API token needs one. A
session has no scopes: it may what the person's role may. Made from the program by `make openapi`; the portal
enforces this very table, and refuses what is not in it.

Roles, each of which may what those before it may: `user`, `project_leader`, `support`, `operator`. `nobody` means
that no sign-in is needed.

| Operation | Role | Token scopes | What it does |
| --- | --- | --- | --- |
";

/// The table of all operations, as Markdown.
#[must_use]
pub fn access_table() -> String {
    let document = openapi::document();
    let mut text = HEAD.to_owned();
    for (path, method, operation) in operations(&document) {
        let (role, scopes) = words(Rule::of(operation).as_ref());
        // Writing to a text never fails.
        let _ = writeln!(text, "| `{method} {path}` | {role} | {scopes} | {} |", summary(operation));
    }
    text
}

/// What a rule asks for, as one sentence of an operation's description.
pub(crate) fn sentence(rule: &Rule) -> String {
    match rule {
        Rule::Nobody => "Needs no sign-in.".to_owned(),
        Rule::Person { least, scopes } if scopes.is_empty() => {
            format!("Needs the role `{least}` and a session: no API token will do.")
        }
        Rule::Person { least, scopes } => {
            format!("Needs the role `{least}`; an API token also needs the scope {}.", any_of(scopes, " or "))
        }
    }
}

fn words(rule: Option<&Rule>) -> (&'static str, String) {
    match rule {
        None => ("undeclared", "none".to_owned()),
        Some(Rule::Nobody) => ("nobody", String::new()),
        Some(Rule::Person { least, scopes }) if scopes.is_empty() => (least.name(), "none".to_owned()),
        Some(Rule::Person { least, scopes }) => (least.name(), any_of(scopes, ", ")),
    }
}

fn any_of(scopes: &[Scope], between: &str) -> String {
    scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(between)
}

fn summary(operation: &Operation) -> String {
    let text = operation.summary.as_deref().unwrap_or_default();
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}
