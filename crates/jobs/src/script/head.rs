//! The head of a script that was there before the form: changed where the form says something else, and nowhere else.

use std::collections::BTreeMap;
use std::ops::Range;

use super::dialect::{Changes, Dialect, Found, Named, Words, change_resources};
use super::split::{self, Split};
use super::words::{self, Word};
use super::{Parsed, directive};
use crate::form::JobForm;
use crate::rules::SiteOption;

/// What the form wants otherwise than the script says it.
struct Wanted<'a> {
    form: &'a JobForm,
    options: Changes,
    /// The site's options, by the scheduler's names.
    of_site: BTreeMap<&'a str, Option<String>>,
}

/// The lines between `#!` and the input files, changed from what they say (`before`, as a form) to what `form` says.
pub(super) fn change(
    split: &Split<'_>,
    parsed: &Parsed,
    before: &JobForm,
    form: &JobForm,
    words: Words<'_>,
) -> String {
    let mut wanted = Wanted::new(parsed, before, form, words);
    let mut lines: Vec<String> = Vec::new();
    // The last word on an option counts, so it is the one to change.
    for (_, line) in split.head_lines.iter().rev() {
        lines.extend(wanted.line(line, words.dialect));
    }
    lines.reverse();
    let mut changed = lines.concat();
    let added = wanted.rest(parsed, words.dialect);
    if !added.is_empty() && !changed.is_empty() && !changed.ends_with('\n') {
        changed.push('\n');
    }
    changed + &added
}

impl<'a> Wanted<'a> {
    fn new(parsed: &Parsed, before: &JobForm, form: &'a JobForm, words: Words<'a>) -> Self {
        let mut ignored = Vec::new();
        let old: BTreeMap<_, _> = directive::values(before, words, &mut ignored).into_iter().collect();
        let new = directive::values(form, words, &mut ignored);
        let mut options: Changes =
            new.into_iter().filter(|(option, value)| old.get(option) != Some(value)).collect();
        let is_counted = parsed.directives.ntasks.is_some();
        if is_counted && (options.contains_key("nodes") || options.contains_key("tasks-per-node")) {
            options.remove("tasks-per-node");
            let all = form.nodes.saturating_mul(form.tasks_per_node);
            options.insert("ntasks", Some(all.to_string()));
        }
        let site = |option: &'a SiteOption| {
            let (old, new) = (option.fill(&before.options), option.fill(&form.options));
            (old != new).then_some((option.option.as_str(), new))
        };
        Self { form, options, of_site: words.rules.options.iter().filter_map(site).collect() }
    }

    /// A line as it shall be; `None` where nothing is left of it.
    fn line(&mut self, line: &str, dialect: Dialect) -> Option<String> {
        let unchanged = || Some(line.to_owned());
        let Some(text) = split::directive_text(line, dialect) else { return unchanged() };
        if dialect == Dialect::Myksc {
            return self.own_line(line, text);
        }
        let Some(parts) = words::split(text, dialect) else { return unchanged() };
        let start = line.len() - line.trim_end_matches('\n').len();
        let lead = line.len() - start - text.len();
        let mut changed = line.to_owned();
        for found in dialect.scan(&parts).iter().rev() {
            let span = parts[found.words.start].span.start..parts[found.words.end - 1].span.end;
            match self.change(found, &parts, dialect) {
                Change::Nothing => {}
                Change::Value(word) => {
                    let at = found.value.as_ref().map_or(found.words.start, |(at, _)| *at);
                    let span = &parts[at].span;
                    changed.replace_range(lead + span.start..lead + span.end, &word);
                }
                Change::Option(words) => changed.replace_range(lead + span.start..lead + span.end, &words),
                Change::Removal => {
                    let before = text[..span.start].trim_end().len();
                    changed.replace_range(lead + before..lead + span.end, "");
                }
            }
        }
        let is_empty = split::directive_text(&changed, dialect).is_some_and(|text| text.trim().is_empty());
        (!is_empty || text.trim().is_empty()).then_some(changed)
    }

    /// A line of the local queue's, which holds one option.
    fn own_line(&mut self, line: &str, text: &str) -> Option<String> {
        let option = directive::only_option(text);
        let ours = option.and_then(|option| self.options.keys().copied().find(|ours| *ours == option));
        let Some(ours) = ours else { return Some(line.to_owned()) };
        let value = self.options.get(ours)?.clone()?;
        self.options.remove(ours);
        let mark = Dialect::Myksc.mark();
        let word = words::quote(&value, Dialect::Myksc)?;
        let end = if line.ends_with('\n') { "\n" } else { "" };
        Some(format!("{mark} --{ours}={word}{end}"))
    }

    fn change(&mut self, found: &Found, parts: &[Word], dialect: Dialect) -> Change {
        let value = found.value.as_ref().map(|(at, range)| (&parts[*at], range.clone()));
        let put = |text: &str| value.as_ref().and_then(|(word, range)| replaced(word, range, text, dialect));
        match &found.name {
            Named::Ours(option) => match self.options.get(option).cloned() {
                None => Change::Nothing,
                // It is taken away wherever it stands.
                Some(None) => Change::Removal,
                Some(Some(text)) => {
                    self.options.remove(option);
                    put(&text).map_or(Change::Nothing, Change::Value)
                }
            },
            Named::Resources => {
                let list = value.as_ref().map_or("", |(word, range)| &word.text[range.clone()]);
                let text = change_resources(list, &mut self.options, self.form);
                let word = if text == list { None } else { put(&text) };
                word.map_or(Change::Nothing, Change::Value)
            }
            Named::Joined => self.apart(dialect).map_or(Change::Nothing, Change::Option),
            Named::Other(name) => match self.of_site.get(name.as_str()).cloned() {
                None => Change::Nothing,
                Some(None) => Change::Removal,
                Some(Some(text)) => {
                    self.of_site.remove(name.as_str());
                    put(&text).map_or(Change::Nothing, Change::Value)
                }
            },
        }
    }

    /// The option that names a file for errors, if there shall be one where they were joined.
    fn apart(&mut self, dialect: Dialect) -> Option<String> {
        let file = self.options.get("error")?.clone()?;
        self.options.remove("error");
        Some(format!("-e {}", words::quote(&file, dialect)?))
    }

    /// Lines for what no line could carry.
    fn rest(self, parsed: &Parsed, dialect: Dialect) -> String {
        let has_size =
            dialect == Dialect::Pbs && (parsed.directives.has_own_size || parsed.directives.nodes.is_some());
        let options: Vec<_> =
            self.options.into_iter().filter_map(|(option, value)| Some((option, value?))).collect();
        let mut lines = dialect.added_lines(&options, self.form, has_size);
        for (option, value) in self.of_site {
            lines.extend(value.and_then(|value| dialect.site_line(option, &value)));
        }
        lines
    }
}

/// A word with another text in a part of it, as it stands in a line. What names the option stays outside of quotes.
fn replaced(word: &Word, part: &Range<usize>, text: &str, dialect: Dialect) -> Option<String> {
    let text = format!("{}{text}{}", &word.text[..part.start], &word.text[part.end..]);
    let lead = match text.split_at_checked(2) {
        Some(("--", long)) => long.find('=').map_or(0, |at| at + 3),
        Some((short, _)) if short.starts_with('-') => 2,
        _ => 0,
    };
    let quoted = words::quote(&text[lead..], dialect)?;
    Some(format!("{}{quoted}", &text[..lead]))
}

/// What becomes of an option in a line.
enum Change {
    Nothing,
    /// The word with its value is replaced.
    Value(String),
    /// All its words are replaced.
    Option(String),
    Removal,
}
