//! A directory reached by LDAP (RFC 4511), over TLS alone: looking people up and telling whether somebody's password
//! is right, by signing in as her.

mod config;
mod entry;
mod servers;

use std::sync::Arc;

use ldap3::{Scope, SearchEntry};
use secrecy::{ExposeSecret as _, SecretString};

use myksc_core::{Error, Result, Timestamp};

use crate::account::check_name;
use crate::directory::{Directory, Entry, unavailable, unusable};
use crate::posix::group_name_of;
use crate::provider::Answer;

pub use config::{Attributes, LdapConfig, LdapConfigError, ServiceAccount};

use config::fill;
use entry::Person;
use servers::{Found, Search, Servers};

/// Most groups of one person.
const MAX_GROUPS: i32 = 1000;
/// Names that are looked at when a UID has several, and people when any will do.
const MAX_NAMES: i32 = 16;
/// Any entry.
const ANYTHING: &str = "(objectClass=*)";
/// Asks for no attributes (RFC 4511, 4.5.1.8).
const NOTHING: &str = "1.1";

/// An LDAP directory; cheap to clone.
#[derive(Clone)]
pub struct LdapDirectory {
    inner: Arc<Inner>,
}

struct Inner {
    config: LdapConfig,
    servers: Servers,
    asked_for: Vec<String>,
}

impl LdapDirectory {
    /// Sees that the configuration holds; no server is asked yet.
    ///
    /// # Errors
    /// When a URL, filter or file can't be used.
    pub fn new(config: LdapConfig) -> Result<Self, LdapConfigError> {
        let servers = Servers::new(&config)?;
        let asked_for = Person::asked_for(&config.attributes);
        Ok(Self { inner: Arc::new(Inner { config, servers, asked_for }) })
    }

    /// The person, if she is not locked and the directory lets her in by this password. Before it did, nothing tells
    /// whether there is anybody of this name, nor in which state her entry is.
    ///
    /// # Errors
    /// As [`Directory::look_up`].
    pub async fn authenticate(&self, name: &str, password: &SecretString) -> Result<Option<Entry>> {
        let found = match self.inner.find(name).await {
            Err(error @ Error::Forbidden { .. }) => {
                tracing::warn!(name, %error, "nobody can sign in by this name");
                None
            }
            found => found?,
        };
        let password = SecretString::from(password.expose_secret());
        let Some(found) = found else {
            // Nobody's password takes a connection and an answer, too.
            self.inner.bind(self.inner.nobody(), password).await?;
            return Ok(None);
        };
        if !self.inner.bind(found.dn.clone(), password).await? {
            return Ok(None);
        }
        Ok(Some(self.inner.read(name, &found).await?).filter(|entry| !entry.locked))
    }
}

impl Directory for LdapDirectory {
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Entry>> {
        Box::pin(async move {
            match self.inner.find(name).await? {
                Some(found) => self.inner.read(name, &found).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn names_of_uid(&self, uid: u32) -> Answer<'_, Vec<String>> {
        Box::pin(self.inner.names_of_uid(uid))
    }

    fn shows_people(&self) -> Answer<'_, bool> {
        Box::pin(self.inner.shows_people())
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(self.inner.see_base())
    }
}

impl Inner {
    /// The entry of the person of this name, unread.
    async fn find(&self, name: &str) -> Result<Option<SearchEntry>> {
        // What is no name can't be anybody's, and is not sent.
        if check_name(name).is_err() {
            return Ok(None);
        }
        let filter = fill(&self.config.person_filter, &[("{name}", name)]);
        let found = self.people(filter, self.asked_for.clone(), 2).await?;
        let mut found = found
            .filter(|found| found.len() < 2)
            .ok_or_else(|| unusable(format!("the directory has several people by the name of {name:?}")))?;
        let Some(found) = found.pop() else {
            // Rights that were taken away look the same as a person who left.
            self.see_base().await?;
            return Ok(None);
        };
        let is_hers = Person::new(&found, &self.config.attributes).is_called(name);
        Ok(Some(found).filter(|_| is_hers))
    }

    /// What an entry says of the person of this name.
    async fn read(&self, name: &str, found: &SearchEntry) -> Result<Entry> {
        let person = Person::new(found, &self.config.attributes);
        // Where the directory keeps her is nothing for the answer to a browser.
        let broken = |reason: String| {
            tracing::warn!(name, dn = found.dn, reason, "an entry of the directory is no account");
            unusable(format!("the directory's entry of {name:?} is no account: {reason}"))
        };
        let mut account = person.account(name).map_err(broken)?;
        let locked = person.is_locked(Timestamp::now()).map_err(broken)? || self.is_locked(&found.dn).await?;
        let groups = self.groups(name, &found.dn, account.gid).await?;
        account.groups = entry::groups(&groups, &self.config.attributes, account.gid, group_name_of);
        Ok(Entry { subject: person.subject(), account, locked })
    }

    async fn groups(&self, name: &str, dn: &str, gid: u32) -> Result<Vec<SearchEntry>> {
        let gid = gid.to_string();
        let attributes = &self.config.attributes;
        let search = Search {
            base: self.config.groups_base.clone(),
            scope: Scope::Subtree,
            filter: fill(&self.config.groups_filter, &[("{name}", name), ("{gid}", &gid), ("{dn}", dn)]),
            attributes: vec![attributes.group_name.clone(), attributes.gid_number.clone()],
            most: MAX_GROUPS,
        };
        match self.search(search).await? {
            Found::Entries(entries) => Ok(entries),
            Found::TooMany(_) => Err(unusable(format!("{name:?} is in more than {MAX_GROUPS} groups"))),
            Found::NoBase => Err(no_base(&self.config.groups_base)),
        }
    }

    async fn is_locked(&self, dn: &str) -> Result<bool> {
        let Some(filter) = &self.config.locked_filter else { return Ok(false) };
        let search = Search {
            base: dn.to_owned(),
            scope: Scope::Base,
            filter: filter.clone(),
            attributes: vec![NOTHING.to_owned()],
            most: 1,
        };
        match self.search(search).await? {
            Found::Entries(entries) => Ok(!entries.is_empty()),
            Found::TooMany(_) => Ok(true),
            // She went between two questions; the next look tells.
            Found::NoBase => Err(unavailable("the entry went away while it was read")),
        }
    }

    async fn names_of_uid(&self, uid: u32) -> Result<Vec<String>> {
        let attributes = &self.config.attributes;
        let filter = format!("({}={uid})", attributes.uid_number);
        let found = self.people(filter, vec![attributes.name.clone()], MAX_NAMES).await?;
        let found = found.ok_or_else(|| unusable(format!("UID {uid} has more than {MAX_NAMES} names")))?;
        let names = found.iter().flat_map(|found| Person::new(found, attributes).names());
        Ok(names.cloned().collect())
    }

    /// Whether the portal sees an account of somebody, with all that an account needs.
    async fn shows_people(&self) -> Result<bool> {
        let attributes = &self.config.attributes;
        let search = Search {
            base: self.config.people_base.clone(),
            scope: Scope::Subtree,
            filter: format!("(&({}=*)({}=*))", attributes.name, attributes.uid_number),
            attributes: self.asked_for.clone(),
            most: MAX_NAMES,
        };
        let (Found::Entries(found) | Found::TooMany(found)) = self.search(search).await? else {
            return Err(no_base(&self.config.people_base));
        };
        Ok(found.iter().any(|found| {
            let person = Person::new(found, attributes);
            person.names().first().is_some_and(|name| person.account(name).is_ok())
        }))
    }

    /// The people that a filter finds; none when they are more than `most`.
    async fn people(
        &self,
        filter: String,
        attributes: Vec<String>,
        most: i32,
    ) -> Result<Option<Vec<SearchEntry>>> {
        let base = self.config.people_base.clone();
        let search = Search { base, scope: Scope::Subtree, filter, attributes, most };
        match self.search(search).await? {
            Found::Entries(entries) => Ok(Some(entries)),
            Found::TooMany(_) => Ok(None),
            Found::NoBase => Err(no_base(&self.config.people_base)),
        }
    }

    async fn see_base(&self) -> Result<()> {
        let base = self.config.people_base.clone();
        let attributes = vec![NOTHING.to_owned()];
        let search = Search { base, scope: Scope::Base, filter: ANYTHING.to_owned(), attributes, most: 1 };
        match self.search(search).await? {
            Found::Entries(entries) if !entries.is_empty() => Ok(()),
            _ => Err(no_base(&self.config.people_base)),
        }
    }

    async fn search(&self, search: Search) -> Result<Found> {
        self.servers.search(search).await.map_err(|_| no_answer())
    }

    async fn bind(&self, dn: String, password: SecretString) -> Result<bool> {
        self.servers.bind(dn, password).await.map_err(|_| no_answer())
    }

    /// The entry of nobody.
    fn nobody(&self) -> String {
        format!("{}=-,{}", self.config.attributes.name, self.config.people_base)
    }
}

fn no_answer() -> Error {
    unavailable("no server of the directory answers")
}

fn no_base(base: &str) -> Error {
    tracing::error!(base, "the directory does not show this entry to the portal");
    unavailable("the directory does not show the portal what it has to see")
}

#[cfg(test)]
pub(crate) mod slapd;
#[cfg(test)]
mod tests;
