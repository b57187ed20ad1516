//! What a site demands of the jobs of a system, as data: options that scripts must have, with fields of their own in
//! the form; options that they must not have; folders in which they run.

use std::collections::{BTreeMap, BTreeSet};

use myksc_core::{FieldProblem, Timestamp, Translated, UserPath};
use serde::{Deserialize, Serialize};

use crate::script::value;

/// Choices of one field that are shown.
const CHOICES_MAX: usize = 500;

/// The rules of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteRules {
    /// Options with fields of their own.
    pub options: Vec<SiteOption>,
    /// Options that no script may have: Slurm's long names, PBS's letters and resources.
    pub forbidden: BTreeSet<String>,
    /// Roots in which jobs may run; all when empty.
    pub roots: Vec<String>,
    /// When the system is not there.
    pub maintenance: Vec<Maintenance>,
}

/// A time in which a system is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over.
    pub ends_at: Timestamp,
}

/// An option of the scheduler whose value is made of fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SiteOption {
    /// As the scheduler calls it: Slurm's long name, PBS's letter.
    pub option: String,
    /// Its value, with `{id}` where a field's value stands.
    pub template: String,
    /// Its fields.
    pub fields: Vec<OptionField>,
}

/// A field of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OptionField {
    /// Its id in the form's `options`.
    pub id: String,
    /// Its name for people.
    pub title: Translated,
    /// A sentence about it.
    pub help: Option<Translated>,
    /// Whether it must not be empty.
    pub required: bool,
    /// What it holds at first.
    pub default: String,
    /// What may be chosen; anything when empty.
    pub choices: Vec<String>,
    /// A command that the person runs, which prints what may be chosen, a line each.
    #[serde(skip)]
    pub choices_command: Vec<String>,
}

/// A piece of a template.
enum Part<'a> {
    Literal(&'a str),
    Field(&'a str),
}

impl SiteRules {
    /// What holds where a site demands nothing.
    pub const NONE: Self =
        Self { options: Vec::new(), forbidden: BTreeSet::new(), roots: Vec::new(), maintenance: Vec::new() };

    /// What is worth knowing of a job that begins now, at the earliest, and may run so long: schedulers let it wait until
    /// a maintenance is over that it would reach into.
    pub(crate) fn reached(&self, now: Timestamp, walltime_secs: Option<u64>) -> Option<FieldProblem> {
        let walltime_secs = walltime_secs.map_or(i64::MAX, |secs| i64::try_from(secs).unwrap_or(i64::MAX));
        let is_met = |one: &&Maintenance| one.ends_at > now && one.starts_at < now.plus_secs(walltime_secs);
        let first = self.maintenance.iter().filter(is_met).min_by_key(|one| one.starts_at)?;
        let left_secs = first.starts_at.secs_since(now).max(0);
        let detail = format!(
            "a maintenance begins at {}: a job that could not end before it waits until it is over",
            first.starts_at
        );
        let problem = FieldProblem::new("walltime_secs", "reaches_maintenance", detail);
        let problem = problem.with("starts_at", first.starts_at.to_string()).with("left_secs", left_secs);
        Some(problem.with("ends_at", first.ends_at.to_string()))
    }

    /// Every field.
    pub fn fields(&self) -> impl Iterator<Item = &OptionField> {
        self.options.iter().flat_map(|option| &option.fields)
    }

    /// What does not hold of the values of the fields.
    pub(crate) fn problems(&self, values: &BTreeMap<String, String>) -> Vec<FieldProblem> {
        self.fields().filter_map(|field| field.problem(field.value(values))).collect()
    }

    /// Whether a job may run in this folder.
    pub(crate) fn check_work_dir(&self, path: &UserPath) -> Result<(), FieldProblem> {
        if self.roots.is_empty() || self.roots.iter().any(|root| root == path.root()) {
            return Ok(());
        }
        let roots = self.roots.join(", ");
        let detail = format!("jobs of this system run in these folders alone: {roots}");
        Err(FieldProblem::new("work_dir", "work_dir_not_for_jobs", detail).with("roots", roots))
    }
}

impl SiteOption {
    /// The value for a script; `None` where all fields are empty, or where it would not be read back as it is.
    pub(crate) fn fill(&self, values: &BTreeMap<String, String>) -> Option<String> {
        let value = |id: &str| {
            let field = self.fields.iter().find(|field| field.id == id);
            field.map_or("", |field| field.value(values))
        };
        if self.fields.iter().all(|field| field.value(values).is_empty()) {
            return None;
        }
        let text: String = self
            .parts()
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text,
                Part::Field(id) => value(id),
            })
            .collect();
        let back = self.read(&text)?;
        let is_same =
            self.fields.iter().all(|field| back.get(&field.id).is_some_and(|own| own == value(&field.id)));
        is_same.then_some(text)
    }

    /// The values of the fields in a value.
    pub(crate) fn read(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let parts = self.parts();
        let mut values = BTreeMap::new();
        let mut rest = text;
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal)?,
                Part::Field(id) => {
                    let end = match parts.get(at + 1) {
                        Some(Part::Literal(next)) => rest.find(next)?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    values.insert((*id).to_owned(), value.to_owned());
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(values)
    }

    /// What is wrong with it as a configuration.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        let placed: Vec<&str> = self.parts().into_iter().filter_map(|part| part.field()).collect();
        let ids: Vec<&str> = self.fields.iter().map(|field| field.id.as_str()).collect();
        let is_plain = |id: &&str| {
            !id.is_empty()
                && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let mut sorted = (placed.clone(), ids.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        if ids.is_empty() || !ids.iter().all(is_plain) {
            return Err("every field needs an id of a-z, 0-9 and _".to_owned());
        }
        if sorted.0 != sorted.1 {
            return Err(format!("the template {:?} must hold each of its fields once", self.template));
        }
        let parts = self.parts();
        let mut neighbours = parts.windows(2).filter(|pair| pair.iter().all(|part| part.field().is_some()));
        match neighbours.next() {
            Some(_) => Err(format!("the template {:?} needs something between its fields", self.template)),
            None => Ok(()),
        }
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut rest = self.template.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((id, behind)) = after.split_once('}') else { break };
            if !before.is_empty() {
                parts.push(Part::Literal(before));
            }
            parts.push(Part::Field(id));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest));
        }
        parts
    }
}

impl<'a> Part<'a> {
    fn field(&self) -> Option<&'a str> {
        match self {
            Self::Field(id) => Some(id),
            Self::Literal(_) => None,
        }
    }
}

impl OptionField {
    /// Its value in a form or a script.
    fn value<'a>(&'a self, values: &'a BTreeMap<String, String>) -> &'a str {
        values.get(&self.id).map_or(self.default.as_str(), String::as_str)
    }

    fn problem(&self, value: &str) -> Option<FieldProblem> {
        let field = format!("options.{}", self.id);
        let title = || self.title.en.as_str();
        if value.is_empty() {
            let problem = || FieldProblem::new(&field, "required", format!("{} is missing", title()));
            return self.required.then(problem);
        }
        if value::has_control(value) || value.len() > 255 {
            let detail = format!("{}: use up to 255 characters without control characters", title());
            return Some(FieldProblem::new(field, "option_value_invalid", detail));
        }
        let is_choice = self.choices.is_empty() || self.choices.iter().any(|choice| choice == value);
        let detail = || format!("{}: {value:?} is none of what may be chosen", title());
        (!is_choice).then(|| FieldProblem::new(field, "option_value_unknown", detail()).with("value", value))
    }

    /// What a command printed as choices.
    pub(crate) fn choices_of(printed: &str) -> Vec<String> {
        let mut choices: Vec<String> = Vec::new();
        for line in
            printed.lines().map(str::trim).filter(|line| !line.is_empty() && !value::has_control(line))
        {
            if choices.len() < CHOICES_MAX && !choices.iter().any(|choice| choice == line) {
                choices.push(line.to_owned());
            }
        }
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: &str, choices: &[&str]) -> OptionField {
        OptionField {
            id: id.to_owned(),
            title: Translated::same(id),
            help: None,
            required: true,
            default: String::new(),
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
            choices_command: Vec::new(),
        }
    }

    fn comment() -> SiteOption {
        SiteOption {
            option: "comment".to_owned(),
            template: "field={field};appl={appl}".to_owned(),
            fields: vec![field("field", &["bio", "chem"]), field("appl", &[])],
        }
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_make_a_value_and_come_back_from_it() {
        let filled = values(&[("field", "bio"), ("appl", "vasp 6")]);
        assert_eq!(comment().fill(&filled).as_deref(), Some("field=bio;appl=vasp 6"));
        assert_eq!(comment().read("field=bio;appl=vasp 6"), Some(filled));
        assert_eq!(comment().fill(&values(&[])), None);
        assert_eq!(comment().read("appl=vasp"), None);
        assert_eq!(comment().fill(&values(&[("field", "a;appl=b"), ("appl", "c")])), None, "not readable");
    }

    #[test]
    fn what_is_missing_or_is_no_choice_is_told_at_its_field() {
        let rules = SiteRules { options: vec![comment()], ..SiteRules::NONE };
        let codes = |pairs: &[(&str, &str)]| {
            let problems = rules.problems(&values(pairs));
            problems.into_iter().map(|problem| (problem.field, problem.code)).collect::<Vec<_>>()
        };
        let of = |field: &str, code: &str| (format!("options.{field}"), code.to_owned());
        assert_eq!(codes(&[("field", "bio"), ("appl", "x")]), []);
        assert_eq!(codes(&[("field", "law")]), [of("field", "option_value_unknown"), of("appl", "required")]);
        assert_eq!(codes(&[("field", "bio"), ("appl", "a\nb")]), [of("appl", "option_value_invalid")]);
    }

    #[test]
    fn a_template_that_can_not_be_read_back_is_refused() {
        assert_eq!(comment().check(), Ok(()));
        for template in ["field={field}", "{field}{appl}", "{field};{field};{appl}", "{field};{other}"] {
            assert!(SiteOption { template: template.to_owned(), ..comment() }.check().is_err(), "{template}");
        }
        assert!(SiteOption { fields: vec![field("A b", &[])], ..comment() }.check().is_err());
    }

    #[test]
    fn a_job_that_reaches_into_a_maintenance_is_told_of_the_first_one() {
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let window = |from, to| Maintenance { starts_at: at(from), ends_at: at(to) };
        let maintenance = vec![window(30, 40), window(10, 12), window(1, 2)];
        let rules = SiteRules { maintenance, ..SiteRules::NONE };
        let told = |now, hours: Option<u64>| {
            let problem = rules.reached(at(now), hours.map(|hours| hours * 3600))?;
            Some((problem.params["starts_at"].clone(), problem.params["left_secs"].clone()))
        };
        let first = |left_hours: i64| Some((at(10).to_string().into(), (left_hours * 3600).into()));
        assert_eq!(told(4, Some(6)), None, "it ends just before");
        assert_eq!(told(4, Some(7)), first(6));
        assert_eq!(told(4, None), first(6));
        assert_eq!(told(11, Some(1)), first(0));
        assert_eq!(told(12, Some(17)), None);
        assert_eq!(told(50, None), None);
        assert_eq!(told(4, Some(u64::MAX / 3600)), first(6));
    }

    #[test]
    fn choices_are_lines_once_each() {
        assert_eq!(OptionField::choices_of("proj1\n\n proj2 \nproj1\na\u{1b}b\n"), ["proj1", "proj2"]);
    }
}
