//! `[audit]`: where the audit log goes beside the database.

use myksc_identity::SyslogAddress;
use serde::{Deserialize, Serialize};

use super::broken;
use crate::exit::Failure;

/// Where the audit log goes beside the database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// A syslog receiver: `unix:/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT`; none when absent.
    pub(crate) syslog: Option<String>,
}

impl Audit {
    /// The syslog receiver, if there is one.
    pub(crate) fn receiver(&self) -> Result<Option<SyslogAddress>, Failure> {
        let address = self.syslog.as_deref().map(str::parse).transpose();
        address.map_err(|error: myksc_identity::InvalidAddress| broken(format!("audit.syslog: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_receiver_is_refused_by_name() {
        let audit = |address: &str| Audit { syslog: Some(address.to_owned()) };
        assert!(audit("unix:/dev/log").receiver().unwrap().is_some());
        assert!(Audit::default().receiver().unwrap().is_none());
        let error = audit("/dev/log").receiver().unwrap_err().to_string();
        assert!(error.contains("audit.syslog"), "{error}");
    }
}
