//! The people that the machine itself knows, by its name service (nsswitch.conf(5)): files, SSSD or whatever the
//! site has set up.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getgrouplist};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use myksc_core::user::Group;
use myksc_core::{Error, Result, Timestamp};

use crate::account::check_name;
use crate::directory::{Directory, Entry, unavailable};
use crate::posix::{DEFAULT_SHELL, PosixAccount};
use crate::provider::Answer;

/// Lookups at a time; the name service blocks a thread for as long as its back ends take.
const AT_ONCE: usize = 8;
const SHADOW_FILE: &str = "/etc/shadow";
const DAY_SECS: i64 = 24 * 3600;

/// The machine's name service; cheap to clone.
#[derive(Clone)]
pub struct Nss {
    gate: Arc<Semaphore>,
    timeout: Duration,
}

impl Nss {
    /// With a deadline for each question.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { gate: Arc::new(Semaphore::new(AT_ONCE)), timeout }
    }

    /// Asks on a thread of its own. A thread that hangs keeps its place, so that no more than [`AT_ONCE`] ever do.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Errno> + Send + 'static,
    ) -> Result<T> {
        let slow = |_| unavailable("the machine's name service does not answer");
        let asked = async {
            let place = Arc::clone(&self.gate).acquire_owned().await.map_err(Error::internal)?;
            let answer = tokio::task::spawn_blocking(move || {
                let _place = place;
                question()
            });
            // A back end that is away is an error, somebody it does not know is none (nss(5)).
            answer.await.map_err(Error::internal)?.map_err(|error| {
                tracing::warn!(%error, "the machine's name service failed");
                unavailable(format!("the machine's name service says: {error}"))
            })
        };
        timeout(self.timeout, asked).await.map_err(slow)?
    }
}

impl Directory for Nss {
    fn look_up<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Entry>> {
        Box::pin(async move {
            if check_name(name).is_err() {
                return Ok(None);
            }
            let name = name.to_owned();
            self.ask(move || entry(&name)).await
        })
    }

    fn names_of_uid(&self, uid: u32) -> Answer<'_, Vec<String>> {
        Box::pin(self.ask(move || {
            let found = nix::unistd::User::from_uid(Uid::from_raw(uid))?;
            Ok(found.map(|found| found.name).into_iter().collect())
        }))
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(self.ask(|| nix::unistd::User::from_uid(Uid::from_raw(0)).map(|_| ())))
    }
}

fn entry(name: &str) -> Result<Option<Entry>, Errno> {
    // Back ends that do not tell case apart answer with the name as they have it.
    let Some(found) = nix::unistd::User::from_name(name)?.filter(|found| found.name == name) else {
        return Ok(None);
    };
    let (uid, gid) = (found.uid.as_raw(), found.gid.as_raw());
    let groups = groups(&found.name, found.gid)?;
    let full_name = found.gecos.to_string_lossy();
    let full_name = full_name.split(',').next().unwrap_or_default().trim();
    let display_name = if full_name.is_empty() { found.name.clone() } else { full_name.to_owned() };
    let shell = if found.shell.as_os_str().is_empty() { DEFAULT_SHELL.into() } else { found.shell };
    let account = PosixAccount { name: found.name, display_name, uid, gid, groups, home: found.dir, shell };
    // The name service knows no other number of a person for ever.
    Ok(Some(Entry { subject: format!("uid:{uid}"), account, locked: is_expired(name) }))
}

/// All groups, the primary one first, the others by number.
fn groups(name: &str, primary: Gid) -> Result<Vec<Group>, Errno> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let mut gids = getgrouplist(&name, primary)?;
    gids.retain(|gid| *gid != primary);
    gids.sort_by_key(|gid| gid.as_raw());
    gids.dedup();
    std::iter::once(primary).chain(gids).map(named).collect()
}

/// A group that has no name goes by its number.
fn named(gid: Gid) -> Result<Group, Errno> {
    let found = nix::unistd::Group::from_gid(gid)?;
    let name = found.map_or_else(|| gid.to_string(), |group| group.name);
    Ok(Group { gid: gid.as_raw(), name })
}

/// Whether the account is over by the shadow file (shadow(5)), which only root and its group can read; a locked
/// password alone is none of that, since it keeps nobody out who signs in another way (usermod(8)).
fn is_expired(name: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(SHADOW_FILE) else { return false };
    is_expired_in(&text, name, Timestamp::now())
}

fn is_expired_in(shadow: &str, name: &str, now: Timestamp) -> bool {
    let mut lines = shadow.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let day =
        lines.find(|fields| fields.first() == Some(&name)).and_then(|fields| fields.get(7)?.parse().ok());
    day.is_some_and(|day: i64| day >= 0 && now.as_millis() / 1000 / DAY_SECS >= day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posix::own_account;

    fn nss() -> Nss {
        Nss::new(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn the_machine_knows_its_people_by_name_and_number() {
        let (nss, own) = (nss(), own_account());
        nss.check().await.unwrap();
        let entry = nss.look_up(&own.name).await.unwrap().expect("whoever runs the tests");
        let ids =
            |account: &PosixAccount| (account.name.clone(), account.uid, account.gid, account.home.clone());
        assert_eq!(ids(&entry.account), ids(&own));
        assert_eq!(entry.subject, format!("uid:{}", own.uid));
        assert_eq!(entry.account.groups[0], own.groups[0]);
        assert_eq!(nss.names_of_uid(own.uid).await.unwrap(), [own.name]);
    }

    #[tokio::test]
    async fn who_is_not_there_is_no_error() {
        for name in ["nobody-of-that-name", "", "kim\0", "kim:x", "../kim", "0"] {
            assert_eq!(nss().look_up(name).await.unwrap(), None, "{name:?}");
        }
        assert_eq!(nss().names_of_uid(4_000_000_123).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_name_service_that_hangs_is_away_and_takes_no_more_threads_than_it_may() {
        let nss = Nss::new(Duration::from_millis(20));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        for _ in 0..AT_ONCE + 3 {
            let held = Arc::clone(&held);
            let answer = nss.ask(move || held.lock().unwrap().recv().map_err(|_| Errno::EIO)).await;
            assert!(
                matches!(answer, Err(Error::Unavailable { code: "directory_unavailable", .. })),
                "{answer:?}"
            );
        }
        assert_eq!(nss.gate.available_permits(), 0);
        drop(release);
        // Those that hung are over, and the next is answered.
        let _ = nss.gate.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
        Nss { timeout: Duration::from_secs(10), ..nss }.check().await.unwrap();
    }

    #[test]
    fn an_account_is_over_on_its_day() {
        let shadow =
            "root:*:19000:0:99999:7:::\nkim:!:19000:0:99999:7::1:\nlee:$y$:19000:0:99999:7::30000:\n";
        let now = Timestamp::from_millis(20_000 * DAY_SECS * 1000);
        let over = |name| is_expired_in(shadow, name, now);
        assert!(over("kim") && !over("lee") && !over("root") && !over("seo"));
    }
}
