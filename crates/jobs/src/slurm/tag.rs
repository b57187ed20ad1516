//! The mark by which a submission is known again: the portal's id in the job's comment.

use myksc_core::JobId;

/// The mark of a job.
pub(super) fn of(id: &JobId) -> String {
    format!("myksc={id}")
}

/// The comment that carries a mark; what the script says stays in front, for sites that read it.
pub(super) fn comment(script: &str, tag: &str) -> String {
    match comment_of(script) {
        Some(own) => format!("{own};{tag}"),
        None => tag.to_owned(),
    }
}

/// Whether a comment carries the mark of any job of a portal's.
pub(super) fn is_any_in(comment: &str) -> bool {
    comment.split(';').any(|part| part.starts_with("myksc="))
}

/// Whether a comment carries this mark.
pub(super) fn is_in(comment: &str, tag: &str) -> bool {
    comment.split(';').any(|part| part == tag)
}

fn comment_of(script: &str) -> Option<String> {
    let head = script.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let mut words = head.filter_map(|line| shlex::split(line.strip_prefix("#SBATCH")?)).flatten();
    let mut found = None;
    while let Some(word) = words.next() {
        if word == "--comment" {
            found = words.next();
        } else if let Some(comment) = word.strip_prefix("--comment=") {
            found = Some(comment.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_behind_the_scripts_own_comment_and_is_found_there() {
        let tag = of(&JobId::random());
        let script = "#!/bin/sh\n#SBATCH -N 1 --comment='field=bio;appl=vasp'\necho\n#SBATCH --comment=x\n";
        let marked = comment(script, &tag);
        assert_eq!(marked, format!("field=bio;appl=vasp;{tag}"));
        assert!(is_in(&marked, &tag) && is_in(&comment("#!/bin/sh\ntrue\n", &tag), &tag));
        assert_eq!(comment("#SBATCH --comment 'a b'\n", &tag), format!("a b;{tag}"));
        assert!(!is_in(&format!("{tag}x"), &tag) && !is_in("", &tag));
    }
}
