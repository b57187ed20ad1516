use myksc_core::Translated;
use proptest::prelude::*;

use super::*;
use crate::rules::{OptionField, SiteOption, SiteRules};

fn roots() -> Roots {
    Roots::new([("home".to_owned(), "/home/kim".into())])
}

fn form() -> JobForm {
    JobForm {
        name: "wordcount".into(),
        queue: "local".into(),
        command: "wc -l \"$INPUT_1\"\n".into(),
        ..JobForm::default()
    }
}

/// The form that a script of ours comes from: without the head that a script which is opened leaves in it.
fn form_of<'a>(script: &str, words: impl Into<Words<'a>>) -> JobForm {
    JobForm { head: None, ..parse(script, words, &roots()).into_form(&JobForm::default()) }
}

fn made<'a>(form: &JobForm, words: impl Into<Words<'a>>) -> Rendered {
    render(form, words, &roots(), &JobForm::default())
}

fn codes(problems: &[FieldProblem]) -> Vec<(&str, &str)> {
    problems.iter().map(|problem| (problem.field.as_str(), problem.code.as_str())).collect()
}

#[test]
fn a_form_becomes_the_script_that_its_documentation_shows() {
    let form = JobForm {
        memory_bytes: Some(4 << 30),
        gpus_per_node: 1,
        walltime_secs: 90_000,
        inputs: vec!["home/my data.csv".into(), "home/b.csv".into()],
        stdout_name: "%x-%j.out".into(),
        ..form()
    };
    let rendered = made(&form, Dialect::Myksc);
    let expected = "#!/bin/bash
#MYKSC --name=wordcount
#MYKSC --queue=local
#MYKSC --nodes=1
#MYKSC --tasks-per-node=1
#MYKSC --cpus-per-task=1
#MYKSC --gpus-per-node=1
#MYKSC --memory=4G
#MYKSC --walltime=25:00:00
#MYKSC --output='%x-%j.out'
export INPUT_1='/home/kim/my data.csv'
export INPUT_2=/home/kim/b.csv

wc -l \"$INPUT_1\"
";
    assert_eq!(rendered.script, expected);
    assert_eq!(codes(&rendered.problems), []);
}

#[test]
fn hostile_fields_make_no_directive_and_no_command_of_their_own() {
    let base = made(&form(), Dialect::Myksc);
    let lines = |text: &str| text.lines().count();
    type Change = fn(&mut JobForm, &str);
    let fields: [(&str, Change); 7] = [
        ("name", |form, value| form.name = value.to_owned()),
        ("queue", |form, value| form.queue = value.to_owned()),
        ("stdout_name", |form, value| form.stdout_name = value.to_owned()),
        ("stderr_name", |form, value| form.stderr_name = value.to_owned()),
        ("shebang", |form, value| form.shebang = value.to_owned()),
        ("head", |form, value| form.head = Some(value.to_owned())),
        ("inputs.0", |form, value| form.inputs = vec![value.to_owned()]),
    ];
    let values = [
        "x\n#MYKSC --queue=other",
        "x\r\n#MYKSC --queue=other",
        "x\nrm -rf ~",
        "x\u{0}y",
        "x\u{2028}#MYKSC --nodes=9",
        "x\u{85}y",
        "x\u{1b}[2J",
        "x\u{202e}y/..",
        "../../etc/passwd",
    ];
    for (field, change) in fields {
        for value in values {
            let mut hostile = form();
            change(&mut hostile, value);
            let rendered = made(&hostile, Dialect::Myksc);
            let named = rendered.problems.iter().any(|problem| problem.field == field);
            assert!(named, "{field} {value:?}: {:?}", rendered.problems);
            assert!(
                lines(&rendered.directives) <= lines(&base.directives),
                "{field} {value:?}: {}",
                rendered.script
            );
            assert_eq!(rendered.body, form().command);
        }
    }
}

#[test]
fn quotes_and_shell_signs_in_names_stay_names() {
    for name in
        ["it's", "\"q\"", "$(reboot)", "`id`", "a;b", "a b", "결과 1", "a\\", "#1", "a # b", "%j", "!x"]
    {
        let form =
            JobForm { name: name.into(), inputs: vec![format!("home/{name}").replace('%', "%25")], ..form() };
        let rendered = made(&form, Dialect::Myksc);
        assert_eq!(codes(&rendered.problems), [], "{name}");
        assert_eq!(form_of(&rendered.script, Dialect::Myksc), form, "{name}");
    }
}

#[test]
fn a_directive_below_the_first_command_is_pointed_out_and_has_no_effect() {
    let script = "#!/bin/bash\n# a remark\n\n#MYKSC --nodes=2\necho hi\n#MYKSC --nodes=3\n";
    let parsed = parse(script, Dialect::Myksc, &roots());
    assert_eq!(parsed.directives.nodes, Some(2));
    assert_eq!(codes(&parsed.problems), [("script", "directive_below_command")]);
    assert_eq!(parsed.problems[0].params["line"], 6);
    assert_eq!(parsed.body, "echo hi\n#MYKSC --nodes=3\n");
    assert_eq!(parsed.head, "#!/bin/bash\n# a remark\n\n#MYKSC --nodes=2\n");
}

#[test]
fn a_directive_that_does_not_hold_is_named_with_its_line() {
    let cases = [
        ("--nodes=many", ("nodes", "number_invalid")),
        ("--nodes=-1", ("nodes", "number_invalid")),
        ("--nodes=99999999999", ("nodes", "number_invalid")),
        ("--memory=4", ("memory_bytes", "size_invalid")),
        ("--walltime=90", ("walltime_secs", "walltime_invalid")),
        ("--name=", ("name", "required")),
        ("--name=-x", ("name", "job_name_invalid")),
        ("--output=../x", ("stdout_name", "output_name_invalid")),
        ("--error=%q", ("stderr_name", "output_name_invalid")),
        ("--queue='a b'", ("queue", "queue_unknown")),
        ("--exclusive", ("script", "directive_unreadable")),
        ("--nodes=2 --queue=x", ("script", "directive_unreadable")),
        ("--nodes=2 # two", ("script", "directive_unreadable")),
        ("--name='open", ("script", "directive_unreadable")),
        ("", ("script", "directive_unreadable")),
        ("--account=x", ("script", "directive_unknown")),
    ];
    for (directive, expected) in cases {
        let parsed = parse(&format!("#!/bin/sh\n#MYKSC {directive}\ntrue\n"), Dialect::Myksc, &roots());
        assert_eq!(codes(&parsed.problems), [expected], "{directive}");
        assert_eq!(parsed.problems[0].params["line"], 2, "{directive}");
        assert!(!is_hint(&parsed.problems[0]));
    }
}

#[test]
fn what_only_looks_like_a_directive_is_a_comment() {
    for line in
        ["##MYKSC --nodes=9", " #MYKSC --nodes=9", "#MYKSC--nodes=9", "#myksc --nodes=9", "#MYKSCX --nodes=9"]
    {
        let parsed = parse(&format!("{line}\ntrue\n"), Dialect::Myksc, &roots());
        assert_eq!(parsed.directives, Directives::default(), "{line}");
        assert_eq!((parsed.head.as_str(), codes(&parsed.problems)), ("", vec![]), "{line}");
    }
}

#[test]
fn options_of_other_schedulers_and_repetitions_are_pointed_out() {
    let parsed = parse(
        "#!/bin/sh\n#SBATCH -N 2\n#MYKSC --nodes=1\n#MYKSC --nodes=2\ntrue\n",
        Dialect::Myksc,
        &roots(),
    );
    assert_eq!(codes(&parsed.problems), [("script", "foreign_directive"), ("script", "directive_repeated")]);
    assert!(parsed.problems.iter().all(is_hint));
    assert_eq!(parsed.directives.nodes, Some(2));
    assert_eq!(parsed.head, "#!/bin/sh\n#SBATCH -N 2\n#MYKSC --nodes=1\n#MYKSC --nodes=2\n");
}

#[test]
fn line_ends_and_marks_of_other_systems_are_mended_and_told() {
    let parsed =
        parse("\u{feff}#!/bin/bash\r\n#MYKSC --nodes=2\r\n\r\necho 안녕\r\n", Dialect::Myksc, &roots());
    assert_eq!(
        codes(&parsed.problems),
        [("script", "byte_order_mark_removed"), ("script", "line_ends_changed")]
    );
    assert_eq!((parsed.shebang.as_str(), parsed.body.as_str()), ("#!/bin/bash", "echo 안녕\n"));
    assert_eq!(parsed.directives.nodes, Some(2));
}

#[test]
fn nul_and_endless_scripts_are_refused() {
    let parsed = parse("#!/bin/sh\necho \0\n", Dialect::Myksc, &roots());
    assert_eq!(codes(&parsed.problems), [("script", "script_has_nul")]);
    let parsed = parse(&"x".repeat(SCRIPT_BYTES_MAX + 1), Dialect::Myksc, &roots());
    assert_eq!(codes(&parsed.problems), [("script", "script_too_large")]);
}

#[test]
fn inputs_that_the_person_wrote_otherwise_stay_in_the_body() {
    for lines in [
        "export INPUT_1=/etc/passwd\n",
        "export INPUT_2=/home/kim/a\n",
        "export INPUT_1=\"/home/kim/a\"\n",
        "export INPUT_1=/home/kim/a /home/kim/b\n",
        "export INPUT_1=$HOME/a\n",
        "export INPUT_1=/home/kim/a",
    ] {
        let parsed = parse(&format!("#!/bin/sh\n#MYKSC --nodes=1\n{lines}"), Dialect::Myksc, &roots());
        assert_eq!((parsed.inputs, parsed.body.as_str()), (vec![], lines));
    }
}

#[test]
fn inputs_need_a_shell_to_name_them() {
    let form = JobForm { shebang: "#!/usr/bin/env python3".into(), inputs: vec!["home/a".into()], ..form() };
    assert_eq!(codes(&made(&form, Dialect::Myksc).problems), [("inputs", "inputs_need_shell")]);
}

#[test]
fn a_command_that_starts_with_a_directive_is_pointed_out() {
    let form = JobForm { command: "# hi\n#MYKSC --nodes=7\ntrue\n".into(), ..form() };
    assert_eq!(codes(&made(&form, Dialect::Myksc).problems), [("command", "directive_in_command")]);
}

prop_compose! {
    fn any_form()(
        name in "[^\\p{C}\\p{Z}/ .-][^\\p{C}\\p{Zl}\\p{Zp}/]{0,20}[^\\p{C}\\p{Z}/]",
        counts in any::<[u32; 4]>(),
        memory_bytes in any::<Option<u64>>(),
        walltime_secs in any::<u64>(),
        inputs in proptest::collection::vec("home/[^\\p{C}\\p{Zl}\\p{Zp}/%]{1,20}[a-z]", 0..3),
        command in "[^\\x00\\r]{1,80}",
        stdout_name in "(|%x-%j[^\\p{C}\\p{Zl}\\p{Zp}/%]{0,9})",
    ) -> JobForm {
        let [nodes, tasks_per_node, cpus_per_task, gpus_per_node] = counts;
        JobForm {
            name, nodes, tasks_per_node, cpus_per_task, gpus_per_node, memory_bytes, walltime_secs, inputs, command,
            stdout_name, ..form()
        }
    }
}

proptest! {
    #[test]
    fn every_form_comes_back_from_its_script(form in any_form()) {
        let rendered = made(&form, Dialect::Myksc);
        prop_assume!(rendered.problems.iter().all(|problem| problem.field != "command"));
        prop_assert_eq!(codes(&rendered.problems), vec![]);
        let parsed = parse(&rendered.script, Dialect::Myksc, &roots());
        prop_assert_eq!(&parsed.body, &form.command);
        prop_assert_eq!(form_of(&rendered.script, Dialect::Myksc), form);
    }

    #[test]
    fn a_script_that_is_opened_and_not_changed_stays_as_it_is(script in script_soup()) {
        for dialect in [Dialect::Myksc, Dialect::Slurm, Dialect::Pbs] {
            let parsed = parse(&script, dialect, &roots());
            prop_assert_eq!(format!("{}{}", parsed.head, parsed.body), script.as_str());
            let opened = parsed.into_form(&form());
            let again = render(&opened, dialect, &roots(), &form());
            prop_assert_eq!(&again.script, &script, "{:?}", dialect);
        }
    }
}

fn script_soup() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("#!/bin/bash\n".to_owned()),
        Just("#MYKSC --nodes=2\n".to_owned()),
        Just("#MYKSC --nodes=x\n".to_owned()),
        Just("#MYKSC --name='a b'\n".to_owned()),
        Just("#MYKSC --name=\"a b\"\n".to_owned()),
        Just("#MYKSC\n".to_owned()),
        Just("export INPUT_1=/home/kim/a\n".to_owned()),
        Just("export INPUT_1='/home/kim/a'\n".to_owned()),
        Just("\n".to_owned()),
        Just("  \n".to_owned()),
        "#MYKSC --other=[a-z' \"]{0,5}\n",
        "#(SBATCH|PBS) (-[A-Za-z]|--[a-z]{1,5}=?|-l walltime=|-l select=|[a-z0-9:+,#\\\\'\"=]{1,6}| ){0,6}\n",
        "# [a-z]{0,5}\n",
        "[a-z가-힣 $'\"]{0,9}\n?",
    ];
    proptest::collection::vec(line, 0..9).prop_map(|lines| lines.concat())
}

#[test]
fn a_form_becomes_slurms_script_and_comes_back() {
    let form = JobForm {
        name: "단어 세기".into(),
        queue: "normal".into(),
        nodes: 2,
        memory_bytes: Some((1 << 20) + 1),
        gpus_per_node: 1,
        walltime_secs: 90_000,
        stdout_name: "%x-%j.out".into(),
        ..form()
    };
    let rendered = made(&form, Dialect::Slurm);
    let expected = "#!/bin/bash
#SBATCH --job-name='단어 세기'
#SBATCH --partition=normal
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --gpus-per-node=1
#SBATCH --mem=1025K
#SBATCH --time=25:00:00
#SBATCH --output='%x-%j.out'

wc -l \"$INPUT_1\"
";
    assert_eq!(rendered.script, expected);
    assert_eq!(codes(&rendered.problems), []);
    let back = form_of(expected, Dialect::Slurm);
    assert_eq!(back, JobForm { memory_bytes: Some(1025 << 10), ..form });
}

#[test]
fn a_form_becomes_pbss_script_and_comes_back() {
    let form = JobForm {
        name: "words".into(),
        queue: "normal".into(),
        nodes: 2,
        tasks_per_node: 4,
        cpus_per_task: 2,
        memory_bytes: Some(4 << 30),
        gpus_per_node: 1,
        walltime_secs: 90_000,
        stdout_name: "%x %j.out".into(),
        ..form()
    };
    let rendered = made(&form, Dialect::Pbs);
    let expected = "#!/bin/bash
#PBS -N words
#PBS -q normal
#PBS -l select=2:ncpus=8:mpiprocs=4:ompthreads=2:ngpus=1:mem=4gb
#PBS -l walltime=25:00:00
#PBS -o '%x %j.out'
#PBS -j oe

wc -l \"$INPUT_1\"
";
    assert_eq!(rendered.script, expected);
    assert_eq!(codes(&rendered.problems), []);
    assert_eq!(form_of(expected, Dialect::Pbs), form);
}

#[test]
fn a_script_that_asks_in_its_own_way_keeps_its_line_and_the_form_says_so() {
    for (dialect, script) in [
        (Dialect::Pbs, "#PBS -l select=1:ncpus=1+2:ncpus=4\ntrue\n"),
        (Dialect::Pbs, "#PBS -l ncpus=4,mem=2gb\ntrue\n"),
        (Dialect::Slurm, "#!/bin/sh\n#SBATCH -n 8\ntrue\n"),
    ] {
        let form = parse(script, dialect, &roots()).into_form(&form());
        let rendered = render(&form, dialect, &roots(), &self::form());
        assert_eq!(rendered.script, script);
        assert_eq!(codes(&rendered.problems), [("script", "size_in_own_line")]);
        assert!(is_hint(&rendered.problems[0]));
    }
    let named = made(&JobForm { name: "단어".into(), ..form() }, Dialect::Pbs);
    assert_eq!(codes(&named.problems), [("name", "job_name_not_plain")]);
}

fn neuron() -> SiteRules {
    let field = |id: &str, required| OptionField {
        id: id.into(),
        title: Translated::same(id),
        help: None,
        required,
        default: String::new(),
        choices: Vec::new(),
        choices_command: Vec::new(),
    };
    let option = |option: &str, template: &str, fields| SiteOption {
        option: option.into(),
        template: template.into(),
        fields,
    };
    SiteRules {
        options: vec![
            option("comment", "field={field};appl={appl}", vec![field("field", true), field("appl", true)]),
            option("account", "{account}", vec![field("account", false)]),
        ],
        forbidden: ["mem".to_owned()].into(),
        roots: vec!["scratch".into()],
        maintenance: Vec::new(),
    }
}

#[test]
fn what_a_site_demands_stands_in_the_script_and_comes_back_into_its_fields() {
    let rules = neuron();
    let words = Words { dialect: Dialect::Slurm, rules: &rules };
    let values = [("field", "bio"), ("appl", "vasp 6"), ("account", "proj1")];
    let options = values.map(|(id, value)| (id.to_owned(), value.to_owned())).into();
    let form = JobForm { options, ..form() };
    let rendered = made(&form, words);
    assert!(
        rendered.script.contains("#SBATCH --comment='field=bio;appl=vasp 6'\n#SBATCH --account=proj1\n"),
        "{}",
        rendered.script
    );
    assert_eq!(codes(&rendered.problems), []);
    assert_eq!(form_of(&rendered.script, words), form);

    let foreign = "#SBATCH -A proj2\n#SBATCH --mem=4G -N 2\n#SBATCH --comment=mine\ntrue\n";
    let parsed = parse(foreign, words, &roots());
    assert_eq!(parsed.directives.options, [("account".to_owned(), "proj2".to_owned())].into());
    assert_eq!((parsed.directives.nodes, parsed.directives.memory_bytes), (Some(2), Some(4 << 30)));
    assert_eq!(
        codes(&parsed.problems),
        [("script", "option_forbidden"), ("options.field", "required"), ("options.appl", "required")]
    );
    let memory = made(&JobForm { memory_bytes: Some(1 << 30), ..form }, words);
    assert_eq!(codes(&memory.problems), [("memory_bytes", "option_forbidden")]);
    assert!(!memory.script.contains("--mem"));
}

#[test]
fn a_site_of_pbs_names_letters_and_resources() {
    let rules = SiteRules {
        options: vec![SiteOption {
            option: "A".into(),
            template: "{appl}".into(),
            ..neuron().options.remove(1)
        }],
        forbidden: ["V".to_owned(), "host".to_owned()].into(),
        roots: Vec::new(),
        maintenance: Vec::new(),
    };
    let mut rules = rules;
    rules.options[0].fields[0].id = "appl".into();
    let words = Words { dialect: Dialect::Pbs, rules: &rules };
    let options = [("appl".to_owned(), "vasp".to_owned())].into();
    let form = JobForm { options, ..form() };
    let rendered = made(&form, words);
    assert!(rendered.script.contains("#PBS -j oe\n#PBS -A vasp\n"), "{}", rendered.script);
    assert_eq!(form_of(&rendered.script, words), form);
    let foreign =
        parse("#PBS -Alammps -V\n#PBS -l select=1:host=n1\n#PBS -Agromacs\ntrue\n", words, &roots());
    assert_eq!(foreign.directives.options, [("appl".to_owned(), "gromacs".to_owned())].into());
    assert_eq!(codes(&foreign.problems), [("script", "option_forbidden"), ("script", "option_forbidden")]);
}
