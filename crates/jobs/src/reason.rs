//! Why a job waits, ended or was refused: stable codes with their values and the English text.

use myksc_core::error::Params;
use myksc_core::job::JobReason;
use serde_json::Value;

/// A reason whose text needs values.
pub(crate) fn reason<const N: usize>(
    code: &str,
    params: [(&str, Value); N],
    detail: impl Into<String>,
) -> JobReason {
    let params: Params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    JobReason { code: code.to_owned(), params, detail: detail.into() }
}
