//! `[apps.idle]`: when apps end by themselves.

use std::time::Duration;

use myksc_apps::IdleRules;
use serde::{Deserialize, Serialize};

use super::broken;
use crate::exit::Failure;

/// The least time in which a person can answer a warning.
const MIN_WARN_SECS: u32 = 1;

/// When apps end by themselves, in seconds; 0 is never.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Idle {
    /// Without use.
    pub(crate) after_secs: u32,
    /// So long before an end its person is told.
    pub(crate) warn_secs: u32,
    /// In any case.
    pub(crate) max_life_secs: u32,
}

impl Default for Idle {
    fn default() -> Self {
        Self { after_secs: 0, warn_secs: 15 * 60, max_life_secs: 0 }
    }
}

impl Idle {
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.warn_secs < MIN_WARN_SECS {
            return Err(broken(format!("apps.idle.warn_secs: must be at least {MIN_WARN_SECS}")));
        }
        for (key, secs) in [("after_secs", self.after_secs), ("max_life_secs", self.max_life_secs)] {
            if secs > 0 && secs <= self.warn_secs {
                return Err(broken(format!(
                    "apps.idle.{key}: must be longer than apps.idle.warn_secs, or 0"
                )));
            }
        }
        Ok(())
    }

    /// In the words of the service.
    pub(crate) fn rules(&self) -> IdleRules {
        let span = |secs: u32| (secs > 0).then(|| Duration::from_secs(secs.into()));
        IdleRules {
            after: span(self.after_secs),
            max_life: span(self.max_life_secs),
            warn: Duration::from_secs(self.warn_secs.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_by_itself_unless_the_site_says_so() {
        Idle::default().check().unwrap();
        assert_eq!(Idle::default().rules(), IdleRules::default());
        let idle = Idle { after_secs: 7200, ..Idle::default() };
        idle.check().unwrap();
        assert_eq!(idle.rules().after, Some(Duration::from_secs(7200)));
    }

    #[test]
    fn a_span_that_is_all_warning_is_refused_by_name() {
        for (idle, key) in [
            (Idle { after_secs: 900, ..Idle::default() }, "apps.idle.after_secs"),
            (Idle { max_life_secs: 60, ..Idle::default() }, "apps.idle.max_life_secs"),
            (Idle { warn_secs: 0, ..Idle::default() }, "apps.idle.warn_secs"),
        ] {
            let error = idle.check().unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
