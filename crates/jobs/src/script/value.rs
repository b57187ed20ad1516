//! How durations, sizes, names and file name patterns are written in a directive.

use myksc_core::FieldProblem;

use super::output::OutputName;

/// Characters of a job's name.
const NAME_CHARS_MAX: usize = 64;
const KIB: u64 = 1024;
const UNITS: [(char, u64); 5] =
    [('T', KIB.pow(4)), ('G', KIB.pow(3)), ('M', KIB.pow(2)), ('K', KIB), ('B', 1)];

/// `H:M:S`; hours grow beyond 24.
pub(crate) fn format_walltime(secs: u64) -> String {
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// Reads `H:M:S` or `D-H:M:S`; minutes, seconds and, after days, hours keep to their range.
pub(crate) fn parse_walltime(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(digits(days)?), clock),
        None => (None, text),
    };
    let mut parts = clock.split(':');
    let (hours, minutes, secs) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    let in_range = minutes < 60 && secs < 60 && (days.is_none() || hours < 24) && parts.next().is_none();
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    let total = hours.checked_mul(3600)?.checked_add(minutes * 60 + secs)?;
    in_range.then_some(total)
}

/// The largest binary unit that holds the number without a rest: `4G`, `512M`, `1000B`.
pub(crate) fn format_size(bytes: u64) -> String {
    let (unit, factor) =
        UNITS.into_iter().find(|(_, factor)| bytes.is_multiple_of(*factor)).unwrap_or(('B', 1));
    format!("{}{unit}", bytes / factor)
}

/// Reads a whole number with a binary unit: `4G`, `4g`, `4GB`, `4GiB`; a number alone says no unit and is refused.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let unit = unit.to_ascii_uppercase();
    let (_, factor) = UNITS.into_iter().find(|(letter, _)| {
        let rest = unit.strip_prefix(*letter);
        rest.is_some_and(|rest| rest.is_empty() || (*letter != 'B' && matches!(rest, "B" | "IB")))
    })?;
    digits(number)?.checked_mul(factor)
}

/// Reads decimal digits and nothing else.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { text.parse().ok() } else { None }
}

/// Whether a text holds a character that ends a line, moves the cursor or turns the reading direction: none of
/// them may stand in a directive (a line end would begin a new one).
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(|character| {
        character.is_control()
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    })
}

/// Checks a job's name: 1 to 64 characters, no control characters, no `/`, no `-` or `.` in front.
pub(crate) fn check_name(name: &str) -> Result<(), FieldProblem> {
    if name.is_empty() {
        return Err(FieldProblem::new("name", "required", "give the job a name"));
    }
    let fits = name.chars().count() <= NAME_CHARS_MAX
        && !has_control(name)
        && !name.contains('/')
        && !name.starts_with(['-', '.'])
        && name.trim() == name;
    let detail =
        "use up to 64 characters without control characters, without /, and no -, . or blank in front";
    let problem = || FieldProblem::new("name", "job_name_invalid", detail).with("max", NAME_CHARS_MAX);
    if fits { Ok(()) } else { Err(problem()) }
}

/// Checks the pattern of an output file's name as far as it can be without a job.
pub(crate) fn check_pattern(field: &str, pattern: &str) -> Result<(), FieldProblem> {
    if pattern.is_empty() {
        return Ok(());
    }
    OutputName::parse(field, pattern, "job").map(|_| ())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn walltimes_are_read_as_people_write_them() {
        let cases = [
            ("01:00:00", Some(3600)),
            ("1:2:3", Some(3723)),
            ("120:00:00", Some(432_000)),
            ("2-12:30:00", Some(217_800)),
            ("0-0:0:1", Some(1)),
            ("90", None),
            ("1:30", None),
            ("00:60:00", None),
            ("1-24:00:00", None),
            ("-1:00:00", None),
            ("+1:00:00", None),
            ("1:00:00 ", None),
            ("1:00:00:00", None),
            ("99999999999999999999:00:00", None),
            ("9999999999999999999:00:00", None),
            ("9999999999999999-0:00:00", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_walltime(text), expected, "{text:?}");
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        let cases = [
            ("4G", Some(4 << 30)),
            ("4g", Some(4 << 30)),
            ("4GB", Some(4 << 30)),
            ("4GiB", Some(4 << 30)),
            ("512M", Some(512 << 20)),
            ("1000B", Some(1000)),
            ("4", None),
            ("G", None),
            ("4.5G", None),
            ("-4G", None),
            ("4GX", None),
            ("4BB", None),
            ("4P", None),
            ("99999999999T", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn durations_and_sizes_come_back(number in 0..u64::MAX / 2) {
            prop_assert_eq!(parse_walltime(&format_walltime(number)), Some(number));
            prop_assert_eq!(parse_size(&format_size(number)), Some(number));
        }
    }
}
