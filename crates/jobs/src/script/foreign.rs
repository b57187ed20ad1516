//! Scripts that people wrote elsewhere: what the form takes from them, and that a change changes nothing else.

use myksc_core::octets;
use proptest::prelude::*;

use super::*;

/// The script, its dialect, and what it says in our words.
type Case = (&'static str, Dialect, &'static str);

macro_rules! case {
    ($file:literal, $dialect:ident, $says:literal) => {
        (($file, Dialect::$dialect, $says), include_bytes!(concat!("foreign/", $file)))
    };
}

const CASES: &[(Case, &[u8])] = &[
    case!("01-serial.slurm", Slurm, "serial normal walltime=1800 output=%x.o%j"),
    case!(
        "02-long-equals.slurm",
        Slurm,
        "mpi_run normal nodes=2 tasks=20 cpus=2 walltime=129600 output=%x_%j.out error=%x_%j.err"
    ),
    case!("03-long-blank.slurm", Slurm, "blanks - nodes=4 memory=17179869184 walltime=5430"),
    case!("04-several-in-a-line.slurm", Slurm, "multi debug nodes=2 tasks=4 cpus=4 walltime=7200"),
    case!("05-tight-letters.slurm", Slurm, "tight normal nodes=2 cpus=4 walltime=86400"),
    case!("06-comments-behind.slurm", Slurm, "- - nodes=3 memory=4294967296 walltime=600"),
    case!("07-quotes.slurm", Slurm, "two words - output=out of %x-%j.log"),
    case!("08-heredoc.slurm", Slurm, "- - nodes=1 walltime=300"),
    case!("09-array.slurm", Slurm, "sweep - walltime=1200 output=sweep_%A_%a.out array=0-15%4"),
    case!("10-array-list.slurm", Slurm, "odd - array=1,3,5-9:2"),
    case!("11-gres-typed.slurm", Slurm, "train cas_v100_2 nodes=1 tasks=2 gpus=2 walltime=43200"),
    case!("12-gpus-per-node.slurm", Slurm, "- - gpus=4 memory=67108864000"),
    case!("13-korean.slurm", Slurm, "단백질 - nodes=2"),
    case!("14-crlf.slurm", Slurm, "dos - nodes=2"),
    case!("15-mark.slurm", Slurm, "bom - nodes=2"),
    case!("16-below-command.slurm", Slurm, "- - nodes=2"),
    case!("17-csh.slurm", Slurm, "old_code - walltime=172800"),
    case!("18-python.slurm", Slurm, "numbers - memory=2147483648"),
    case!("19-both-dialects.slurm", Slurm, "for_slurm - nodes=4"),
    case!("20-repeated.slurm", Slurm, "- - nodes=1 walltime=7200"),
    case!("21-no-end-of-line.slurm", Slurm, "noeol - nodes=2"),
    case!("22-nothing.slurm", Slurm, "- -"),
    case!("23-chunk.pbs", Pbs, "chunk normal nodes=2 tasks=16 cpus=4 walltime=172800"),
    case!("24-nodes-ppn.pbs", Pbs, "ppn - nodes=1 tasks=4 walltime=43200"),
    case!("25-several-chunks.pbs", Pbs, "twokinds - walltime=3600 own size"),
    case!(
        "26-host-in-chunk.pbs",
        Pbs,
        "pinned debug nodes=1 tasks=8 cpus=1 gpus=1 memory=25769803776 walltime=1800"
    ),
    case!("27-array.pbs", Pbs, "sweep - output=logs/sweep.^array_index^ array=1-100%5"),
    case!("28-quoted-variables.pbs", Pbs, "vars - nodes=1 tasks=1 cpus=4 walltime=3600"),
    case!("29-csh.pbs", Pbs, "legacy - error=legacy.err own size"),
    case!("30-korean-comment.pbs", Pbs, "euckr - nodes=1 tasks=1 cpus=2 walltime=600"),
    case!("31-job-id-in-name.pbs", Pbs, "named normal output=out.$PBS_JOBID error=err.$PBS_JOBID"),
];

fn says(said: &Directives) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut parts = vec![or_none(&said.name), or_none(&said.queue)];
    let numbers = [
        ("nodes", said.nodes.map(u64::from)),
        ("tasks", said.tasks_per_node.map(u64::from)),
        ("cpus", said.cpus_per_task.map(u64::from)),
        ("gpus", said.gpus_per_node.map(u64::from)),
        ("memory", said.memory_bytes),
        ("walltime", said.walltime_secs),
    ];
    parts.extend(numbers.iter().filter_map(|(name, number)| number.map(|number| format!("{name}={number}"))));
    let texts = [("output", &said.stdout_name), ("error", &said.stderr_name), ("array", &said.array)];
    parts.extend(texts.iter().filter_map(|(name, text)| text.as_ref().map(|text| format!("{name}={text}"))));
    parts.extend(said.has_own_size.then(|| "own size".to_owned()));
    parts.join(" ")
}

fn roots() -> Roots {
    Roots::new([("home".to_owned(), "/home/kim".into())])
}

/// The form that a script is opened with, and the script as it is kept: without line ends of DOS and the mark in front.
fn opened(bytes: &[u8], dialect: Dialect) -> (Parsed, JobForm, String) {
    let parsed = parse(&octets::to_text(bytes), dialect, &roots());
    let kept = format!("{}{}", parsed.head, parsed.body);
    (parsed.clone(), parsed.into_form(&JobForm::default()), kept)
}

fn rendered(form: &JobForm, dialect: Dialect) -> String {
    render(form, dialect, &roots(), &JobForm::default()).script
}

#[test]
fn foreign_scripts_fill_the_form_and_stay_as_they_are() {
    for ((file, dialect, expected), bytes) in CASES {
        let (parsed, form, kept) = opened(bytes, *dialect);
        assert_eq!(says(&parsed.directives), *expected, "{file}");
        assert_eq!(rendered(&form, *dialect), kept, "{file}");
        let is_kept_as_bytes = octets::to_bytes(&kept) == *bytes;
        let is_mended = matches!(&file[..2], "14" | "15");
        assert_eq!(is_kept_as_bytes, !is_mended, "{file}");
        let below =
            parsed.problems.iter().filter(|problem| problem.code == "directive_below_command").count();
        let expected = match &file[..2] {
            "16" => 2,
            "08" | "18" | "29" => 1,
            _ => 0,
        };
        assert_eq!(below, expected, "{file}: {:?}", parsed.problems);
    }
}

/// A field and another value for it.
type Field = (&'static str, fn(&mut JobForm, &Values));

/// New values; each differs from what the scripts say.
#[derive(Debug, Clone)]
struct Values {
    word: String,
    number: u32,
    secs: u64,
}

const FIELDS: [Field; 10] = [
    ("name", |form, values| form.name = values.word.clone()),
    ("queue", |form, values| form.queue = values.word.clone()),
    ("nodes", |form, values| form.nodes = values.number),
    ("tasks", |form, values| form.tasks_per_node = values.number),
    ("cpus", |form, values| form.cpus_per_task = values.number),
    ("gpus", |form, values| form.gpus_per_node = values.number),
    ("memory", |form, values| form.memory_bytes = Some(u64::from(values.number) << 20)),
    ("walltime", |form, values| form.walltime_secs = values.secs),
    ("output", |form, values| form.stdout_name = format!("{} %j.log", values.word)),
    ("error", |form, values| form.stderr_name = format!("{}.err", values.word)),
];

/// Lines of the old script that are not in the new one, and the other way round.
fn changed_lines(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let end = old[same..]
        .iter()
        .rev()
        .zip(new[same..].iter().rev())
        .take_while(|(one, other)| one == other)
        .count();
    let part = |lines: &[&str]| lines[same..lines.len() - end].iter().map(|&line| line.to_owned()).collect();
    (part(&old), part(&new))
}

/// Whether no line can say the field: the size is said in a way of the script's own.
fn is_out_of_reach(field: &str, dialect: Dialect, said: &Directives) -> bool {
    let is_size = matches!(field, "nodes" | "tasks" | "cpus" | "gpus" | "memory");
    // `nodes=…:ppn=…` says nothing of the others.
    let is_old =
        said.nodes.is_some() && said.cpus_per_task.is_none() && matches!(field, "cpus" | "gpus" | "memory");
    dialect == Dialect::Pbs && is_size && (said.has_own_size || is_old)
}

proptest! {
    #[test]
    fn a_changed_field_changes_its_line_and_no_other_byte(
        word in "[a-z][a-z0-9_.-]{0,15}x",
        number in 65_u32..999,
        secs in 200_000_u64..900_000,
        at in 0..CASES.len(),
    ) {
        let values = Values { word, number, secs };
        let ((file, dialect, _), bytes) = CASES[at];
        let (before, form, kept) = opened(bytes, dialect);
        for (field, change) in FIELDS {
            let mut wanted = form.clone();
            change(&mut wanted, &values);
            let script = rendered(&wanted, dialect);
            let (gone, come) = changed_lines(&kept, &script);
            if is_out_of_reach(field, dialect, &before.directives) {
                prop_assert_eq!(&script, &kept, "{} {}", file, field);
                continue;
            }
            prop_assert!(gone.len() <= 1 && come.len() == 1, "{} {}: {:?} {:?}", file, field, gone, come);
            let back = parse(&script, dialect, &roots()).into_form(&JobForm::default());
            prop_assert_eq!(back, JobForm { head: Some(script[..script.len() - form.command.len()].to_owned()), ..wanted }, "{} {}", file, field);
        }
    }

    #[test]
    fn what_the_form_takes_away_is_gone_and_nothing_else(at in 0..CASES.len()) {
        let ((file, dialect, _), bytes) = CASES[at];
        let (_, form, kept) = opened(bytes, dialect);
        let fields: [Field; 4] = [
            ("gpus", |form, _| form.gpus_per_node = 0),
            ("memory", |form, _| form.memory_bytes = None),
            ("output", |form, _| form.stdout_name = String::new()),
            ("error", |form, _| form.stderr_name = String::new()),
        ];
        for (field, change) in fields {
            let mut wanted = form.clone();
            change(&mut wanted, &Values { word: String::new(), number: 0, secs: 0 });
            let script = rendered(&wanted, dialect);
            let (gone, come) = changed_lines(&kept, &script);
            prop_assert!(gone.len() <= 1 && come.len() <= gone.len(), "{} {}: {:?} {:?}", file, field, gone, come);
            let back = parse(&script, dialect, &roots()).into_form(&JobForm::default());
            prop_assert_eq!(JobForm { head: None, ..back }, JobForm { head: None, ..wanted }, "{} {}", file, field);
        }
    }
}
