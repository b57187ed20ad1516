//! The name a person gives an app.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::FieldProblem;

/// 3 to 40 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z0-9-]{3,40}$")]
pub struct AppName(String);

impl AppName {
    /// Checks a name that a person typed.
    ///
    /// # Errors
    /// A problem at field `name` with code `app_name_invalid`.
    pub fn parse(text: &str) -> Result<Self, FieldProblem> {
        let fits = (3..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldProblem::new("name", "app_name_invalid", "use 3 to 40 characters of a-z, 0-9 and -")
            .with("min", 3)
            .with("max", 40))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
