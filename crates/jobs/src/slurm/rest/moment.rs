//! Times as people write them for sbatch(1), as far as they mean the same on every clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch of `now` and `now+COUNT[seconds|minutes|hours|days|weeks]`. Dates and times of the day are
/// those of the cluster's time zone, which nobody tells here.
pub(super) fn epoch_secs(text: &str) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    now.checked_add(secs_from_now(text)?)
}

fn secs_from_now(text: &str) -> Option<u64> {
    let rest = text.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(0);
    }
    let count = rest.strip_prefix('+')?;
    let (digits, unit) =
        count.split_at(count.find(|character: char| !character.is_ascii_digit()).unwrap_or(count.len()));
    let each = match unit {
        "" | "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 24 * 3600,
        "week" | "weeks" => 7 * 24 * 3600,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_from_now_on_are_read_and_others_are_not() {
        for (text, expected) in [
            ("now", Some(0)),
            ("now+90", Some(90)),
            ("now+1hour", Some(3600)),
            ("now+2days", Some(172_800)),
            ("now+", None),
            ("now-1", None),
            ("now+1month", None),
            ("tomorrow", None),
            ("2030-01-01T00:00:00", None),
            ("now+99999999999999999999", None),
        ] {
            assert_eq!(secs_from_now(text), expected, "{text}");
        }
    }
}
