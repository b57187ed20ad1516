//! What an entry of a directory says about a person (RFC 2307, RFC 4530) and whether it locks her.

use std::path::PathBuf;

use ldap3::SearchEntry;
use myksc_core::Timestamp;
use myksc_core::user::Group;

use super::config::Attributes;
use crate::posix::{DEFAULT_SHELL, PosixAccount};

/// Longest name to show, in characters.
const MAX_DISPLAY_CHARS: usize = 100;
const DAY_SECS: i64 = 24 * 3600;

/// The attributes that lock a person.
const LOCKED_UNTIL_UNLOCKED: &str = "pwdAccountLockedTime";
const EXPIRES_ON_DAY: &str = "shadowExpire";
const LOCKED_FLAG: &str = "nsAccountLock";

/// The value of `pwdAccountLockedTime` that an administrator locks an account with
/// (draft-behera-ldap-password-policy, 5.3.3). Any other is the moment of a lockout after wrong passwords: it keeps
/// the person from signing in, but must not end what she runs, or strangers could do that by guessing.
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// A person's entry as it was found.
pub(super) struct Person<'a> {
    found: &'a SearchEntry,
    attributes: &'a Attributes,
}

impl<'a> Person<'a> {
    pub(super) fn new(found: &'a SearchEntry, attributes: &'a Attributes) -> Self {
        Self { found, attributes }
    }

    /// What to ask the directory for. Operational attributes come by name only (RFC 4512, 3.4).
    pub(super) fn asked_for(attributes: &Attributes) -> Vec<String> {
        let usual = [
            &attributes.name,
            &attributes.uid_number,
            &attributes.gid_number,
            &attributes.home,
            &attributes.shell,
            &attributes.subject,
        ];
        let locks = [LOCKED_UNTIL_UNLOCKED, EXPIRES_ON_DAY, LOCKED_FLAG].map(str::to_owned);
        usual.into_iter().cloned().chain(attributes.display_names.iter().cloned()).chain(locks).collect()
    }

    /// Whether the entry has this account name, spelt exactly so; a directory itself does not tell case apart.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.values(&self.attributes.name).iter().any(|value| value == name)
    }

    pub(super) fn names(&self) -> &'a [String] {
        self.values(&self.attributes.name)
    }

    /// What stays the same for ever.
    pub(super) fn subject(&self) -> String {
        let name = &self.attributes.subject;
        if let [only] = self.values(name) {
            return only.clone();
        }
        match find(&self.found.bin_attrs, name) {
            Some([only]) => hex::encode(only),
            _ => format!("dn:{}", self.found.dn),
        }
    }

    /// The account, without its groups; or the attribute that is missing or can't be read.
    pub(super) fn account(&self, name: &str) -> Result<PosixAccount, String> {
        let shell = match self.values(&self.attributes.shell) {
            [] => DEFAULT_SHELL,
            _ => self.one(&self.attributes.shell)?,
        };
        Ok(PosixAccount {
            name: name.to_owned(),
            display_name: self.display_name(name),
            uid: self.number(&self.attributes.uid_number)?,
            gid: self.number(&self.attributes.gid_number)?,
            groups: Vec::new(),
            home: PathBuf::from(self.one(&self.attributes.home)?),
            shell: PathBuf::from(shell),
        })
    }

    /// Whether the usual attributes lock her. A login shell of `nologin` is none of them: such people may well have
    /// no shell on the login nodes and yet work through the portal.
    pub(super) fn is_locked(&self, now: Timestamp) -> Result<bool, String> {
        if self.values(LOCKED_UNTIL_UNLOCKED).iter().any(|value| value == LOCKED_FOR_GOOD)
            || self.values(LOCKED_FLAG).iter().any(|value| value.eq_ignore_ascii_case("true"))
        {
            return Ok(true);
        }
        match self.values(EXPIRES_ON_DAY) {
            [] => Ok(false),
            // shadow(5): the day on which the account expires; below 0 never. Day 0 counts as any other, as for PAM.
            _ => {
                let day: i64 = self
                    .one(EXPIRES_ON_DAY)?
                    .parse()
                    .map_err(|_| format!("{EXPIRES_ON_DAY} is no number"))?;
                Ok(day >= 0 && now.as_millis() / 1000 / DAY_SECS >= day)
            }
        }
    }

    fn display_name(&self, name: &str) -> String {
        let shown = self.attributes.display_names.iter().find_map(|attribute| {
            let text = self.values(attribute).first()?;
            let plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_DISPLAY_CHARS).collect();
            Some(plain.trim().to_owned()).filter(|text| !text.is_empty())
        });
        shown.unwrap_or_else(|| name.to_owned())
    }

    fn number(&self, attribute: &str) -> Result<u32, String> {
        self.one(attribute)?.parse().map_err(|_| format!("{attribute} is no number"))
    }

    fn one(&self, attribute: &str) -> Result<&'a str, String> {
        match self.values(attribute) {
            [only] => Ok(only),
            [] => Err(format!("there is no {attribute}")),
            _ => Err(format!("there are several of {attribute}")),
        }
    }

    fn values(&self, attribute: &str) -> &'a [String] {
        find(&self.found.attrs, attribute).unwrap_or_default()
    }
}

/// All groups of an account, the primary one first, the others by number; what is no group is passed over.
pub(super) fn groups(
    found: &[SearchEntry],
    attributes: &Attributes,
    gid: u32,
    name_of: impl Fn(u32) -> String,
) -> Vec<Group> {
    let mut groups: Vec<Group> = found.iter().filter_map(|found| group(found, attributes)).collect();
    groups.sort_by(|a, b| a.gid.cmp(&b.gid).then_with(|| a.name.cmp(&b.name)));
    groups.dedup_by_key(|group| group.gid);
    let primary = match groups.iter().position(|group| group.gid == gid) {
        Some(place) => groups.remove(place),
        None => Group { gid, name: name_of(gid) },
    };
    groups.insert(0, primary);
    groups
}

fn group(found: &SearchEntry, attributes: &Attributes) -> Option<Group> {
    let [gid] = find(&found.attrs, &attributes.gid_number)? else { return None };
    let gid = gid.parse().ok()?;
    let name = find(&found.attrs, &attributes.group_name)?.first()?;
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_DISPLAY_CHARS).collect();
    Some(Group { gid, name })
}

fn find<'a, T>(values: &'a std::collections::HashMap<String, Vec<T>>, attribute: &str) -> Option<&'a [T]> {
    values.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, values)| values.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> SearchEntry {
        let attrs = attributes
            .iter()
            .map(|(name, values)| {
                ((*name).to_owned(), values.iter().map(|&value| value.to_owned()).collect())
            })
            .collect();
        SearchEntry { dn: "uid=kim,ou=people".to_owned(), attrs, bin_attrs: [].into() }
    }

    const KIM: &[(&str, &[&str])] = &[
        ("UID", &["kim"]),
        ("uidnumber", &["20001"]),
        ("gidNumber", &["20001"]),
        ("homeDirectory", &["/home/kim"]),
    ];

    fn locked(attribute: &str, value: &str, at_day: i64) -> bool {
        let found = entry(&[(attribute, &[value])]);
        let now = Timestamp::from_millis(at_day * DAY_SECS * 1000 + 1);
        Person::new(&found, &Attributes::default()).is_locked(now).unwrap()
    }

    #[test]
    fn an_entry_becomes_an_account_and_what_it_lacks_is_named() {
        let attributes = Attributes::default();
        let found = entry(KIM);
        let person = Person::new(&found, &attributes);
        let account = person.account("kim").unwrap();
        assert_eq!((account.uid, account.gid, account.display_name.as_str()), (20001, 20001, "kim"));
        assert_eq!((account.home.to_str(), account.shell.to_str()), (Some("/home/kim"), Some("/bin/sh")));
        assert_eq!(person.subject(), "dn:uid=kim,ou=people");
        assert!(person.is_called("kim") && !person.is_called("KIM"));

        for (attribute, values) in [
            ("uidnumber", &[][..]),
            ("uidnumber", &["1", "2"][..]),
            ("uidnumber", &["-1"][..]),
            ("uidnumber", &["4294967296"][..]),
            ("gidNumber", &["x"][..]),
            ("homeDirectory", &[][..]),
        ] {
            let mut broken = found.clone();
            broken.attrs.insert(attribute.to_owned(), values.iter().map(|&value| value.to_owned()).collect());
            let reason = Person::new(&broken, &attributes).account("kim").unwrap_err();
            assert!(reason.to_lowercase().contains(&attribute.to_lowercase()), "{reason}");
        }
    }

    #[test]
    fn the_name_on_the_screen_is_the_first_there_is_and_plain() {
        let attributes = Attributes::default();
        for (values, shown) in [
            (&[("displayName", &["김민지"][..]), ("cn", &["Kim Min-ji"])][..], "김민지"),
            (&[("displayName", &[" \n"][..]), ("cn", &["Kim\u{7} Min-ji"])][..], "Kim Min-ji"),
            (&[][..], "kim"),
        ] {
            assert_eq!(Person::new(&entry(values), &attributes).display_name("kim"), shown);
        }
    }

    #[test]
    fn an_account_is_locked_by_an_administrator_by_its_last_day_or_by_a_flag() {
        assert!(locked("pwdAccountLockedTime", "000001010000Z", 20_000));
        assert!(!locked("pwdAccountLockedTime", "20260101000000Z", 20_000));
        assert!(locked("nsAccountLock", "TRUE", 20_000) && !locked("nsAccountLock", "false", 20_000));
        for (day, today, is_locked) in [
            ("0", 20_000, true),
            ("1", 20_000, true),
            ("20000", 19_999, false),
            ("20000", 20_000, true),
            ("-1", 20_000, false),
        ] {
            assert_eq!(locked("shadowExpire", day, today), is_locked, "{day} on {today}");
        }
        let unclear = entry(&[("shadowExpire", &["soon"])]);
        assert!(Person::new(&unclear, &Attributes::default()).is_locked(Timestamp::now()).is_err());
    }

    #[test]
    fn groups_come_once_each_the_primary_one_first() {
        let of = |gid, name| entry(&[("gidNumber", &[gid]), ("cn", &[name])]);
        let found = [
            of("30002", "proj2"),
            of("20001", "kim"),
            of("30001", "proj1"),
            of("30001", "proj1"),
            of("x", "y"),
            entry(&[]),
        ];
        let names = |gid| {
            let groups = groups(&found, &Attributes::default(), gid, |gid| gid.to_string());
            groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
        };
        assert_eq!(names(20001), ["kim", "proj1", "proj2"]);
        assert_eq!(names(777), ["777", "kim", "proj1", "proj2"]);
    }
}
