//! Checking what a person typed into a template's form.

use std::collections::BTreeMap;

use regex::Regex;

use myksc_core::{FieldProblem, UserPath};

use super::{Field, FieldKind};
use crate::image::{ImageFault, ImageReference};

/// Largest program of a compiled pattern; a template can't make every launch slow.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Checks all values of a launch and gives them with the defaults filled in. Problems stand at `values.<id>`.
pub(crate) fn check_values(
    fields: &[Field],
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<FieldProblem>> {
    let unknown = given.keys().filter(|id| !fields.iter().any(|field| field.id == **id));
    let mut problems: Vec<_> = unknown
        .map(|id| FieldProblem::new(at(id), "field_unknown", "this template has no such field"))
        .collect();
    let mut values = BTreeMap::new();
    for field in fields {
        let value = given.get(&field.id).unwrap_or(&field.default);
        match check_value(field, value) {
            Ok(()) => {
                values.insert(field.id.clone(), kept(field, value));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Checks one value.
pub(super) fn check_value(field: &Field, value: &str) -> Result<(), FieldProblem> {
    let problem = |code: &str, detail: &str| FieldProblem::new(at(&field.id), code, detail);
    if value.trim().is_empty() {
        return if field.required { Err(problem("required", "this field is required")) } else { Ok(()) };
    }
    let max = field.max_length;
    if value.chars().count() > usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(problem("too_long", "this is too long").with("max", max));
    }
    match field.kind {
        FieldKind::Text | FieldKind::Arguments if value.contains(|one: char| one.is_control()) => {
            return Err(problem("text_invalid", "this is one line without control characters"));
        }
        FieldKind::Multiline if value.contains(|one: char| one.is_control() && !"\n\r\t".contains(one)) => {
            return Err(problem("text_invalid", "there is a control character in this text"));
        }
        FieldKind::Text | FieldKind::Multiline => {}
        FieldKind::Number => check_number(field, value)?,
        FieldKind::Choice if !field.choices.iter().any(|choice| choice.value == value) => {
            return Err(problem("choice_unknown", "this is none of the choices"));
        }
        FieldKind::Toggle if !matches!(value, "true" | "false") => {
            return Err(problem("choice_unknown", "this is true or false"));
        }
        FieldKind::Choice | FieldKind::Toggle => {}
        FieldKind::Path => check_path(field, value)?,
        FieldKind::Image => {
            let fault = |fault: ImageFault| problem(fault.code(), &fault.to_string());
            value.trim().parse::<ImageReference>().map_err(fault)?;
        }
        FieldKind::Arguments if words(value).is_none() => {
            return Err(problem("arguments_invalid", "a quotation mark or a backslash has no partner"));
        }
        FieldKind::Arguments => {}
    }
    match field.pattern.as_deref().map(compile) {
        Some(Ok(pattern)) if !pattern.is_match(value) => {
            Err(problem("pattern_mismatch", "this has not the form that is needed"))
        }
        // A pattern that does not compile was refused with its template.
        _ => Ok(()),
    }
}

/// The words of a text, quoted as for a shell; `None` where a quotation does not end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    shlex::split(text)
}

/// A value as it is kept: an image by its whole name.
fn kept(field: &Field, value: &str) -> String {
    let image = (field.kind == FieldKind::Image).then(|| value.trim().parse::<ImageReference>());
    image.and_then(Result::ok).map_or_else(|| value.to_owned(), |image| image.to_string())
}

/// A pattern that matches the whole text, as browsers take it.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(MAX_PATTERN_BYTES)
        .build()
        .map_err(|error| format!("not a regular expression: {error}"))
}

fn check_number(field: &Field, value: &str) -> Result<(), FieldProblem> {
    let number: i64 = value
        .parse()
        .map_err(|_| FieldProblem::new(at(&field.id), "number_invalid", "this is a whole number"))?;
    if let Some(min) = field.min.filter(|min| number < *min) {
        return Err(FieldProblem::new(at(&field.id), "below_min", format!("at least {min}")).with("min", min));
    }
    if let Some(max) = field.max.filter(|max| number > *max) {
        return Err(FieldProblem::new(at(&field.id), "above_max", format!("at most {max}")).with("max", max));
    }
    Ok(())
}

fn check_path(field: &Field, value: &str) -> Result<(), FieldProblem> {
    let path = UserPath::parse_field(&at(&field.id), value)?;
    if path.root() != "home" || path.relative().to_str().is_none() {
        return Err(FieldProblem::new(at(&field.id), "path_invalid", "this is a path below home"));
    }
    Ok(())
}

fn at(id: &str) -> String {
    format!("values.{id}")
}
