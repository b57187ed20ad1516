//! Accounts of this machine: who runs the portal, and what the password and group files say (passwd(5), group(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use myksc_core::user::Group;

/// What the machine knows of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosixAccount {
    /// Account name.
    pub name: String,
    /// Full name; the account name where none is on record.
    pub display_name: String,
    /// Numeric user id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
    /// All groups, the primary one first.
    pub groups: Vec<Group>,
    /// Home folder.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
}

/// The account this process runs as. Ids and groups come from the kernel; name, home and shell from the
/// password file, or from the environment where a directory service knows the person and the file does not.
#[must_use]
pub fn own_account() -> PosixAccount {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let mut gids = vec![gid];
    for group in rustix::process::getgroups().unwrap_or_default() {
        if !gids.contains(&group.as_raw()) {
            gids.push(group.as_raw());
        }
    }
    let names = read(GROUP_FILE);
    let groups = gids.into_iter().map(|gid| Group { gid, name: group_name(&names, gid) }).collect();
    let line = read(PASSWD_FILE).lines().filter_map(parse_passwd).find(|line| line.uid == uid);
    let line = line.unwrap_or_else(|| from_environment(uid, gid));
    PosixAccount { groups, ..line.into_account(Vec::new()) }
}

/// The account that the password file has under `name`, with its groups of the group file.
#[must_use]
pub fn account_by_name(name: &str) -> Option<PosixAccount> {
    find_by_name(&read(PASSWD_FILE), &read(GROUP_FILE), name)
}

/// Name of a group by the group file, its number where the file has none.
#[must_use]
pub fn group_name_of(gid: u32) -> String {
    group_name(&read(GROUP_FILE), gid)
}

const PASSWD_FILE: &str = "/etc/passwd";
const GROUP_FILE: &str = "/etc/group";
pub(crate) const DEFAULT_SHELL: &str = "/bin/sh";

/// One line of the password file.
struct PasswdLine {
    name: String,
    uid: u32,
    gid: u32,
    full_name: String,
    home: PathBuf,
    shell: PathBuf,
}

impl PasswdLine {
    fn into_account(self, groups: Vec<Group>) -> PosixAccount {
        let display_name = if self.full_name.is_empty() { self.name.clone() } else { self.full_name };
        PosixAccount {
            name: self.name,
            display_name,
            uid: self.uid,
            gid: self.gid,
            groups,
            home: self.home,
            shell: self.shell,
        }
    }
}

fn read(path: &str) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn find_by_name(passwd: &str, group: &str, name: &str) -> Option<PosixAccount> {
    let line = passwd.lines().filter_map(parse_passwd).find(|line| line.name == name)?;
    let mut groups = vec![Group { gid: line.gid, name: group_name(group, line.gid) }];
    for (group_name, gid, members) in group.lines().filter_map(parse_group) {
        if gid != line.gid && members.split(',').any(|member| member == name) {
            groups.push(Group { gid, name: group_name.to_owned() });
        }
    }
    Some(line.into_account(groups))
}

fn group_name(group: &str, gid: u32) -> String {
    let found = group.lines().filter_map(parse_group).find(|(_, number, _)| *number == gid);
    found.map_or_else(|| gid.to_string(), |(name, ..)| name.to_owned())
}

fn parse_passwd(line: &str) -> Option<PasswdLine> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let _password = fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let full_name = fields.next()?.split(',').next().unwrap_or_default().trim().to_owned();
    let home = PathBuf::from(fields.next()?);
    let shell = fields.next().filter(|shell| !shell.is_empty()).unwrap_or(DEFAULT_SHELL);
    Some(PasswdLine { name, uid, gid, full_name, home, shell: PathBuf::from(shell) })
}

fn parse_group(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let _password = fields.next()?;
    let gid = fields.next()?.parse().ok()?;
    Some((name, gid, fields.next().unwrap_or_default()))
}

fn from_environment(uid: u32, gid: u32) -> PasswdLine {
    let text = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let name = text("USER").or_else(|| text("LOGNAME")).and_then(|name| name.into_string().ok());
    let path = |value: Option<OsString>, fallback: &str| {
        let value = value.unwrap_or_else(|| OsString::from_vec(fallback.into()));
        Some(PathBuf::from(value))
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| Path::new(fallback).into())
    };
    PasswdLine {
        name: name.unwrap_or_else(|| format!("user{uid}")),
        uid,
        gid,
        full_name: String::new(),
        home: path(text("HOME"), "/"),
        shell: path(text("SHELL"), DEFAULT_SHELL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        # a comment\n\
        broken:x:not-a-number:1:::\n\
        +nis\n\
        kim:x:1001:1001:김철수,Room 3,,:/home/kim:\n";
    const GROUP: &str = "root:x:0:\nkim:x:1001:\nhpc:x:2000:lee,kim\nkimchi:x:2001:kimchi\n";

    #[test]
    fn a_line_of_the_password_file_becomes_an_account_with_all_its_groups() {
        let kim = find_by_name(PASSWD, GROUP, "kim").unwrap();
        let groups =
            vec![Group { gid: 1001, name: "kim".to_owned() }, Group { gid: 2000, name: "hpc".to_owned() }];
        let expected = PosixAccount {
            name: "kim".to_owned(),
            display_name: "김철수".to_owned(),
            uid: 1001,
            gid: 1001,
            groups,
            home: "/home/kim".into(),
            shell: "/bin/sh".into(),
        };
        assert_eq!(kim, expected);
    }

    #[test]
    fn broken_lines_and_unknown_names_are_passed_over() {
        for name in ["broken", "+nis", "", "nobody-here", "ki"] {
            assert_eq!(find_by_name(PASSWD, GROUP, name), None, "{name:?}");
        }
        assert_eq!(group_name(GROUP, 4711), "4711");
    }

    #[test]
    fn the_own_account_has_the_ids_that_the_kernel_says() {
        let own = own_account();
        assert_eq!(own.uid, rustix::process::geteuid().as_raw());
        assert_eq!(own.groups[0].gid, own.gid);
        assert!(own.home.is_absolute() && own.shell.is_absolute() && !own.name.is_empty());
    }
}
