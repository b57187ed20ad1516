use std::path::Path;

use super::*;

const GOOD: &str = r#"
order = 1
icon = "x"
title = { en = "T", ko = "티" }
summary = { en = "S", ko = "에스" }
defaults = { cpu_millis = 1, memory_bytes = 1, gpus = 0 }

[program]
name = "prog"
how = { en = "get it", ko = "설치" }

[launch]
command = ["{program}", "--dir={home}", "{values.size}"]
listen = "unix"
grace_secs = 5
environment = { TOKEN = "{secret}" }
files = { "conf/a.json" = "{{}}" }
probe = { path = "/api", statuses = [200], timeout_secs = 5 }

[idle]
ignore = ["/events", "/api/kernels?1"]
frames = "rfb"
cpu_percent = 7

[[fields]]
id = "size"
kind = "number"
default = "3"
min = 1
max = 9
label = { en = "Size", ko = "크기" }
help = { en = "How big", ko = "얼마나" }
"#;

fn problems(name: &str, text: &str) -> Vec<String> {
    match Catalogue::of_files([(name.into(), Ok(text.to_owned()))]) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_templates_that_ship_are_whole_and_all_of_them_are_in_the_program() {
    let catalogue = Catalogue::load(None).unwrap();
    let ids: Vec<_> = catalogue.templates().iter().map(|template| template.id.as_str()).collect();
    assert_eq!(ids, ["jupyter", "command", "image", "vscode", "rstudio", "desktop", "terminal"]);
    let idle = |id: &str| catalogue.find(id).unwrap().idle.clone();
    assert_eq!(idle("rstudio").polls, ["/events/get_events"]);
    assert_eq!(idle("jupyter").probe, Some(IdleProbe::Jupyter));
    assert_eq!(idle("jupyter").polls, ["/lab/api/workspaces"]);
    assert_eq!(
        ["command", "vscode", "desktop"].map(|id| idle(id).frames),
        [Frames::Any, Frames::Vscode, Frames::Rfb]
    );
    assert_eq!(idle("terminal").polls, ["/socket"]);
    assert_eq!(idle("command").cpu_percent, 5);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let on_disk = Catalogue::load(Some(&folder)).unwrap();
    assert_eq!(on_disk.templates().len(), ids.len());
}

#[test]
fn everything_wrong_with_a_file_is_told_with_its_line() {
    assert_eq!(problems("good.toml", GOOD), Vec::<String>::new());
    let cases: &[(&str, &str, &str)] = &[
        ("order = 1", "order = 'one'", "t.toml:2: invalid type: string \"one\", expected i64"),
        ("order = 1", "order = 1\ncolour = 'red'", "t.toml:3: unknown field `colour`"),
        ("ko = \"티\" ", "", "t.toml:4: missing field `ko`"),
        ("icon = \"x\"", "icon = \"../x\"", "t.toml:3: an icon is a name"),
        ("cpu_millis = 1,", "cpu_millis = 0,", "t.toml:6: defaults ask for some"),
        ("cpu_millis = 1,", "cpu_millis = -1,", "t.toml:6: invalid value: integer `-1`"),
        ("name = \"prog\"", "name = \"/bin/prog\"", "t.toml:9: a program is named without its folder"),
        ("--dir={home}", "--dir={hone}", "t.toml:13: there is no {hone}"),
        ("--dir={home}", "--dir={port}", "t.toml:13: {port} needs listen = \"tcp\""),
        ("--dir={home}", "--token={secret}", "t.toml:13: a secret stands in environment"),
        ("{values.size}", "{values.sise}", "t.toml:13: there is no field sise"),
        ("--dir={home}", "--dir={agent}", "t.toml:13: {agent} is an argument by itself"),
        ("\"{secret}\"", "\"{agent}\"", "t.toml:16: {agent} is an argument by itself"),
        (
            "\"{program}\", \"--dir={home}\", \"{values.size}\"",
            "",
            "t.toml:13: a command has at least a program",
        ),
        ("listen = \"unix\"", "listen = \"udp\"", "t.toml:14: unknown variant `udp`"),
        ("grace_secs = 5", "grace_secs = 0", "t.toml:15: this is 1 to 600 seconds"),
        ("{ TOKEN =", "{ to-ken =", "t.toml:16: an environment variable"),
        ("conf/a.json", "../a.json", "t.toml:17: a file lies in a folder of its own"),
        ("conf/a.json", "spec.json", "t.toml:17: a file lies in a folder of its own"),
        ("\"{{}}\"", "\"{}\"", "t.toml:17: there is no {}"),
        ("/api", "api", "t.toml:18: a path begins with /"),
        ("[200]", "[20]", "t.toml:18: a status is 200 to 599"),
        ("\"/events\"", "\"events\"", "t.toml:21: what is ignored is the beginning of a path"),
        ("\"/events\"", "\"/\"", "t.toml:21: what is ignored is the beginning of a path"),
        ("ignore =", "ignored =", "t.toml:21: unknown field `ignored`"),
        ("\"rfb\"", "\"vnc\"", "t.toml:22: unknown variant `vnc`"),
        ("= 7", "= 101", "t.toml:23: this is 0 to 100 percent"),
        ("= 7", "= 7\nprobe = \"mock\"", "t.toml:24: unknown variant `mock`"),
        ("= 7", "= 7\nafter_secs = -1", "t.toml:24: invalid value"),
        ("id = \"size\"", "id = \"Size\"", "t.toml:26: a field's id is of a-z"),
        ("kind = \"number\"", "kind = \"text\"", "t.toml:26: only a number has min and max"),
        ("kind = \"number\"", "kind = \"choice\"\nchoices = []", "t.toml:26: a choice has choices"),
        (
            "default = \"3\"",
            "default = \"10\"",
            "t.toml:28: the default is no value of this field: at most 9",
        ),
        ("default = \"3\"", "default = \"3\"\npattern = \"(\"", "t.toml:29: not a regular expression"),
        ("default = \"3\"", "default = \"3\"\nmax_length = 0", "t.toml:29: max_length is 1 to"),
        ("[[fields]]", "[[fields]", "t.toml:25: "),
    ];
    for (from, to, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let found = problems("t.toml", &GOOD.replacen(from, to, 1));
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{to}: {found:?}");
    }
}

#[test]
fn an_image_that_a_person_names_has_a_field_of_its_kind() {
    let shipped = include_str!("../../../../catalogue/image.toml");
    assert_eq!(problems("image.toml", shipped), Vec::<String>::new());
    let cases = [
        ("field = \"image\"", "field = \"path\"", "this is the id of a field of the kind image"),
        ("field = \"image\"", "", "an image has either a name or a field"),
        ("field = \"image\"", "field = \"image\"\nname = \"a:1\"", "an image has either a name or a field"),
        (
            "kind = \"image\"\nrequired = true",
            "kind = \"image\"",
            "this is the id of a field of the kind image",
        ),
        ("port = \"{values.port}\"", "port = \"0\"", "a port is 1 to 65535"),
        ("port = \"{values.port}\"", "port = \"{values.path}\"", "a port is 1 to 65535"),
        ("port = \"{values.port}\"", "port = \"1{values.port}\"", "a port is 1 to 65535"),
        ("max = 65535", "max = 65536", "a port is 1 to 65535"),
        ("listen = \"tcp\"", "listen = \"unix\"", "a port needs listen"),
        (
            "kind = \"arguments\"",
            "kind = \"arguments\"\ndefault = \"'\"",
            "the default is no value of this field",
        ),
    ];
    for (from, to, expected) in cases {
        assert!(shipped.contains(from), "{from}");
        let found = problems("t.toml", &shipped.replacen(from, to, 1));
        assert!(found.iter().any(|problem| problem.contains(expected)), "{to}: {found:?}");
    }
}

#[test]
fn several_findings_of_several_files_come_together() {
    let bad = GOOD.replace("icon = \"x\"", "icon = \"X\"").replace("grace_secs = 5", "grace_secs = 0");
    let files = ["one.toml", "two.toml"].map(|name| (PathBuf::from(name), Ok(bad.clone())));
    let error = Catalogue::of_files(files).unwrap_err();
    let lines: Vec<_> = error.problems.iter().map(|p| (p.file.to_str().unwrap(), p.line)).collect();
    assert_eq!(
        lines,
        [("one.toml", Some(3)), ("one.toml", Some(15)), ("two.toml", Some(3)), ("two.toml", Some(15))]
    );
    assert_eq!(error.to_string().lines().count(), 4);
}

#[test]
fn a_template_that_says_neither_how_nor_what_is_missing_is_refused() {
    let head = GOOD.split("[program]").next().unwrap();
    assert!(problems("t.toml", head)[0].starts_with("t.toml:1: either [launch]"));
    assert!(problems("T X.toml", GOOD)[0].starts_with("T X.toml:1: the file's name"));
    let twice = format!(
        "{GOOD}{}",
        GOOD.split_once("[[fields]]").map(|(_, end)| format!("[[fields]]{end}")).unwrap()
    );
    assert!(problems("t.toml", &twice)[0].contains("another field of this id"));
}

#[test]
fn an_unreadable_folder_or_file_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    assert!(Catalogue::load(Some(&nowhere)).unwrap_err().to_string().contains("nowhere"));
    fs::write(folder.path().join("latin1.toml"), b"title = \"\xe9\"").unwrap();
    let error = Catalogue::load(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("latin1.toml"), "{error}");
}

#[test]
fn what_a_person_typed_is_checked_field_by_field() {
    let command = Catalogue::load(None).unwrap().find("command").unwrap().clone();
    let check = |pairs: &[(&str, &str)]| {
        let given = pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect();
        let codes = |problems: Vec<myksc_core::FieldProblem>| {
            problems.into_iter().map(|problem| (problem.field, problem.code)).collect::<Vec<_>>()
        };
        check_values(&command.fields, &given).map_err(codes)
    };
    let refused = |field: &str, code: &str| Err(vec![(field.to_owned(), code.to_owned())]);

    let filled = check(&[("command", "echo 안녕\nsleep 1")]).unwrap();
    assert_eq!(filled["path"], "/");
    assert_eq!(check(&[]), refused("values.command", "required"));
    assert_eq!(check(&[("command", " \n ")]), refused("values.command", "required"));
    assert_eq!(check(&[("command", "a\0b")]), refused("values.command", "text_invalid"));
    assert_eq!(check(&[("command", &"x".repeat(30_001))]), refused("values.command", "too_long"));
    assert_eq!(
        check(&[("command", "x"), ("path", "http://evil/")]),
        refused("values.path", "pattern_mismatch")
    );
    assert_eq!(check(&[("command", "x"), ("path", "/a b")]), refused("values.path", "pattern_mismatch"));
    assert_eq!(check(&[("command", "x"), ("path", "/\r\nHost: x")]), refused("values.path", "text_invalid"));
    assert_eq!(check(&[("command", "x"), ("uid", "0")]), refused("values.uid", "field_unknown"));
}

#[test]
fn an_image_is_kept_by_its_whole_name() {
    let template = Catalogue::load(None).unwrap().find("image").unwrap().clone();
    let given = [("image".to_owned(), " python:3.12 ".to_owned())].into();
    let values = check_values(&template.fields, &given).unwrap();
    assert_eq!(
        (values["image"].as_str(), values["port"].as_str()),
        ("docker.io/library/python:3.12", "8080")
    );
}

#[test]
fn numbers_choices_toggles_and_paths_are_what_they_say() {
    let field = |kind: FieldKind| Field {
        id: "f".into(),
        label: Translated::same(""),
        help: Translated::same(""),
        kind,
        default: String::new(),
        required: false,
        choices: vec![Choice { value: "a".into(), label: Translated::same("A") }],
        min: Some(1),
        max: Some(9),
        max_length: 100,
        pattern: None,
    };
    let cases = [
        (FieldKind::Number, "9", None),
        (FieldKind::Number, "0", Some("below_min")),
        (FieldKind::Number, "10", Some("above_max")),
        (FieldKind::Number, "1e9", Some("number_invalid")),
        (FieldKind::Number, "99999999999999999999", Some("number_invalid")),
        (FieldKind::Choice, "a", None),
        (FieldKind::Choice, "A", Some("choice_unknown")),
        (FieldKind::Toggle, "true", None),
        (FieldKind::Toggle, "yes", Some("choice_unknown")),
        (FieldKind::Path, "home/결과", None),
        (FieldKind::Path, "home/../x", Some("path_invalid")),
        (FieldKind::Path, "scratch/x", Some("path_invalid")),
        (FieldKind::Path, "/etc/passwd", Some("path_invalid")),
        (FieldKind::Path, "", None),
        (FieldKind::Image, "python:3.12", None),
        (FieldKind::Image, "Python:3.12", Some("image_invalid")),
        (FieldKind::Image, "python", Some("image_tag_missing")),
        (FieldKind::Arguments, "sh -c 'sleep 1; id'", None),
        (FieldKind::Arguments, "sh -c 'sleep", Some("arguments_invalid")),
        (FieldKind::Arguments, "a\nb", Some("text_invalid")),
    ];
    for (kind, value, expected) in cases {
        let code = values::check_value(&field(kind), value).err().map(|problem| problem.code);
        assert_eq!(code.as_deref(), expected, "{kind:?} {value:?}");
    }
}
