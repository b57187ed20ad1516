//! A job's record for people: the fields that hold something, as slurmrestd calls them.

use serde::Deserialize;
use serde_json::Value;

use crate::transport::{Answer, ApiError, List};

/// `/job/ID` of the controller or of accounting.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    jobs: List<Value>,
    errors: List<ApiError>,
}

impl Answer for Record {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

impl Record {
    /// None where it holds no job.
    pub(super) fn text(&self) -> Option<String> {
        let jobs: Vec<Value> = self.jobs.0.iter().filter_map(filled).collect();
        let texts: Option<Vec<String>> =
            jobs.iter().map(|job| serde_json::to_string_pretty(job).ok()).collect();
        texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join("\n"))
    }
}

/// The value without what is empty in it.
fn filled(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) => {
            let list: Vec<Value> = list.iter().filter_map(filled).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::Object(fields) => {
            let fields: serde_json::Map<_, _> =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), filled(value)?))).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_without_what_is_empty() {
        let text = r#"{"errors": [], "jobs": [{"job_id": 7, "name": "a", "comment": "", "flags": [], "nice": null, "exit": {"code": 0, "name": ""}}]}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(
            record.text().unwrap(),
            "{\n  \"exit\": {\n    \"code\": 0\n  },\n  \"job_id\": 7,\n  \"name\": \"a\"\n}"
        );
        assert_eq!(serde_json::from_str::<Record>(r#"{"jobs": []}"#).unwrap().text(), None);
    }
}
