"""A directory of the centre for the bench: OpenLDAP with one person, on a free port."""

import os
import subprocess

from processes import fail, free_port, wait_for

BASE = "dc=centre,dc=example"
KIM = f"uid=kim,ou=people,{BASE}"
ADMIN = f"cn=admin,{BASE}"
PASSWORD = "the-bench-s-own"

SETTINGS = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix {base}
directory {folder}/data
rootdn {admin}
rootpw {password}
overlay ppolicy
"""

PEOPLE = """
dn: {base}
objectClass: organization
objectClass: dcObject
dc: centre
o: centre

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: {kim}
objectClass: inetOrgPerson
objectClass: posixAccount
uid: kim
cn: Kim
sn: Kim
uidNumber: 71001
gidNumber: 71001
homeDirectory: /home/kim
userPassword: {password}

dn: cn=kim,ou=groups,{base}
objectClass: posixGroup
cn: kim
gidNumber: 71001
"""

CONFIGURATION = """
[[directory]]
id = "centre"
kind = "ldap"
urls = ["{url}"]
ca_file = "{folder}/ca.pem"
bind_dn = "{admin}"
bind_password_file = "{folder}/password"
people_base = "ou=people,{base}"
groups_base = "ou=groups,{base}"
"""


class Directory:
    """The server, and the portal's configuration for it."""

    def __init__(self, started):
        self.folder = started.folder / "directory"
        (self.folder / "data").mkdir(parents=True)
        self.url = f"ldaps://localhost:{free_port()}"
        self.values = {"base": BASE, "admin": ADMIN, "kim": KIM, "password": PASSWORD, "url": self.url,
                       "folder": self.folder}
        self.certificates()
        self.write("slapd.conf", SETTINGS)
        self.write("people.ldif", PEOPLE)
        self.write("myksc.toml", CONFIGURATION)
        self.write("password", "{password}")
        run(self.folder, "/usr/sbin/slapadd", "-q", "-f", "slapd.conf", "-l", "people.ldif")
        command = ["/usr/sbin/slapd", "-d", "0", "-f", self.folder / "slapd.conf", "-h", self.url]
        self.process = started.start(command, cwd=self.folder, stderr=subprocess.DEVNULL)
        wait_for("the directory answers", lambda: self.ask("ldapwhoami").returncode == 0)

    @property
    def configuration(self):
        return self.folder / "myksc.toml"

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text.format(**self.values))
        path.chmod(0o600)

    def ask(self, program, *arguments, change=""):
        """An LDAP client as the administrator."""
        command = [program, "-x", "-H", self.url, "-D", ADMIN, "-y", self.folder / "password", *arguments]
        environment = os.environ | {"LDAPTLS_CACERT": str(self.folder / "ca.pem")}
        return subprocess.run(command, input=change, env=environment, capture_output=True, text=True)

    def lock(self):
        """Locks the person, as the password policy overlay does it."""
        self.change("replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z")

    def unlock(self):
        self.change("delete: pwdAccountLockedTime")

    def change(self, what):
        done = self.ask("ldapmodify", change=f"dn: {KIM}\nchangetype: modify\n{what}\n")
        if done.returncode != 0:
            fail(done.stderr)

    def certificates(self):
        """An authority of two days, and a certificate of `localhost` by it."""
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        run(self.folder, *new, "-subj", "/CN=Authority of the bench", "-addext", "basicConstraints=critical,CA:TRUE",
            "-keyout", "ca.key", "-out", "ca.pem")
        run(self.folder, *new, "-subj", "/CN=localhost", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", "server.key", "-out", "server.pem")


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(map(str, command))}\n{done.stderr}")
