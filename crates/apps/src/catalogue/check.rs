//! From a template's file to a template: everything the form alone can't say.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::pattern::{Pattern, Place};
use super::schema::{FieldTable, File, Findings, IdleTable, ImageTable, LaunchTable, ProgramTable};
use super::values::{check_value, compile};
use super::{Argument, Field, FieldKind, Idle, Image, ImageSource, Listen, Probe, Program, Recipe, Template};

/// Longest text that a field may allow, in characters. One argument of a program holds 128 KiB (execve(2)).
const MAX_LENGTH: u32 = 30_000;
/// Longest one-line text if the template says nothing.
const DEFAULT_LENGTH: u32 = 1_000;
/// Share of one core that shows work if the template says nothing; what waits takes about one percent.
const DEFAULT_CPU_PERCENT: u32 = 5;

/// Where a text stands, and so what may be filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// An argument, which other users of the machine can read.
    Argument,
    /// Something else that others can read.
    Public,
    /// Only the person can.
    Private,
}

/// What a pattern of this template may ask for.
struct Scope<'a> {
    fields: &'a [Field],
    has_program: bool,
    listen: Listen,
}

/// Builds the template; `None` when findings leave nothing to build.
pub(super) fn template(id: &str, file: File, findings: &mut Findings) -> Option<Template> {
    if !is_word(id) {
        findings.add(&(0..0), "the file's name is the template's id: 1 to 40 characters of a-z, 0-9 and -");
    }
    if !is_word(file.icon.get_ref()) {
        findings.add(&file.icon.span(), "an icon is a name of a-z, 0-9 and -");
    }
    let defaults = *file.defaults.get_ref();
    if defaults.cpu_millis == 0 || defaults.memory_bytes == 0 {
        findings.add(&file.defaults.span(), "defaults ask for some cpu_millis and memory_bytes");
    }
    let fields = fields(file.fields, findings);
    let image = file.image.and_then(|table| image(table, file.program.is_some(), &fields, findings));
    let program = file.program.map(|table| program(table, findings));
    if file.launch.is_none() && file.missing.is_empty() {
        findings.add(&(0..0), "either [launch] says how to launch it or [[missing]] what is missing");
    }
    let recipe = match file.launch {
        Some(launch) => Some(Recipe { image, ..recipe(launch.into_inner(), program, &fields, findings)? }),
        None => None,
    };
    let idle = idle(file.idle, findings);
    Some(Template {
        idle,
        id: id.to_owned(),
        title: file.title,
        summary: file.summary,
        icon: file.icon.into_inner(),
        defaults,
        fields,
        missing: file.missing,
        recipe,
        order: file.order,
    })
}

fn idle(table: IdleTable, findings: &mut Findings) -> Idle {
    let cpu_percent = table.cpu_percent.map_or(DEFAULT_CPU_PERCENT, |percent| {
        if *percent.get_ref() > 100 {
            findings.add(&percent.span(), "this is 0 to 100 percent of one core");
        }
        percent.into_inner()
    });
    Idle {
        polls: polls(table.ignore, findings),
        frames: table.frames,
        probe: table.probe,
        cpu_percent,
        after_secs: table.after_secs,
        max_life_secs: table.max_life_secs,
    }
}

fn polls(paths: Vec<Spanned<String>>, findings: &mut Findings) -> Vec<String> {
    let paths = paths.into_iter().map(|path| {
        // The beginning of every path would be there for everything.
        if !path.get_ref().starts_with('/') || path.get_ref() == "/" {
            findings.add(&path.span(), "what is ignored is the beginning of a path, for example /events");
        }
        path.into_inner()
    });
    paths.collect()
}

fn fields(tables: Vec<FieldTable>, findings: &mut Findings) -> Vec<Field> {
    let mut seen = HashSet::new();
    let mut fields = Vec::new();
    for table in tables {
        if !seen.insert(table.id.get_ref().clone()) {
            findings.add(&table.id.span(), "there is another field of this id");
        }
        fields.push(field(table, findings));
    }
    fields
}

fn field(table: FieldTable, findings: &mut Findings) -> Field {
    let id_span = table.id.span();
    let is_id = !table.id.get_ref().is_empty()
        && table
            .id
            .get_ref()
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_id {
        findings.add(&id_span, "a field's id is of a-z, 0-9 and _");
    }
    let max_length = match &table.max_length {
        Some(length) if !(1..=MAX_LENGTH).contains(length.get_ref()) => {
            findings.add(&length.span(), format!("max_length is 1 to {MAX_LENGTH}"));
            DEFAULT_LENGTH
        }
        Some(length) => *length.get_ref(),
        None if table.kind == FieldKind::Multiline => MAX_LENGTH,
        None => DEFAULT_LENGTH,
    };
    if (table.kind == FieldKind::Choice) == table.choices.is_empty() {
        findings.add(&id_span, "a choice has choices, and nothing else has");
    }
    if table.kind != FieldKind::Number && (table.min.is_some() || table.max.is_some()) {
        findings.add(&id_span, "only a number has min and max");
    }
    if let Some(pattern) = &table.pattern {
        findings.take(&pattern.span(), compile(pattern.get_ref()).map(drop));
    }
    let default_span = table.default.as_ref().map(Spanned::span);
    let field = Field {
        id: table.id.into_inner(),
        label: table.label,
        help: table.help,
        kind: table.kind,
        default: table.default.map(Spanned::into_inner).unwrap_or_default(),
        required: table.required,
        choices: table.choices,
        min: table.min,
        max: table.max,
        max_length,
        pattern: table.pattern.map(Spanned::into_inner),
    };
    if let Some(span) = default_span.filter(|_| !field.default.is_empty())
        && let Err(problem) = check_value(&field, &field.default)
    {
        findings.add(&span, format!("the default is no value of this field: {}", problem.detail));
    }
    field
}

fn image(
    table: Spanned<ImageTable>,
    has_program: bool,
    fields: &[Field],
    findings: &mut Findings,
) -> Option<Image> {
    let span = table.span();
    let table = table.into_inner();
    let source = match (table.name, table.field) {
        (Some(name), None) => {
            check_image_name(&name, findings);
            ImageSource::Template(name.into_inner())
        }
        (None, Some(id)) => {
            let is_image = |field: &Field| field.id == *id.get_ref() && field.kind == FieldKind::Image;
            if !fields.iter().any(|field| is_image(field) && field.required) {
                findings.add(&id.span(), "this is the id of a field of the kind image that is required");
            }
            ImageSource::Field(id.into_inner())
        }
        _ => {
            findings.add(&span, "an image has either a name or a field in which the person names it");
            return None;
        }
    };
    let program = table.program.map(|program| {
        if !program.get_ref().starts_with('/') {
            findings.add(&program.span(), "the program's path in the image begins with /");
        }
        program.into_inner()
    });
    if has_program && program.is_none() {
        findings.add(&span, "with a [program], the image says where its program is");
    }
    Some(Image { source, program: program.unwrap_or_default() })
}

/// What a registry takes (distribution/reference), but for the case of letters, which it checks itself.
fn check_image_name(name: &Spanned<String>, findings: &mut Findings) {
    let text = name.get_ref();
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte));
    if !is_plain {
        findings.add(&name.span(), "an image is named as in a registry: path:tag or path@digest");
    }
}

fn program(table: ProgramTable, findings: &mut Findings) -> Program {
    if table.name.get_ref().is_empty() || table.name.get_ref().contains('/') {
        findings.add(&table.name.span(), "a program is named without its folder");
    }
    if let Some(variable) = table.variable.as_ref().filter(|variable| !is_variable(variable.get_ref())) {
        findings.add(&variable.span(), "an environment variable is of A-Z, 0-9 and _");
    }
    Program {
        name: table.name.into_inner(),
        variable: table.variable.map(Spanned::into_inner),
        version_arguments: table.version_arguments,
        how: table.how,
    }
}

fn recipe(
    launch: LaunchTable,
    program: Option<Program>,
    fields: &[Field],
    findings: &mut Findings,
) -> Option<Recipe> {
    let scope = Scope { fields, has_program: program.is_some(), listen: launch.listen };
    let command_span = launch.command.span();
    let command = command(launch.command.get_ref(), &scope, findings);
    if command.is_empty() {
        findings.add(&command_span, "a command has at least a program");
    }
    let environment = environment(launch.environment, &scope, findings);
    let files = files(launch.files, &scope, findings);
    let authorization = launch.authorization.and_then(|text| pattern(&text, Spot::Private, &scope, findings));
    for status in launch.probe.statuses.iter().filter(|status| !(200..=599).contains(status.get_ref())) {
        findings.add(&status.span(), "a status is 200 to 599");
    }
    let port = launch.port.and_then(|text| port(&text, &scope, findings));
    let path = pattern(&launch.probe.path, Spot::Public, &scope, findings)?;
    let begins_well = launch.probe.path.get_ref().starts_with(['/', '{']);
    if !begins_well {
        findings.add(&launch.probe.path.span(), "a path begins with /");
    }
    let timeout = seconds(&launch.probe.timeout_secs, 3600, findings);
    let grace = seconds(&launch.grace_secs, 600, findings);
    let statuses = launch.probe.statuses.into_iter().map(Spanned::into_inner).collect();
    let probe = Probe { path, statuses, timeout };
    Some(Recipe {
        image: None,
        program,
        command,
        environment,
        files,
        listen: launch.listen,
        port,
        authorization,
        probe,
        grace,
    })
}

fn environment(
    table: BTreeMap<Spanned<String>, Spanned<String>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, Pattern> {
    let mut environment = BTreeMap::new();
    for (name, text) in table {
        if !is_variable(name.get_ref()) {
            findings.add(&name.span(), "an environment variable is of A-Z, 0-9 and _");
        }
        if let Some(pattern) = pattern(&text, Spot::Private, scope, findings) {
            environment.insert(name.into_inner(), pattern);
        }
    }
    environment
}

fn files(
    table: BTreeMap<Spanned<String>, Spanned<String>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> BTreeMap<PathBuf, Pattern> {
    let mut files = BTreeMap::new();
    for (name, text) in table {
        let path = Path::new(name.get_ref());
        // The folder's own files lie at its top; a template's lie below.
        let is_below = path.components().count() > 1
            && path.components().all(|component| matches!(component, Component::Normal(_)));
        if !is_below {
            findings.add(&name.span(), "a file lies in a folder of its own: folder/name, without . and ..");
        }
        if let Some(pattern) = pattern(&text, Spot::Private, scope, findings) {
            files.insert(PathBuf::from(name.into_inner()), pattern);
        }
    }
    files
}

/// The parts of a command. One that is a field of the kind `arguments` and nothing else stands for all of its words, and
/// `{agent}` for those that call our agent.
fn command(texts: &[Spanned<String>], scope: &Scope<'_>, findings: &mut Findings) -> Vec<Argument> {
    let is_words =
        |id: &str| scope.fields.iter().any(|field| field.id == id && field.kind == FieldKind::Arguments);
    let argument = |text: Pattern| match text.only_place() {
        Some(Place::Value(id)) if is_words(id) => Argument::Words(id.clone()),
        Some(Place::Agent) => Argument::Agent,
        _ => Argument::One(text),
    };
    texts.iter().filter_map(|text| pattern(text, Spot::Argument, scope, findings)).map(argument).collect()
}

/// The port of an app in its pod: a number, or what a person typed into a field of numbers.
fn port(text: &Spanned<String>, scope: &Scope<'_>, findings: &mut Findings) -> Option<Pattern> {
    let span = text.span();
    let pattern = pattern(text, Spot::Public, scope, findings)?;
    let is_port = |field: &Field| {
        let (least, most) = (field.min.unwrap_or_default(), field.max.unwrap_or(i64::MAX));
        field.kind == FieldKind::Number && field.required && least >= 1 && most <= u16::MAX.into()
    };
    let holds = match pattern.only_place() {
        Some(Place::Value(id)) => scope.fields.iter().any(|field| field.id == *id && is_port(field)),
        Some(_) => false,
        None => text.get_ref().parse::<u16>().is_ok_and(|port| port > 0),
    };
    if !holds {
        findings.add(&span, "a port is 1 to 65535, or {values.ID} of a required number between these");
    }
    if scope.listen != Listen::Tcp {
        findings.add(&span, "a port needs listen = \"tcp\"");
    }
    Some(pattern)
}

fn pattern(
    text: &Spanned<String>,
    spot: Spot,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<Pattern> {
    let span = text.span();
    if text.get_ref().contains('\0') {
        findings.add(&span, "a text holds no NUL");
    }
    let pattern = findings.take(&span, Pattern::parse(text.get_ref()))?;
    let is_call = spot == Spot::Argument && pattern.only_place() == Some(&Place::Agent);
    if pattern.places().any(|place| *place == Place::Agent) && !is_call {
        findings.add(&span, "{agent} is an argument by itself");
    }
    for place in pattern.places() {
        check_place(place, spot, scope, &span, findings);
    }
    Some(pattern)
}

fn check_place(place: &Place, spot: Spot, scope: &Scope<'_>, span: &Range<usize>, findings: &mut Findings) {
    match place {
        Place::Secret if spot != Spot::Private => {
            findings.add(
                span,
                "a secret stands in environment, files or authorization only: arguments are public",
            );
        }
        Place::Program if !scope.has_program => findings.add(span, "{program} needs a [program]"),
        Place::Socket if scope.listen != Listen::Unix => {
            findings.add(span, "{socket} needs listen = \"unix\"");
        }
        Place::Port if scope.listen != Listen::Tcp => findings.add(span, "{port} needs listen = \"tcp\""),
        Place::Value(id) if !scope.fields.iter().any(|field| field.id == *id) => {
            findings.add(span, format!("there is no field {id}"));
        }
        _ => {}
    }
}

fn seconds(value: &Spanned<u64>, most: u64, findings: &mut Findings) -> Duration {
    if !(1..=most).contains(value.get_ref()) {
        findings.add(&value.span(), format!("this is 1 to {most} seconds"));
    }
    Duration::from_secs(*value.get_ref())
}

fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
