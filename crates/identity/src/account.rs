//! Which accounts may be made: names, ids and paths that hold, and the site's rule about UIDs.

use std::path::Path;

use myksc_core::{Error, FieldProblem, Result};

use crate::posix::PosixAccount;

/// Longest account name; what Linux keeps of one in its login records.
const MAX_NAME_BYTES: usize = 32;
/// Longest name to show, in characters.
const MAX_DISPLAY_CHARS: usize = 100;
/// (uid_t) -1, which chown(2) takes for "leave as it is".
const NO_ID: u32 = u32::MAX;
/// The overflow id (`nobody`): shared by everything that has no id of its own.
const OVERFLOW_ID: u32 = 65_534;

/// The site's rule about the UIDs of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountPolicy {
    /// Effective UID of the portal.
    pub own_uid: u32,
    /// Whether the operator lets the portal run as root or another system account, and so have an account of it.
    pub allow_root: bool,
    /// Whether apps or jobs run as processes of this machine, under the portal's own UID.
    pub local: bool,
    /// Lowest UID of a person; below it are the system's.
    pub min_uid: u32,
}

impl AccountPolicy {
    /// The lowest UID of a person where the site says nothing else.
    pub const DEFAULT_MIN_UID: u32 = 1000;

    /// The rule for a portal that runs as this process does.
    #[must_use]
    pub fn of_this_process(allow_root: bool, local: bool) -> Self {
        let own_uid = rustix::process::geteuid().as_raw();
        Self { own_uid, allow_root, local, min_uid: Self::DEFAULT_MIN_UID }
    }

    /// Whether a person with this UID may have an account.
    ///
    /// # Errors
    /// A problem at field `uid`: `uid_is_system`, `uid_is_root`, `uid_is_reserved` or `uid_is_not_the_portals`.
    pub fn check_uid(&self, uid: u32) -> Result<(), FieldProblem> {
        if uid == NO_ID || uid == OVERFLOW_ID {
            let detail = format!("UID {uid} is nobody's; no account may have it");
            return Err(uid_problem("uid_is_reserved", uid, detail));
        }
        let is_allowed = self.allow_root && uid == self.own_uid;
        if uid == 0 && !is_allowed {
            let detail = "root can't be a user of the portal (only of one that root runs with --allow-root)";
            return Err(uid_problem("uid_is_root", uid, detail.to_owned()));
        }
        if uid < self.min_uid && !is_allowed {
            let detail =
                format!("UID {uid} is below {}: it belongs to the system, not to a person", self.min_uid);
            return Err(uid_problem("uid_is_system", uid, detail).with("min", self.min_uid));
        }
        if self.local && uid != self.own_uid {
            let detail = format!(
                "UID {uid} is not the portal's own UID {}: apps and jobs run as processes of this machine, the \
                 portal has no rights to start them as somebody else, and everybody would share one UID's files",
                self.own_uid
            );
            return Err(uid_problem("uid_is_not_the_portals", uid, detail).with("own_uid", self.own_uid));
        }
        Ok(())
    }

    /// Whether this account may be made; every problem that can be found is listed.
    ///
    /// # Errors
    /// Invalid, with fields `name`, `display_name`, `uid`, `gid`, `home`, `shell`.
    pub fn check(&self, account: &PosixAccount) -> Result<()> {
        let checks = [
            check_name(&account.name),
            check_display_name(&account.display_name),
            self.check_uid(account.uid),
            self.check_gids(account),
            check_path("home", &account.home),
            check_path("shell", &account.shell),
        ];
        let problems: Vec<FieldProblem> = checks.into_iter().filter_map(Result::err).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }

    fn check_gids(&self, account: &PosixAccount) -> Result<(), FieldProblem> {
        // What the portal's own processes are in anyway gives nobody more.
        let is_own = account.uid == self.own_uid && (self.local || self.allow_root);
        let mut gids = account.groups.iter().map(|group| group.gid).chain([account.gid]);
        match gids.find(|gid| *gid == NO_ID || (*gid == 0 && !is_own)) {
            Some(gid) => {
                let detail = format!("no person may be in group {gid}");
                Err(FieldProblem::new("gid", "gid_is_reserved", detail).with("gid", gid))
            }
            None => Ok(()),
        }
    }
}

/// Checks an account name: POSIX's portable user names (XBD 3.426), not digits alone, 32 bytes at most.
///
/// # Errors
/// A problem at field `name` with code `user_name_invalid`.
pub fn check_name(name: &str) -> Result<(), FieldProblem> {
    let portable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    // Digits alone are taken for a UID by many a tool; dots alone are folders.
    let ambiguous = name.bytes().all(|byte| byte.is_ascii_digit()) || name.bytes().all(|byte| byte == b'.');
    let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.starts_with('-');
    if fits && !ambiguous && name.bytes().all(portable) {
        return Ok(());
    }
    let detail = format!(
        "use 1 to {MAX_NAME_BYTES} characters of a-z, A-Z, 0-9, '.', '_' and '-', not '-' first and not digits alone"
    );
    Err(FieldProblem::new("name", "user_name_invalid", detail).with("max", MAX_NAME_BYTES))
}

fn check_display_name(name: &str) -> Result<(), FieldProblem> {
    if name.chars().count() <= MAX_DISPLAY_CHARS && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("use at most {MAX_DISPLAY_CHARS} characters without line breaks");
    Err(FieldProblem::new("display_name", "display_name_invalid", detail).with("max", MAX_DISPLAY_CHARS))
}

fn check_path(field: &str, path: &Path) -> Result<(), FieldProblem> {
    let text = path.to_str();
    let climbs = path.components().any(|component| matches!(component, std::path::Component::ParentDir));
    if path.is_absolute() && !climbs && text.is_some_and(|text| !text.chars().any(char::is_control)) {
        return Ok(());
    }
    Err(FieldProblem::new(field, "path_not_absolute", "give an absolute path without '..'"))
}

fn uid_problem(code: &str, uid: u32, detail: String) -> FieldProblem {
    FieldProblem::new("uid", code, detail).with("uid", uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_portable_and_not_taken_for_something_else() {
        for name in ["kim", "kim.chulsoo", "_svc", "k", "Kim-2", "2kim", &"k".repeat(32)] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
        let long = "k".repeat(33);
        for name in ["", "-kim", "1000", ".", "..", "kim lee", "kim/..", "김", "kim\n", "kim:x", "k\0", &long]
        {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_uid_rule_keeps_out_root_the_system_and_on_one_machine_everybody_else() {
        let site = AccountPolicy { own_uid: 990, allow_root: false, local: false, min_uid: 1000 };
        let alone = AccountPolicy { own_uid: 1000, local: true, ..site };
        let as_root = AccountPolicy { own_uid: 0, allow_root: true, local: true, ..site };
        let cases = [
            (site, 1000, None),
            (site, 4_000_000, None),
            (site, 0, Some("uid_is_root")),
            (site, 999, Some("uid_is_system")),
            (site, 990, Some("uid_is_system")),
            (site, 65_534, Some("uid_is_reserved")),
            (site, u32::MAX, Some("uid_is_reserved")),
            (AccountPolicy { allow_root: true, ..site }, 0, Some("uid_is_root")),
            (AccountPolicy { allow_root: true, ..site }, 990, None),
            (AccountPolicy { min_uid: 500, ..site }, 500, None),
            (alone, 1000, None),
            (alone, 1001, Some("uid_is_not_the_portals")),
            (alone, 0, Some("uid_is_root")),
            (as_root, 0, None),
            (AccountPolicy { allow_root: false, ..as_root }, 0, Some("uid_is_root")),
            (as_root, 1000, Some("uid_is_not_the_portals")),
        ];
        for (policy, uid, expected) in cases {
            let code = policy.check_uid(uid).err().map(|problem| problem.code);
            assert_eq!(code.as_deref(), expected, "{policy:?} {uid}");
        }
    }

    #[test]
    fn every_problem_of_an_account_is_listed_at_once() {
        let policy = AccountPolicy { own_uid: 1000, allow_root: false, local: true, min_uid: 1000 };
        let account = PosixAccount {
            name: "a b".to_owned(),
            display_name: "two\nlines".to_owned(),
            uid: 7,
            gid: 0,
            groups: Vec::new(),
            home: "home/kim".into(),
            shell: "/bin/../sh".into(),
        };
        let Err(Error::Invalid(problems)) = policy.check(&account) else { panic!("taken") };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["name", "display_name", "uid", "gid", "home", "shell"]);
    }
}
