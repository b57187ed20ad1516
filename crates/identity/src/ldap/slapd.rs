//! A real OpenLDAP server with people in it, for tests: in a folder of its own, on free ports, gone with the test.

use std::collections::HashSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings, Mod};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Attributes, LdapConfig, LdapDirectory, ServiceAccount};
use crate::Directory as _;

pub(crate) const BASE: &str = "dc=centre,dc=example";
const ADMIN: &str = "cn=admin,dc=centre,dc=example";
const PATIENCE: Duration = Duration::from_secs(30);

const SETTINGS: &str = "
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile @FOLDER@/slapd.pid
TLSCertificateFile @FOLDER@/server.pem
TLSCertificateKeyFile @FOLDER@/server.key
security simple_bind=128
require authc
database mdb
suffix dc=centre,dc=example
directory @FOLDER@/data
rootdn cn=admin,dc=centre,dc=example
rootpw admin
maxsize 16777216
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"cn=portal,dc=centre,dc=example\" read by * none
";

/// The server, until it is dropped.
pub(crate) struct Slapd {
    folder: TempDir,
    ports: [u16; 2],
    child: Option<Child>,
}

impl Slapd {
    /// With these people and groups (LDIF) below `ou=people` and `ou=groups`, and passwords of which each is the
    /// account's name and `'s`.
    pub(crate) async fn start(ldif: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        certificates(path);
        let settings = SETTINGS.replace("@FOLDER@", &path.display().to_string());
        std::fs::write(path.join("slapd.conf"), settings).unwrap();
        std::fs::create_dir(path.join("data")).unwrap();
        std::fs::write(path.join("people.ldif"), format!("{FOUNDATION}\n{ldif}")).unwrap();
        run(
            Command::new("/usr/sbin/slapadd").arg("-q").args(["-f", "slapd.conf", "-l", "people.ldif"]),
            path,
        );
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free()].map(|listener| listener.local_addr().unwrap().port());
        let mut slapd = Self { folder, ports, child: None };
        slapd.go_on().await;
        slapd
    }

    /// Runs again after [`Slapd::kill`], and answers.
    pub(crate) async fn go_on(&mut self) {
        let urls = format!("{} {}", self.starttls_url(), self.ldaps_url());
        // The kernel ends the server also when the test is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "/usr/sbin/slapd", "-d", "0", "-f", "slapd.conf", "-h", &urls]);
        let command = command.current_dir(self.folder.path()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("slapd runs"));
        let directory = LdapDirectory::new(self.config()).unwrap();
        eventually("slapd answers", async || directory.check().await.is_ok()).await;
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ports[0])
    }

    pub(crate) fn starttls_url(&self) -> String {
        format!("ldap://localhost:{}", self.ports[1])
    }

    /// How a portal reaches it.
    pub(crate) fn config(&self) -> LdapConfig {
        LdapConfig {
            urls: vec![self.ldaps_url()],
            ca_file: Some(self.ca_file()),
            service: Some(ServiceAccount {
                dn: format!("cn=portal,{BASE}"),
                password: SecretString::from("portal's"),
            }),
            people_base: format!("ou=people,{BASE}"),
            groups_base: format!("ou=groups,{BASE}"),
            person_filter: LdapConfig::PERSON_FILTER.to_owned(),
            groups_filter: LdapConfig::GROUPS_FILTER.to_owned(),
            locked_filter: None,
            attributes: Attributes::default(),
            connections: 4,
            server_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            retry_after: Duration::from_millis(50),
        }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Sets an attribute of a person or group; no value takes it away.
    pub(crate) async fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        let values: HashSet<&str> = values.iter().copied().collect();
        let answer = self.admin().await.modify(dn, vec![Mod::Replace(attribute, values)]).await;
        answer.unwrap().success().unwrap();
    }

    pub(crate) async fn remove(&self, dn: &str) {
        self.admin().await.delete(dn).await.unwrap().success().unwrap();
    }

    async fn admin(&self) -> ldap3::Ldap {
        let settings = LdapConnSettings::new().set_config(self.config().trust().unwrap().unwrap());
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.ldaps_url()).await.unwrap();
        tokio::spawn(connection.drive());
        ldap.simple_bind(ADMIN, "admin").await.unwrap().success().unwrap();
        ldap
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A person's entry.
pub(crate) fn person(name: &str, uid: u32, more: &str) -> String {
    let dn = format!("uid={name},ou=people,{BASE}");
    entry(&dn, name, uid, &format!("/home/{name}"), more)
}

/// A person's entry wherever it is and whatever it says.
pub(crate) fn entry(dn: &str, name: &str, uid: u32, home: &str, more: &str) -> String {
    format!(
        "dn: {dn}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nobjectClass: shadowAccount\nuid: {name}\n\
         cn: {name} {name}\nsn: {name}\nuidNumber: {uid}\ngidNumber: {uid}\nhomeDirectory: {home}\n\
         userPassword: {name}'s\n{more}\n\n"
    )
}

/// A group's entry with one attribute that says who is in it.
pub(crate) fn group(name: &str, gid: u32, member: &str) -> String {
    format!(
        "dn: cn={name},ou=groups,{BASE}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {gid}\n{member}\n\n"
    )
}

/// The name of a person's entry.
pub(crate) fn dn(name: &str) -> String {
    format!("uid={name},ou=people,{BASE}")
}

const FOUNDATION: &str = "dn: dc=centre,dc=example
objectClass: organization
objectClass: dcObject
dc: centre
o: 계산과학센터

dn: ou=people,dc=centre,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=centre,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=portal,dc=centre,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: portal
userPassword: portal's
";

/// An authority, and a certificate of `localhost` by it.
fn certificates(folder: &Path) {
    let key =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let openssl = |arguments: &[&str]| run(Command::new("openssl").args(key).args(arguments), folder);
    openssl(&[
        "-subj",
        "/CN=Authority of a test",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ]);
    openssl(&[
        "-subj",
        "/CN=localhost",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        "server.key",
        "-out",
        "server.pem",
    ]);
}

fn run(command: &mut Command, folder: &Path) {
    let output = command.current_dir(folder).output().expect("a program of the system runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
