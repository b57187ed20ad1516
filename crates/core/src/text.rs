//! Texts that come from configuration and catalogue, in the portal's languages.

use serde::{Deserialize, Serialize};

/// A text in every language of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Translated {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

impl Translated {
    /// One text for both, for names that are not translated.
    #[must_use]
    pub fn same(text: &str) -> Self {
        Self { en: text.to_owned(), ko: text.to_owned() }
    }
}
