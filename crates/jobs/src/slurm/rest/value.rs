//! Numbers and words in the shapes that the versions of slurmrestd have for them.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::Value;

/// `NO_VAL` and `INFINITE` as plain numbers, slurm.h: 32 bits and 64 bits wide. -1 stands for infinite, too.
const NO_VAL: u64 = 0xffff_fffe;
const INFINITE: u64 = 0xffff_ffff;
const NO_VAL64: u64 = 0xffff_ffff_ffff_fffe;
const INFINITE64: u64 = 0xffff_ffff_ffff_ffff;

/// A number that may be unset or without end: plain and `null` up to v0.0.38, `{"set", "infinite", "number"}` behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Number {
    #[default]
    Unset,
    Infinite,
    Of(u64),
}

impl Number {
    pub(super) fn get(self) -> Option<u64> {
        match self {
            Self::Of(number) => Some(number),
            Self::Unset | Self::Infinite => None,
        }
    }

    pub(super) fn read(value: &Value) -> Self {
        Shape::deserialize(value).map_or(Self::Unset, Self::from)
    }
}

/// What a number may look like.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Plain(u64),
    Negative(i64),
    Float(f64),
    Flagged {
        #[serde(default)]
        set: bool,
        #[serde(default)]
        infinite: bool,
        #[serde(default)]
        number: f64,
    },
    Other(IgnoredAny),
}

impl From<Shape> for Number {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Flagged { infinite: true, .. } | Shape::Negative(-1) => Self::Infinite,
            Shape::Plain(INFINITE | INFINITE64) => Self::Infinite,
            Shape::Flagged { set: true, number, .. } | Shape::Float(number) => whole(number),
            Shape::Plain(number) if !matches!(number, NO_VAL | NO_VAL64) => Self::Of(number),
            Shape::Flagged { .. } | Shape::Negative(_) | Shape::Plain(_) | Shape::Other(_) => Self::Unset,
        }
    }
}

fn whole(number: f64) -> Number {
    if (0.0..1e18).contains(&number) { Number::Of(number as u64) } else { Number::Unset }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shape::deserialize(deserializer).map(Self::from)
    }
}

/// A state: one word up to v0.0.39, a list of them behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State(pub(super) String);

/// Words that stand beside a base state and hide it, in the order of `job_state_string()` in Slurm's `slurm_protocol_defs.c`.
const FLAGS: [&str; 13] = [
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RECONFIG_FAIL",
    "RESV_DEL_HOLD",
    "SIGNALING",
];

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            One(String),
            Several(Vec<String>),
            Other(IgnoredAny),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::One(word) => Self(word),
            Shape::Several(words) => Self::of(&words),
            Shape::Other(_) => Self::default(),
        })
    }
}

impl State {
    fn of(words: &[String]) -> Self {
        let flag = FLAGS.iter().find(|flag| words.iter().any(|word| word == *flag));
        let word = flag.map(|flag| (*flag).to_owned()).or_else(|| words.first().cloned());
        Self(word.unwrap_or_default())
    }
}

/// How a process ended, as `code:signal` of sacct(1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExitCode(pub(super) Option<(u64, u64)>);

impl ExitCode {
    pub(super) fn text(&self) -> String {
        let (code, signal) = self.0.unwrap_or_default();
        format!("{code}:{signal}")
    }

    /// Up to v0.0.39 the controller gives the status of wait(2), and later all give names to its parts.
    pub(super) fn read(value: &Value) -> Self {
        if let Some(status) = Number::read(value).get() {
            return Self(Some(((status >> 8) & 0xff, status & 0x7f)));
        }
        let Some(code) = value.get("return_code").map(|code| Number::read(code).get().unwrap_or(0)) else {
            return Self(None);
        };
        let signal = ["/signal/id", "/signal/signal_id"].iter().find_map(|path| value.pointer(path));
        Self(Some((code, signal.and_then(|signal| Number::read(signal).get()).unwrap_or(0))))
    }
}

impl<'de> Deserialize<'de> for ExitCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::read(&value))
    }
}

/// The first of several paths (RFC 6901) at which something stands.
pub(super) fn at<'a>(value: &'a Value, paths: &[&str]) -> &'a Value {
    paths.iter().find_map(|path| value.pointer(path)).unwrap_or(&Value::Null)
}

pub(super) fn number_at(value: &Value, paths: &[&str]) -> Number {
    Number::read(at(value, paths))
}

/// One word or several, of a text with commas or a list.
pub(super) fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_every_version_are_read() {
        for (value, expected) in [
            (json!(7), Number::Of(7)),
            (json!(null), Number::Unset),
            (json!(-1), Number::Infinite),
            (json!(-5), Number::Unset),
            (json!(4_294_967_294_u64), Number::Unset),
            (json!(4_294_967_295_u64), Number::Infinite),
            (json!(18_446_744_073_709_551_614_u64), Number::Unset),
            (json!({"set": true, "infinite": false, "number": 7}), Number::Of(7)),
            (json!({"set": false, "infinite": false, "number": 7}), Number::Unset),
            (json!({"set": false, "infinite": true, "number": 0}), Number::Infinite),
            (json!({}), Number::Unset),
            (json!("7"), Number::Unset),
            (json!([7]), Number::Unset),
            (json!(1e300), Number::Unset),
        ] {
            assert_eq!(Number::read(&value), expected, "{value}");
        }
    }

    #[test]
    fn states_and_exit_codes_of_every_version_are_read() {
        let state = |value| serde_json::from_value::<State>(value).unwrap().0;
        assert_eq!(state(json!("RUNNING")), "RUNNING");
        assert_eq!(state(json!(["RUNNING", "COMPLETING"])), "COMPLETING");
        assert_eq!(state(json!(["CANCELLED"])), "CANCELLED");
        assert_eq!((state(json!([])), state(json!(null))), (String::new(), String::new()));
        for (value, expected) in [
            (json!(768), "3:0"),
            (json!(9), "0:9"),
            (json!({"set": true, "infinite": false, "number": 768}), "3:0"),
            (json!({"status": "ERROR", "return_code": 3}), "3:0"),
            (
                json!({"status": "SIGNALED", "return_code": null, "signal": {"signal_id": 9, "name": "Killed"}}),
                "0:9",
            ),
            (
                json!({"status": ["SIGNALED"], "return_code": {"set": false, "number": 0}, "signal": {"id": {"set": true, "number": 15}}}),
                "0:15",
            ),
            (json!("3"), "0:0"),
        ] {
            assert_eq!(ExitCode::read(&value).text(), expected, "{value}");
        }
    }
}
