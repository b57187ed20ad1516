//! Amounts as people write them: `1Gi`, `1.5`, `2:30:00`.

use std::fmt::Write as _;

/// Bytes of `512Mi`, `1Gi`, `1.5GiB`, `2000000`, `1G` (decimal).
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim_end_matches('B') {
        "" => 1,
        "k" | "K" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return Err(format!("{text:?} is no size; write for example 512Mi or 1Gi")),
    };
    scaled(number, factor).ok_or_else(|| format!("{text:?} is no size; write for example 512Mi or 1Gi"))
}

/// Thousandths of a core of `1`, `0.5`, `500m`.
pub(crate) fn parse_cpu(text: &str) -> Result<u32, String> {
    let parsed = text.strip_suffix('m').map_or_else(|| scaled(text, 1000), |millis| millis.parse().ok());
    let millis = parsed.and_then(|millis| u32::try_from(millis).ok());
    millis.ok_or_else(|| format!("{text:?} is no number of cores; write for example 1, 0.5 or 500m"))
}

/// Seconds of `H:M:S`, `M:S`, or seconds alone.
pub(crate) fn parse_walltime(text: &str) -> Result<u64, String> {
    let refuse = || format!("{text:?} is no walltime; write hours:minutes:seconds, for example 1:30:00");
    let parts: Vec<u64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| refuse())?;
    let seconds = |h: u64, m: u64, s: u64| {
        let minutes = h.checked_mul(60)?.checked_add(m)?;
        minutes.checked_mul(60)?.checked_add(s)
    };
    match parts[..] {
        [s] => Some(s),
        [m, s] if s < 60 => seconds(0, m, s),
        [h, m, s] if m < 60 && s < 60 => seconds(h, m, s),
        _ => None,
    }
    .ok_or_else(refuse)
}

/// Bytes for people: `1.5 GiB`.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    if unit == 0 {
        return format!("{bytes} B");
    }
    // An f64 is exact enough for one digit after the point.
    let value = bytes as f64 / (1u64 << (10 * unit)) as f64;
    let mut text = String::new();
    let _ = if value < 10.0 { write!(text, "{value:.1}") } else { write!(text, "{value:.0}") };
    format!("{text} {}", units[unit])
}

/// Cores for people: `0.5`.
pub(crate) fn show_cpu(millis: u64) -> String {
    format!("{}", millis as f64 / 1000.0)
}

fn scaled(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let value =
        number.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)? * factor as f64;
    // 2^53 bytes are 8 PiB: beyond it a fraction makes no sense.
    if value < 9e15 { Some(value.round() as u64) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_bytes("1Gi"), Ok(1 << 30));
        assert_eq!(parse_bytes("1.5GiB"), Ok(3 << 29));
        assert_eq!(parse_bytes("2G"), Ok(2_000_000_000));
        assert_eq!(parse_bytes("17"), Ok(17));
        for text in ["", "Gi", "-1", "1Xi", "1 Gi", "99999999999999999999", "1e3", "."] {
            assert!(parse_bytes(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_cpu("0.5"), Ok(500));
        assert_eq!(parse_cpu("250m"), Ok(250));
        assert!(parse_cpu("many").is_err());
    }

    #[test]
    fn walltimes_are_read_from_the_right() {
        assert_eq!(parse_walltime("1:30:00"), Ok(5400));
        assert_eq!(parse_walltime("2:05"), Ok(125));
        assert_eq!(parse_walltime("90"), Ok(90));
        for text in ["", "1:60:00", "1:2:3:4", "-1", "1:", "18446744073709551615:0:0"] {
            assert!(parse_walltime(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_shown_short() {
        assert_eq!(show_bytes(0), "0 B");
        assert_eq!(show_bytes(1023), "1023 B");
        assert_eq!(show_bytes(3 << 29), "1.5 GiB");
        assert_eq!(show_bytes(u64::MAX), "16 EiB");
        assert_eq!(show_cpu(500), "0.5");
    }
}
