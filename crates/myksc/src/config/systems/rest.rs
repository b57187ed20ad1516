//! A Slurm cluster by slurmrestd.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use myksc_jobs::transport::{JwtKey, RestAddress, RestConfig};
use myksc_jobs::{ApiVersion, SlurmRestConfig};
use serde::{Deserialize, Serialize};

use super::{Observer, System, check_private, wrong};
use crate::exit::Failure;

/// Bytes of one answer; 50,000 jobs of v0.0.38 are some 300 MB.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// A slurmrestd whose tokens the portal signs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rest {
    url: String,
    /// PEM: the authorities of its certificate; those of the system when absent.
    ca_file: Option<PathBuf>,
    /// The version of its API; the newest that both sides know when absent.
    api_version: Option<String>,
    /// The file with the key that signs tokens.
    jwt_key_file: PathBuf,
    /// The account that looks at everybody's jobs.
    observer: Observer,
    /// What has to be the same here and there.
    #[serde(default)]
    same_identity: SameAccount,
    /// Seconds for one answer.
    #[serde(default = "usual_timeout_secs")]
    timeout_secs: u32,
}

/// What has to be the same here and there; nobody tells the groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SameAccount {
    /// UID and GID.
    #[default]
    UidAndGid,
    /// The name alone.
    Name,
}

fn usual_timeout_secs() -> u32 {
    30
}

impl Rest {
    pub(super) fn check(&self, system: &str) -> Result<(), Failure> {
        self.address(system)?;
        self.version(system)?;
        if !self.observer.is_ordinary() {
            return Err(wrong(system, "rest.observer must be an ordinary account"));
        }
        if self.timeout_secs == 0 {
            return Err(wrong(system, "rest.timeout_secs must be at least 1"));
        }
        Ok(())
    }

    fn address(&self, system: &str) -> Result<RestAddress, Failure> {
        self.url.parse().map_err(|error| wrong(system, &format!("rest.url: {error}")))
    }

    fn version(&self, system: &str) -> Result<Option<ApiVersion>, Failure> {
        let version = self.api_version.as_deref().map(str::parse).transpose();
        version.map_err(|error| wrong(system, &format!("rest.api_version: {error}")))
    }

    /// How slurmrestd is used, with the key and the authorities that the files hold.
    pub(crate) fn config(&self, system: &System, min_uid: u32) -> Result<SlurmRestConfig, Failure> {
        let path = self.jwt_key_file.display();
        let key = read_key(&self.jwt_key_file);
        let key = key.map_err(|reason| wrong(&system.id, &format!("rest.jwt_key_file {path}: {reason}")))?;
        let no_authorities = |path: &Path, error: std::io::Error| {
            wrong(&system.id, &format!("rest.ca_file {}: {error}", path.display()))
        };
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| no_authorities(path, error));
        Ok(SlurmRestConfig {
            rest: RestConfig {
                address: self.address(&system.id)?,
                ca_pem: self.ca_file.as_ref().map(read).transpose()?,
                key,
                min_uid,
                deadline: Duration::from_secs(self.timeout_secs.into()),
                answer_bytes_max: ANSWER_BYTES_MAX,
            },
            api_version: self.version(&system.id)?,
            same_name_suffices: self.same_identity == SameAccount::Name,
            observer: self.observer.identity(),
            poll_every: Duration::from_secs(system.poll_secs.into()),
        })
    }
}

/// The key, of a file that is the portal's own or root's and that nobody else can read: it signs for everybody.
fn read_key(path: &Path) -> Result<JwtKey, String> {
    let owner = std::fs::metadata(path).map_err(|error| error.to_string())?.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("it belongs to UID {owner}, not to the portal or root"));
    }
    check_private(path)?;
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    JwtKey::new(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::broken;

    fn system(changes: &[(&str, &str)], scheduler: &str) -> Result<System, Failure> {
        let mut lines = vec![
            ("url", "\"https://rest.example.org:6820\"".to_owned()),
            ("jwt_key_file", "\"/etc/myksc/jwt_hs256.key\"".to_owned()),
            ("observer", "{ name = \"observer\", uid = 20901, gid = 20901 }".to_owned()),
        ];
        for (key, value) in changes {
            lines.retain(|(name, _)| name != key);
            lines.push((key, (*value).to_owned()));
        }
        let lines: Vec<_> = lines.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let text = format!(
            "id = \"cluster\"\ntitle = {{ en = \"Cluster\", ko = \"클러스터\" }}\nscheduler = \"{scheduler}\"\n[rest]\n{}\n",
            lines.join("\n")
        );
        let system: System = toml::from_str(&text).map_err(|error| broken(error.to_string()))?;
        System::check_all(std::slice::from_ref(&system)).map(|()| system)
    }

    #[test]
    fn tokens_go_where_nobody_listens_and_the_observer_is_ordinary() {
        assert!(system(&[], "slurm").unwrap().rest.is_some());
        for (key, value, named) in [
            ("url", "\"http://rest.example.org:6820\"", "in the clear"),
            ("url", "\"rest\"", "rest.url"),
            ("api_version", "\"v0.0.99\"", "v0.0.42"),
            ("observer", "{ name = \"root\", uid = 0, gid = 0 }", "ordinary"),
            ("observer", "{ name = \"slurm\", uid = 64030, gid = 64030 }", "ordinary"),
            ("same_identity", "\"everything\"", "same_identity"),
            ("timeout_secs", "0", "timeout_secs"),
            ("token", "\"x\"", "token"),
        ] {
            let refusal = system(&[(key, value)], "slurm").unwrap_err().to_string();
            assert!(refusal.contains(named), "{key} = {value}: {refusal}");
        }
        assert!(system(&[], "pbs").unwrap_err().to_string().contains("a way to Slurm"));
    }

    #[test]
    fn the_key_that_signs_is_in_a_file_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let system = system(&[("jwt_key_file", &format!("{path:?}"))], "slurm").unwrap();
        let config =
            || system.rest.as_ref().unwrap().config(&system, 1000).err().map(|error| error.to_string());
        assert!(config().unwrap().contains("jwt_key_file"), "there is none");
        std::fs::write(&path, [0xff; 32]).unwrap();
        for mode in [0o644, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(config().unwrap().contains("others can read it"), "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(config(), None);
        std::fs::write(&path, "short").unwrap();
        assert!(config().unwrap().contains("at least"));
    }
}
