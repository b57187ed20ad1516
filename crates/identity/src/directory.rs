//! The seam to a directory: what the centre has on record about a person, by name.

use myksc_core::Error;

use crate::posix::PosixAccount;
use crate::provider::Answer;

/// A person as her directory has her on record now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the directory calls her for ever, also when her name changes or goes to somebody else.
    pub subject: String,
    /// Her POSIX identity, unchecked: [`crate::People`] says whether it holds.
    pub account: PosixAccount,
    /// Whether the directory locks her.
    pub locked: bool,
}

/// Knows the centre's people: an LDAP server, or what the machine itself is told (NSS).
///
/// Every answer comes within a deadline. A directory that can't be asked, or whose answer can't be read, says
/// [`myksc_core::Error::Unavailable`] with `directory_unavailable`; that is never taken for "there is nobody".
pub trait Directory: Send + Sync {
    /// The person of this account name, spelt exactly so; none when the directory surely has nobody of that name.
    ///
    /// Forbidden with `directory_entry_unusable` when there is one that is no account: several of this name,
    /// or one without UID.
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Entry>>;

    /// The account names that have this UID; a few are enough when there are many.
    fn names_of_uid(&self, uid: u32) -> Answer<'_, Vec<String>>;

    /// Whether the directory shows the portal the account of anybody at all; false also where that can't be told. One
    /// whose people are all gone looks the same as one that took the portal's rights away.
    fn shows_people(&self) -> Answer<'_, bool> {
        Box::pin(async { Ok(false) })
    }

    /// Whether the directory answers at all.
    fn check(&self) -> Answer<'_, ()>;
}

/// A directory can't be asked.
pub(crate) fn unavailable(detail: impl Into<String>) -> Error {
    Error::Unavailable { code: "directory_unavailable", detail: detail.into() }
}

/// What a directory has of a person is no account.
pub(crate) fn unusable(detail: impl Into<String>) -> Error {
    Error::Forbidden { code: "directory_entry_unusable", detail: detail.into() }
}
