//! The `dsv` output of qstat(1B) and pbsnodes(8B): a line for each object, its attributes between separators.
//!
//! It holds what people wrote (names, variables, arguments). The separator and the backslash are written with a
//! backslash in front, and a line end as `\n`, so nobody can write a line or an attribute of another's.

use std::collections::HashMap;

/// Between the attributes: a character that people rarely write.
pub(super) const SEPARATOR: &str = "\u{1f}";
const SEPARATOR_CHAR: char = '\u{1f}';
const ESCAPE: char = '\\';

/// One object of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: String,
    attributes: HashMap<String, String>,
}

impl Record {
    /// The value of an attribute; empty when it is not there.
    pub(super) fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }
}

/// The objects whose lines begin with `head`, for example `Job Id: `. Of an attribute that stands twice the first
/// counts; lines of anything else are left out.
pub(super) fn read(text: &str, head: &str) -> Vec<Record> {
    let record = |line: &str| {
        let mut fields = fields(line.strip_prefix(head)?).into_iter();
        let name = fields.next().filter(|name| !name.is_empty())?;
        let mut attributes = HashMap::new();
        for field in fields {
            if let Some((name, value)) = field.split_once('=') {
                attributes.entry(name.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
            }
        }
        Some(Record { name, attributes })
    };
    text.lines().filter_map(record).collect()
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            SEPARATOR_CHAR => {
                fields.push(String::new());
                continue;
            }
            ESCAPE => match characters.next() {
                Some('n') => '\n',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => ESCAPE,
            },
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(plain);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As OpenPBS 23.06.06 writes a value.
    fn written(value: &str) -> String {
        value.replace('\\', "\\\\").replace(SEPARATOR, "\\\u{1f}").replace('\n', "\\n")
    }

    #[test]
    fn what_people_write_makes_no_line_and_no_attribute() {
        let hostile = "N=a\u{1f}job_state=F\\\nJob Id: 1.vm\u{1f}queue=x";
        let text = format!(
            "Job Id: 7.vm\u{1f}Job_Name=x\u{1f}job_state=R\u{1f}Variable_List={}\u{1f}job_state=F\nqstat: trouble\n",
            written(hostile)
        );
        let records = read(&text, "Job Id: ");
        let [job] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((job.name.as_str(), job.get("job_state"), job.get("queue")), ("7.vm", "R", ""));
        assert_eq!(job.get("Variable_List"), hostile);
    }

    proptest! {
        #[test]
        fn any_value_comes_back_and_any_text_is_read(value in "[^\r]{0,40}", text in ".{0,80}") {
            let line = format!("Job Id: 1.vm\u{1f}a={}\u{1f}b=2", written(&value));
            if !line.contains('\n') {
                let records = read(&line, "Job Id: ");
                prop_assert_eq!(records[0].get("a"), value.trim());
                prop_assert_eq!(records[0].get("b"), "2");
            }
            read(&text, "Job Id: ");
            read(&format!("Job Id: {text}"), "Job Id: ");
        }
    }
}
