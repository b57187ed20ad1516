//! The versions of slurmrestd's API: which there are, which one is spoken.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::transport::{Answer, ApiError, List};

/// A version of the API, for example `v0.0.38`. Each release of Slurm has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(u32);

/// Oldest and newest that are spoken here.
const OLDEST: u32 = 38;
const NEWEST: u32 = 42;

/// A version that is not spoken here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no version of slurmrestd's API that is known here: v0.0.{OLDEST} to v0.0.{NEWEST} are")]
pub struct ApiVersionError(String);

impl FromStr for ApiVersion {
    type Err = ApiVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number =
            text.strip_prefix("v0.0.").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = number.and_then(|digits| digits.parse().ok());
        number
            .filter(|number| (OLDEST..=NEWEST).contains(number))
            .map(Self)
            .ok_or_else(|| ApiVersionError(text.to_owned()))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v0.0.{}", self.0)
    }
}

impl ApiVersion {
    /// Whether a submission takes what sbatch(1) takes, and the environment is a table. Later ones have types of their own.
    pub(super) fn takes_options(self) -> bool {
        self.0 == 38
    }

    /// Whether the script is a field of the job and no more beside it.
    pub(super) fn has_script_in_job(self) -> bool {
        self.0 >= 41
    }

    /// Whether kinds of generic resources are written `gres/gpu` and not `gres:gpu`.
    pub(super) fn has_gres_with_slash(self) -> bool {
        self.0 >= 40
    }
}

/// What the description of the API (OpenAPI) has: its paths alone are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Description {
    paths: HashMap<String, IgnoredAny>,
}

impl Answer for Description {
    fn errors(&self) -> &[ApiError] {
        &[]
    }
}

impl Description {
    /// The newest version that both sides speak. The error is a sentence.
    pub(super) fn newest(&self) -> Result<ApiVersion, String> {
        let mut offered: Vec<&str> = self.paths.keys().filter_map(|path| version_of(path)).collect();
        offered.sort_unstable();
        offered.dedup();
        let known = offered.iter().filter_map(|text| text.parse::<ApiVersion>().ok()).max();
        known.ok_or_else(|| {
            let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
            format!(
                "slurmrestd offers these versions of its API: {offered}; v0.0.{OLDEST} to v0.0.{NEWEST} are known here"
            )
        })
    }
}

fn version_of(path: &str) -> Option<&str> {
    let (version, _) = path.strip_prefix("/slurm/")?.split_once('/')?;
    version.starts_with('v').then_some(version)
}

/// What a ping tells: the release of Slurm.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ping {
    meta: Meta,
    errors: List<ApiError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    /// v0.0.38 writes it with a capital.
    #[serde(alias = "Slurm")]
    slurm: Option<Release>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Release {
    release: String,
}

impl Answer for Ping {
    fn errors(&self) -> &[ApiError] {
        &self.errors.0
    }
}

impl Ping {
    pub(super) fn release(self) -> String {
        self.meta.slurm.map(|slurm| slurm.release).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_both_sides_know_is_spoken() {
        let described = |versions: &[&str]| {
            let paths: Vec<_> = versions
                .iter()
                .map(|version| format!("\"/slurm/{version}/ping\": {{\"get\": {{}}}}"))
                .collect();
            let text = format!("{{\"openapi\": \"3.0.2\", \"paths\": {{{}}}}}", paths.join(", "));
            serde_json::from_str::<Description>(&text).unwrap().newest()
        };
        assert_eq!(described(&["v0.0.36", "v0.0.37", "v0.0.38"]), Ok(ApiVersion(38)));
        assert_eq!(described(&["v0.0.40", "v0.0.41", "v0.0.42", "v0.0.43"]), Ok(ApiVersion(42)));
        let unknown = described(&["v0.0.43", "v0.0.44"]).unwrap_err();
        assert!(unknown.contains("v0.0.43, v0.0.44") && unknown.contains("v0.0.42"), "{unknown}");
        assert!(described(&[]).unwrap_err().contains("none"));
        for text in ["v0.0.37", "v0.0.43", "38", "v0.0.", "v0.0.+38", "v0.0.38 "] {
            assert!(text.parse::<ApiVersion>().is_err(), "{text:?}");
        }
        assert_eq!("v0.0.39".parse::<ApiVersion>().unwrap().to_string(), "v0.0.39");
    }
}
