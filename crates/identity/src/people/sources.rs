//! Where people's accounts come from, and what their groups make of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myksc_core::user::Group;
use myksc_core::{Role, Translated};

use crate::directory::Directory;
use crate::ldap::LdapDirectory;

/// The directories of the centre, by their ids; cheap to clone.
#[derive(Clone, Default)]
pub struct Directories {
    directories: BTreeMap<String, Arc<dyn Directory>>,
    passwords: BTreeMap<String, (Translated, LdapDirectory)>,
    providers: BTreeMap<String, String>,
    by_claims: BTreeSet<String>,
}

/// Roles by the names of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleRules(Vec<(Role, Vec<String>)>);

impl Directories {
    /// One more directory, which accounts of others can come from.
    pub fn add(&mut self, id: &str, directory: Arc<dyn Directory>) {
        self.directories.insert(id.to_owned(), directory);
    }

    /// One more directory, by whose passwords people sign in, too: it is a provider by the same id, with a name for
    /// the sign-in page.
    pub fn add_with_passwords(&mut self, id: &str, title: Translated, directory: LdapDirectory) {
        self.passwords.insert(id.to_owned(), (title, directory.clone()));
        self.providers.insert(id.to_owned(), id.to_owned());
        self.add(id, Arc::new(directory));
    }

    /// Says that the accounts of a provider's people come from this directory; false when there is none of that id.
    pub fn assign(&mut self, provider: &str, directory: &str) -> bool {
        let is_known = self.directories.contains_key(directory);
        if is_known {
            self.providers.insert(provider.to_owned(), directory.to_owned());
        }
        is_known
    }

    /// Says that the accounts of a provider's people are its own claims.
    pub fn assign_to_claims(&mut self, provider: &str) {
        self.by_claims.insert(provider.to_owned());
    }

    /// Whether the accounts of a provider's people are its own claims.
    pub(super) fn is_by_claims(&self, provider: &str) -> bool {
        self.by_claims.contains(provider)
    }

    /// The directory that a provider's people are looked up in.
    #[must_use]
    pub fn of_provider(&self, provider: &str) -> Option<&Arc<dyn Directory>> {
        self.directories.get(self.providers.get(provider)?)
    }

    /// Whether a provider is a directory itself, which then has its own word for each person for ever.
    #[must_use]
    pub(super) fn is_directory(&self, provider: &str) -> bool {
        self.passwords.contains_key(provider)
    }

    /// The directories by whose passwords people sign in.
    pub(crate) fn with_passwords(&self) -> impl Iterator<Item = (&String, &LdapDirectory)> {
        self.passwords.iter().map(|(id, (_, directory))| (id, directory))
    }

    /// The same, by their names on the sign-in page.
    pub(super) fn titles(&self) -> impl Iterator<Item = (&String, &Translated)> {
        self.passwords.iter().map(|(id, (title, _))| (id, title))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Arc<dyn Directory>)> {
        self.directories.iter()
    }
}

impl RoleRules {
    /// Each role with the groups that have it.
    #[must_use]
    pub fn new(rules: Vec<(Role, Vec<String>)>) -> Self {
        Self(rules)
    }

    /// The most that one of these groups has.
    #[must_use]
    pub fn role_of(&self, groups: &[Group]) -> Role {
        let has = |names: &[String]| groups.iter().any(|group| names.contains(&group.name));
        self.0.iter().filter(|(_, names)| has(names)).map(|(role, _)| *role).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_most_that_one_of_her_groups_makes_her() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let rules = RoleRules::new(vec![
            (Role::Operator, names(&["operators", "wheel"])),
            (Role::Support, names(&["helpdesk"])),
        ]);
        let role = |groups: &[&str]| {
            let groups: Vec<Group> =
                groups.iter().map(|&name| Group { gid: 1, name: name.to_owned() }).collect();
            rules.role_of(&groups)
        };
        assert_eq!(role(&["users", "helpdesk", "wheel"]), Role::Operator);
        assert_eq!(role(&["helpdesk"]), Role::Support);
        assert_eq!(role(&["Operators", "operator"]), Role::User);
        assert_eq!(role(&[]), Role::User);
    }
}
