//! People whom a provider vouches for: who of them may be a user of the portal, and as which account.

mod change;
mod doubts;
mod provider;
mod refresh;
mod sources;

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::timeout;

use myksc_core::{Error, Result, Role, Timestamp, Translated, User, UserId};
use myksc_store::{Store, VouchedOutcome};

use crate::account::{AccountPolicy, check_name};
use crate::audit::{Actor, audited};
use crate::directory::Directory;
use crate::nss::Nss;
use crate::posix::PosixAccount;
use crate::provider::Authenticated;
use crate::sessions::Sessions;

use change::{change_of, first_sight};
pub use provider::LdapProvider;
pub(crate) use refresh::REFUSED_BY_PROVIDER;
pub use sources::{Directories, RoleRules};

/// What a provider says of a person.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// Id of the provider.
    pub provider: String,
    /// What it calls her for ever.
    pub subject: String,
    /// Her account at the centre.
    pub account: PosixAccount,
    /// What she is at the centre.
    pub role: Role,
}

/// The rules for accounts that come from outside, and where they come from.
#[derive(Clone)]
pub struct PeoplePolicy {
    /// Which UIDs and GIDs people may have.
    pub accounts: AccountPolicy,
    /// Folders below which homes lie; any where there are none.
    pub home_roots: Vec<PathBuf>,
    /// What groups make of people.
    pub roles: RoleRules,
    /// The directories of the centre.
    pub directories: Directories,
}

/// A directory by whose passwords people sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordWay {
    /// Its id.
    pub id: String,
    /// Its name on the sign-in page.
    pub title: Translated,
    /// Whether it answered when it was last asked.
    pub is_available: bool,
}

/// A person may no longer be here: what she runs must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutOut {
    /// Who.
    pub user: UserId,
}

/// The people of the centre; cheap to clone.
#[derive(Clone)]
pub struct People {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    sessions: Sessions,
    policy: PeoplePolicy,
    /// What this machine knows of UIDs, whoever vouches.
    machine: Nss,
    shut_out: broadcast::Sender<ShutOut>,
    /// Directories that did not answer when they were last asked.
    away: Mutex<HashSet<String>>,
    /// What directories said that is not believed yet.
    doubts: Mutex<doubts::Doubts>,
}

/// The name is somebody else's here.
const NAME_TAKEN: &str = "identity_name_taken";
/// Announcements that a slow listener may be behind; it looks at everybody now and then in any case.
const BACKLOG: usize = 1024;
/// How long the machine may take to say whose a UID or a home is.
const MACHINE_TIMEOUT: Duration = Duration::from_secs(5);

impl PeoplePolicy {
    /// With rules for UIDs alone.
    #[must_use]
    pub fn new(accounts: AccountPolicy) -> Self {
        Self {
            accounts,
            home_roots: Vec::new(),
            roles: RoleRules::default(),
            directories: Directories::default(),
        }
    }
}

impl People {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store, sessions: Sessions, policy: PeoplePolicy) -> Self {
        let (shut_out, _) = broadcast::channel(BACKLOG);
        let machine = Nss::new(MACHINE_TIMEOUT);
        let (away, doubts) = (Mutex::default(), Mutex::default());
        let inner = Inner { store, sessions, policy, machine, shut_out, away, doubts };
        Self { inner: Arc::new(inner) }
    }

    /// Tells of everybody who is shut out from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ShutOut> {
        self.inner.shut_out.subscribe()
    }

    /// Says that somebody may no longer be here, and forgets what was verified of her.
    pub(crate) fn announce_shut_out(&self, user: &UserId) {
        self.inner.sessions.remembered().forget_user(user);
        // Nobody listens: whoever does later looks at everybody first.
        let _ = self.inner.shut_out.send(ShutOut { user: user.clone() });
    }

    /// The directory that a provider's people are looked up in; none when nobody was assigned to it.
    #[must_use]
    pub fn directory_of(&self, provider: &str) -> Option<Arc<dyn Directory>> {
        self.inner.policy.directories.of_provider(provider).cloned()
    }

    /// The directories by whose passwords people sign in.
    #[must_use]
    pub fn password_ways(&self) -> Vec<PasswordWay> {
        let way = |(id, title): (&String, &Translated)| PasswordWay {
            id: id.clone(),
            title: title.clone(),
            is_available: self.is_reachable(id),
        };
        self.inner.policy.directories.titles().map(way).collect()
    }

    /// What a person's groups make of her.
    #[must_use]
    pub fn role_of(&self, account: &PosixAccount) -> Role {
        self.inner.policy.roles.role_of(&account.groups)
    }

    /// The user of a person whom a provider vouches for now: made at first sight, brought up to date later. She is
    /// let in again if she was shut out; an operator's lock stays.
    ///
    /// # Errors
    /// Forbidden with the reason as its code. By the rules of accounts: `identity_uid_is_root`,
    /// `identity_uid_is_system`, `identity_uid_is_reserved`, `identity_gid_is_reserved`, `identity_refused`,
    /// `identity_home_outside`. By what others have: `identity_name_taken`, `identity_uid_taken`,
    /// `identity_home_taken`. By what she had before: `identity_name_changed`, `identity_uid_changed`. Unavailable
    /// with `directory_unavailable` when nobody says whose the UID is.
    pub async fn admit(&self, vouched: &Vouched) -> Result<Authenticated> {
        let account = plain_paths(vouched.account.clone());
        self.check(&account)?;
        let found = self.inner.store.user_by_subject(&vouched.provider, &vouched.subject).await?;
        if let Some(found) = found {
            self.check_same(&found.user, &account)?;
            self.check_owner(&vouched.provider, &account, Some(&found.user)).await?;
            let (id, created_at) = (found.user.id, found.user.created_at);
            self.write(&as_user(account, &vouched.provider, vouched.role, id, created_at)).await?;
        } else {
            self.check_owner(&vouched.provider, &account, None).await?;
            let (id, created_at) = (UserId::random(), Timestamp::now());
            let user = as_user(account, &vouched.provider, vouched.role, id, created_at);
            match self.create(&user, &vouched.subject).await {
                // She may have signed in twice at once; whose the name is tells the next look.
                Err(Error::Forbidden { code: NAME_TAKEN, .. }) => {}
                created => created?,
            }
        }
        self.on_record(vouched).await
    }

    /// Ends everything that a person has open here and lets her in no more until she is admitted again. The reason
    /// is a code.
    ///
    /// # Errors
    /// What the database says.
    pub async fn shut_out(&self, user: &UserId, reason: &str) -> Result<()> {
        let name = self.inner.store.user(user).await?.map_or_else(|| user.to_string(), |user| user.name);
        let object = format!("{name} ({reason})");
        let act = async { Ok(self.inner.store.shut_out(user, reason).await?) };
        let ended = audited(&self.inner.store, &Actor::portal(), "shut_out", &object, act).await?;
        for session in ended.unwrap_or_default() {
            self.inner.sessions.announce(session, user.clone());
        }
        tracing::info!(name, reason, "a person was shut out");
        self.announce_shut_out(user);
        Ok(())
    }

    /// Takes back [`People::shut_out`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn let_in(&self, user: &UserId) -> Result<()> {
        Ok(self.inner.store.let_in(user).await?)
    }

    /// Everybody who may not be here, by her directory's word or an operator's, and has an app that runs.
    ///
    /// # Errors
    /// What the database says.
    pub async fn locked_with_apps(&self) -> Result<Vec<User>> {
        Ok(self.inner.store.locked_users_with_apps().await?)
    }

    /// A provider's person of this name, as she is on record.
    async fn of_name(&self, provider: &str, name: &str) -> Result<Option<User>> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let found = self.inner.store.user_by_name(name).await?.map(|found| found.user);
        Ok(found.filter(|user| user.provider == provider))
    }

    fn check(&self, account: &PosixAccount) -> Result<()> {
        let policy = &self.inner.policy;
        if let Err(error) = policy.accounts.check(account) {
            return Err(refused(policy_code(&error), error.to_string()));
        }
        let roots = &policy.home_roots;
        let is_below = |root: &PathBuf| account.home.starts_with(root) && account.home != *root;
        if !roots.is_empty() && !roots.iter().any(is_below) {
            let detail = format!("the home {} lies in none of the folders for homes", account.home.display());
            return Err(refused("identity_home_outside", detail));
        }
        Ok(())
    }

    fn check_same(&self, user: &User, account: &PosixAccount) -> Result<()> {
        if user.name != account.name {
            let detail = format!("the account was called {:?} before", user.name);
            return Err(refused("identity_name_changed", detail));
        }
        if user.uid != account.uid {
            let detail = format!("the account had UID {} before", user.uid);
            return Err(refused("identity_uid_changed", detail));
        }
        Ok(())
    }

    /// Whether UID and home are nobody else's. Who has a UID can change without a word about her, so it is looked at
    /// each time; whose the files of a home are, when it is another home than `before`.
    async fn check_owner(&self, provider: &str, account: &PosixAccount, before: Option<&User>) -> Result<()> {
        self.check_uid_of(provider, account).await?;
        if before.is_none_or(|before| before.home != account.home) {
            self.check_home_of(account).await?;
        }
        Ok(())
    }

    /// Whether nobody else has the UID: on this machine, whose files the name is about, or else in the directory.
    async fn check_uid_of(&self, provider: &str, account: &PosixAccount) -> Result<()> {
        let of_machine = self.inner.machine.names_of_uid(account.uid).await?;
        if of_machine.contains(&account.name) {
            return Ok(());
        }
        let of_directory = match self.directory_of(provider) {
            Some(directory) => directory.names_of_uid(account.uid).await?,
            None => Vec::new(),
        };
        let mut others = of_machine.into_iter().chain(of_directory).filter(|name| *name != account.name);
        match others.next() {
            Some(other) => {
                let detail = format!("UID {} belongs to {other:?}, too", account.uid);
                Err(refused("identity_uid_taken", detail))
            }
            None => Ok(()),
        }
    }

    /// Whether the home, where it is on this machine, is not another person's.
    async fn check_home_of(&self, account: &PosixAccount) -> Result<()> {
        let home = account.home.clone();
        let owner = tokio::task::spawn_blocking(move || std::fs::metadata(home).map(|found| found.uid()));
        // A home that is not there, or on a file server that is away, is nobody's as far as this goes.
        let Ok(Ok(Ok(owner))) = timeout(MACHINE_TIMEOUT, owner).await else { return Ok(()) };
        if owner != account.uid && owner >= self.inner.policy.accounts.min_uid {
            let detail = format!("the home {} belongs to UID {owner}", account.home.display());
            return Err(refused("identity_home_taken", detail));
        }
        Ok(())
    }

    async fn create(&self, user: &User, subject: &str) -> Result<()> {
        let store = &self.inner.store;
        let create = async { refuse_taken(store.create_vouched_user(user, subject).await?, user) };
        audited(store, &Actor::portal(), "admit_user", &first_sight(user), create).await
    }

    /// Writes what a provider says of a person now. What she may by it stands in the audit log where it changes.
    async fn write(&self, user: &User) -> Result<()> {
        let store = &self.inner.store;
        let before = store.user(&user.id).await?;
        let is_let_in = store.standing(&user.id).await?.is_some_and(|standing| standing.shut_out.is_some());
        let write = async { refuse_taken(store.update_vouched_user(user).await?, user) };
        match before.and_then(|before| change_of(&before, user, is_let_in)) {
            Some(change) => audited(store, &Actor::portal(), "update_user", &change, write).await,
            None => write.await,
        }
    }

    async fn on_record(&self, vouched: &Vouched) -> Result<Authenticated> {
        let found = self.inner.store.user_by_subject(&vouched.provider, &vouched.subject).await?;
        let found = found.ok_or_else(|| {
            refused(NAME_TAKEN, format!("{:?} is somebody else's name here", vouched.account.name))
        })?;
        Ok(Authenticated {
            user: found.user,
            credential_revision: found.credential_revision,
            provider_session: None,
        })
    }
}

/// Without `.` and `//`, so that one home is one text.
fn plain_paths(account: PosixAccount) -> PosixAccount {
    let plain = |path: &Path| path.components().collect::<PathBuf>();
    PosixAccount { home: plain(&account.home), shell: plain(&account.shell), ..account }
}

fn as_user(account: PosixAccount, provider: &str, role: Role, id: UserId, created_at: Timestamp) -> User {
    User {
        id,
        name: account.name,
        display_name: account.display_name,
        uid: account.uid,
        gid: account.gid,
        groups: account.groups,
        home: account.home,
        shell: account.shell,
        provider: provider.to_owned(),
        role,
        locked: false,
        created_at,
    }
}

fn refuse_taken(outcome: VouchedOutcome, user: &User) -> Result<()> {
    match outcome {
        VouchedOutcome::Written => Ok(()),
        VouchedOutcome::NameTaken => {
            Err(refused(NAME_TAKEN, format!("{:?} is somebody else's name here", user.name)))
        }
        VouchedOutcome::UidTaken(other) => {
            Err(refused("identity_uid_taken", format!("UID {} belongs to {other:?} here", user.uid)))
        }
        VouchedOutcome::HomeTaken(other) => {
            let detail = format!("the home {} belongs to {other:?} here", user.home.display());
            Err(refused("identity_home_taken", detail))
        }
    }
}

/// The first of the rules that an account breaks.
fn policy_code(error: &Error) -> &'static str {
    let Error::Invalid(problems) = error else { return "identity_refused" };
    match problems.first().map(|problem| problem.code.as_str()) {
        Some("uid_is_root") => "identity_uid_is_root",
        Some("uid_is_system") => "identity_uid_is_system",
        Some("uid_is_reserved") => "identity_uid_is_reserved",
        Some("gid_is_reserved") => "identity_gid_is_reserved",
        _ => "identity_refused",
    }
}

fn refused(code: &'static str, detail: String) -> Error {
    Error::Forbidden { code, detail }
}

#[cfg(test)]
mod tests;
