//! The mark by which a submission is known again: a variable of the job, `MYKSC_JOB`.

use myksc_core::JobId;

/// The mark of a job.
pub(super) fn of(id: &JobId) -> String {
    format!("MYKSC_JOB={id}")
}

/// The argument of `-v` that carries a mark. It replaces what the script's own directives say, so that comes along.
pub(super) fn variables(script: &str, tag: &str) -> String {
    match variables_of(script) {
        Some(own) => format!("{own},{tag}"),
        None => tag.to_owned(),
    }
}

/// Whether the variables of a job hold the mark of any job of a portal's.
pub(super) fn is_any_in(variables: &str) -> bool {
    variables.split(',').any(|variable| variable.starts_with("MYKSC_JOB="))
}

/// Whether the variables of a job, as qstat(1B) lists them, hold this mark.
pub(super) fn is_in(variables: &str, tag: &str) -> bool {
    variables.split(',').any(|variable| variable == tag)
}

fn variables_of(script: &str) -> Option<String> {
    let head = script.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let mut words = head.filter_map(|line| shlex::split(line.trim_start().strip_prefix("#PBS")?)).flatten();
    let mut found = None;
    while let Some(word) = words.next() {
        if word == "-v" {
            found = words.next();
        } else if let Some(attached) = word.strip_prefix("-v").filter(|attached| !attached.is_empty()) {
            found = Some(attached.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_behind_the_scripts_own_variables_and_is_found_there() {
        let tag = of(&JobId::random());
        let script = "#!/bin/sh\n #PBS -N a -v \"A=1,B='x,y'\"\necho\n#PBS -v C=1\n";
        let marked = variables(script, &tag);
        assert_eq!(marked, format!("A=1,B='x,y',{tag}"));
        assert!(is_in(&marked, &tag) && is_in(&variables("true\n", &tag), &tag));
        assert_eq!(variables("#PBS -vA=1\n", &tag), format!("A=1,{tag}"));
        assert_eq!(variables("#PBS -V\n", &tag), tag);
        assert!(!is_in(&format!("{tag}x"), &tag) && !is_in("", &tag));
    }
}
