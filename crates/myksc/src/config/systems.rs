//! Clusters for batch jobs beside this machine.

mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use myksc_core::{Identity, Translated, UserId};
use myksc_jobs::transport::{HostKey, SameIdentity, SshConfig, UserCa};
use myksc_jobs::{Maintenance, OptionField, SiteOption, SiteRules};
use serde::{Deserialize, Serialize};

use self::rest::Rest;
use super::broken;
use super::identity::{check_private, read_private};
use crate::exit::Failure;

/// A cluster for batch jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct System {
    /// Its id in addresses.
    pub(crate) id: String,
    /// Its name on the screen.
    pub(crate) title: Translated,
    /// What runs its jobs.
    pub(crate) scheduler: SchedulerKind,
    /// Folders in which the scheduler's commands are looked for.
    #[serde(default = "usual_path")]
    pub(crate) path: String,
    /// Further variables for the scheduler's commands.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Seconds between two looks at everybody's jobs.
    #[serde(default = "usual_poll_secs")]
    pub(crate) poll_secs: u32,
    /// The login node on which the commands run; this machine when absent.
    pub(crate) ssh: Option<Ssh>,
    /// The slurmrestd that is asked in place of commands.
    pub(crate) rest: Option<Rest>,
    /// Options that jobs have here beside those that the form knows.
    #[serde(default)]
    options: Vec<SystemOption>,
    /// Options that no job may have here.
    #[serde(default)]
    forbidden_options: BTreeSet<String>,
    /// Roots in which jobs run; all when empty.
    #[serde(default)]
    roots: Vec<String>,
    /// When the cluster is not there.
    #[serde(default)]
    maintenance: Vec<Maintenance>,
}

/// An option of the scheduler with fields in the form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemOption {
    option: String,
    /// `{id}` stands for a field; absent where the option is its one field.
    template: Option<String>,
    fields: Vec<SystemField>,
}

/// A field of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemField {
    id: String,
    title: Translated,
    help: Option<Translated>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    default: String,
    #[serde(default)]
    choices: Vec<String>,
    #[serde(default)]
    choices_command: Vec<String>,
}

/// A login node that trusts the portal's certificates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssh {
    host: String,
    #[serde(default = "usual_port")]
    port: u16,
    /// Its public host keys, of which it has to show one.
    host_keys: Vec<String>,
    /// The file with the key that signs certificates for users.
    user_ca_file: PathBuf,
    /// The address from which the certificates are good; from anywhere when absent.
    source_address: Option<String>,
    /// The account that looks at everybody's jobs.
    observer: Observer,
    /// What has to be the same here and there.
    #[serde(default)]
    same_identity: Same,
}

/// An ordinary account of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Observer {
    name: String,
    uid: u32,
    gid: u32,
    #[serde(default)]
    gids: Vec<u32>,
}

/// What has to be the same here and there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Same {
    /// UID, GID and all groups.
    #[default]
    Everything,
    /// UID and GID.
    UidAndGid,
    /// The name alone.
    Name,
}

/// What runs the jobs of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SchedulerKind {
    /// Slurm, by its commands.
    Slurm,
    /// PBS, by its commands.
    Pbs,
}

fn usual_path() -> String {
    "/usr/local/bin:/usr/bin:/bin".to_owned()
}

fn usual_poll_secs() -> u32 {
    10
}

fn usual_port() -> u16 {
    22
}

impl System {
    /// Checks all of them together.
    pub(super) fn check_all(systems: &[Self]) -> Result<(), Failure> {
        for system in systems {
            system.check()?;
            let is_taken = systems.iter().filter(|other| other.id == system.id).count() > 1;
            if is_taken || matches!(system.id.as_str(), "local" | "kubernetes") {
                return Err(broken(format!("system: the id {:?} is taken", system.id)));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        let is_id = !self.id.is_empty()
            && self.id.len() <= 40
            && self.id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_id {
            return Err(broken(format!("system.id: {:?} is not of a-z, 0-9 and -, up to 40", self.id)));
        }
        if self.poll_secs == 0 {
            return Err(broken(format!("system {:?}: poll_secs must be at least 1", self.id)));
        }
        let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        if let Some(name) = self.environment.keys().find(|name| !is_name(name)) {
            return Err(broken(format!("system {:?}: {name:?} names no variable", self.id)));
        }
        if self.maintenance.iter().any(|one| one.starts_at >= one.ends_at) {
            return Err(wrong(&self.id, "a maintenance must end after it starts"));
        }
        self.check_options()?;
        if self.rest.is_some() && (self.ssh.is_some() || self.scheduler != SchedulerKind::Slurm) {
            return Err(wrong(&self.id, "rest is a way to Slurm, and in place of ssh"));
        }
        self.ssh.as_ref().map_or(Ok(()), |ssh| ssh.check(&self.id))?;
        self.rest.as_ref().map_or(Ok(()), |rest| rest.check(&self.id))
    }

    fn check_options(&self) -> Result<(), Failure> {
        let rules = self.rules();
        for option in &rules.options {
            option.check().map_err(|what| wrong(&self.id, &format!("option {:?}: {what}", option.option)))?;
        }
        let mut ids: Vec<_> = rules.fields().map(|field| &field.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() == count {
            Ok(())
        } else {
            Err(wrong(&self.id, "two fields of its options have one id"))
        }
    }

    /// What the site demands of jobs here.
    pub(crate) fn rules(&self) -> SiteRules {
        SiteRules {
            options: self.options.iter().map(SystemOption::rule).collect(),
            forbidden: self.forbidden_options.clone(),
            roots: self.roots.clone(),
            maintenance: self.maintenance.clone(),
        }
    }
}

impl SystemOption {
    fn rule(&self) -> SiteOption {
        let own = || self.fields.first().map(|field| format!("{{{}}}", field.id)).unwrap_or_default();
        let field = |field: &SystemField| OptionField {
            id: field.id.clone(),
            title: field.title.clone(),
            help: field.help.clone(),
            required: field.required,
            default: field.default.clone(),
            choices: field.choices.clone(),
            choices_command: field.choices_command.clone(),
        };
        SiteOption {
            option: self.option.clone(),
            template: self.template.clone().unwrap_or_else(own),
            fields: self.fields.iter().map(field).collect(),
        }
    }
}

impl Ssh {
    fn check(&self, system: &str) -> Result<(), Failure> {
        self.host_keys(system)?;
        if !self.observer.is_ordinary() {
            return Err(wrong(system, "ssh.observer must be an ordinary account"));
        }
        if self.host.is_empty() || self.port == 0 {
            return Err(wrong(system, "ssh.host and ssh.port must name a login node"));
        }
        Ok(())
    }

    fn host_keys(&self, system: &str) -> Result<Vec<HostKey>, Failure> {
        if self.host_keys.is_empty() {
            return Err(wrong(system, "ssh.host_keys must hold a key; ssh-keyscan(1) shows them"));
        }
        let keys = self.host_keys.iter().map(|text| text.parse());
        keys.collect::<Result<_, _>>().map_err(|error| wrong(system, &format!("ssh.host_keys: {error}")))
    }

    /// The login node of a system, with the key that the file holds.
    pub(crate) fn transport(&self, system: &System, min_uid: u32) -> Result<SshConfig, Failure> {
        let path = self.user_ca_file.display();
        let no_ca = |reason: String| wrong(&system.id, &format!("ssh.user_ca_file {path}: {reason}"));
        let text = read_private(&self.user_ca_file).map_err(no_ca)?;
        Ok(SshConfig {
            host: self.host.clone(),
            port: self.port,
            host_keys: self.host_keys(&system.id)?,
            user_ca: UserCa::from_openssh(&text).map_err(|error| no_ca(error.to_string()))?,
            source_address: self.source_address.clone(),
            same_identity: match self.same_identity {
                Same::Everything => SameIdentity::Everything,
                Same::UidAndGid => SameIdentity::UidAndGid,
                Same::Name => SameIdentity::Name,
            },
            min_uid,
            path: system.path.clone(),
        })
    }

    /// Whose commands look at everybody's jobs.
    pub(crate) fn observer(&self) -> Identity {
        self.observer.identity()
    }
}

impl Observer {
    fn is_ordinary(&self) -> bool {
        self.uid != 0 && !matches!(self.name.as_str(), "root" | "slurm" | "")
    }

    fn identity(&self) -> Identity {
        let Self { name, uid, gid, gids } = self.clone();
        let (home, shell) = ("/".into(), "/bin/sh".into());
        Identity { user: UserId::random(), name, uid, gid, gids, home, shell }
    }
}

fn wrong(system: &str, what: &str) -> Failure {
    broken(format!("system {system:?}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn system(ssh: &str) -> Result<System, Failure> {
        let text = format!(
            "id = \"cluster\"\ntitle = {{ en = \"Cluster\", ko = \"클러스터\" }}\nscheduler = \"slurm\"\n{ssh}"
        );
        let system: System = toml::from_str(&text).map_err(|error| broken(error.to_string()))?;
        System::check_all(std::slice::from_ref(&system)).map(|()| system)
    }

    fn ssh(changes: &[(&str, &str)]) -> String {
        let mut lines = vec![
            ("host", "\"login.example.org\"".to_owned()),
            ("host_keys", format!("[{KEY:?}]")),
            ("user_ca_file", "\"/etc/myksc/user_ca\"".to_owned()),
            ("observer", "{ name = \"portal\", uid = 20901, gid = 20901 }".to_owned()),
        ];
        for (key, value) in changes {
            lines.retain(|(name, _)| name != key);
            lines.push((key, (*value).to_owned()));
        }
        let lines: Vec<_> = lines.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        format!("[ssh]\n{}\n", lines.join("\n"))
    }

    #[test]
    fn a_login_node_has_a_key_that_is_known_and_an_observer_who_is_ordinary() {
        assert_eq!(system(&ssh(&[])).unwrap().ssh.unwrap().port, 22);
        for (key, value, named) in [
            ("host_keys", "[]", "ssh-keyscan"),
            ("host_keys", "[\"ssh-ed25519 x\"]", "ssh-ed25519 x"),
            ("observer", "{ name = \"root\", uid = 0, gid = 0 }", "ordinary"),
            ("observer", "{ name = \"slurm\", uid = 64030, gid = 64030 }", "ordinary"),
            ("host", "\"\"", "ssh.host"),
            ("same_identity", "\"nothing\"", "same_identity"),
        ] {
            let refusal = system(&ssh(&[(key, value)])).unwrap_err().to_string();
            assert!(refusal.contains(named), "{key} = {value}: {refusal}");
        }
    }

    #[test]
    fn options_of_the_site_have_templates_that_can_be_read_back() {
        let field =
            |id: &str| format!("{{ id = \"{id}\", title = {{ en = \"A\", ko = \"가\" }}, required = true }}");
        let option = |template: &str, ids: &[&str]| {
            let fields: Vec<_> = ids.iter().map(|id| field(id)).collect();
            format!("[[options]]\noption = \"comment\"\n{template}\nfields = [{}]\n", fields.join(", "))
        };
        let rules =
            system(&option("template = \"field={field};appl={appl}\"", &["field", "appl"])).unwrap().rules();
        assert_eq!(rules.fields().count(), 2);
        assert_eq!(system(&option("", &["account"])).unwrap().rules().options[0].template, "{account}");
        for (options, named) in [
            (option("", &["field", "appl"]), "each of its fields"),
            (option("template = \"{a}{b}\"", &["a", "b"]), "between"),
            (option("", &["A"]), "needs an id"),
            (option("", &["a"]) + &option("", &["a"]), "one id"),
        ] {
            let refusal = system(&options).unwrap_err().to_string();
            assert!(refusal.contains(named), "{options}: {refusal}");
        }
    }

    #[test]
    fn a_maintenance_starts_before_it_ends() {
        let window =
            |from: &str, to: &str| format!("maintenance = [{{ starts_at = {from:?}, ends_at = {to:?} }}]");
        let (early, late) = ("2026-12-01T09:00:00+09:00", "2026-12-01T09:00:00Z");
        assert_eq!(system(&window(early, late)).unwrap().rules().maintenance.len(), 1);
        for (from, to, named) in
            [(late, early, "must end after"), (early, early, "must end after"), ("soon", late, "soon")]
        {
            let refusal = system(&window(from, to)).unwrap_err().to_string();
            assert!(refusal.contains(named), "{from} {to}: {refusal}");
        }
    }

    #[test]
    fn the_key_that_signs_is_in_a_file_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user_ca");
        let system = system(&ssh(&[("user_ca_file", &format!("{path:?}"))])).unwrap();
        let transport = || system.ssh.as_ref().unwrap().transport(&system, 1000);
        std::fs::write(&path, "no key").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(transport().err().unwrap().to_string().contains("others can read it"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(transport().err().unwrap().to_string().contains("no OpenSSH private key"));
    }
}
