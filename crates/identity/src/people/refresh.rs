//! Looking people up again for as long as they have something open here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use myksc_core::{Error, Result, User, UserId};
use myksc_store::UserWithPassword;

use super::doubts::{Doubts, Word};
use super::{People, as_user, plain_paths};
use crate::audit::{Actor, audited};
use crate::directory::{Directory, Entry};

/// Lookups at a time, of everybody in a round.
const AT_ONCE: usize = 8;
/// How long after somebody was not found she is looked up once more before that is believed.
const CONFIRM_AFTER: Duration = Duration::from_secs(3);
/// So many people who are gone at once, while nobody is found, may be the directory's fault.
const TOO_MANY_GONE: usize = 3;

/// What the reasons are called for which somebody is shut out, beside the codes of [`People::admit`].
const LOCKED: &str = "identity_locked";
const GONE: &str = "identity_unknown";
const UNREADABLE: &str = "directory_entry_unusable";
/// By the provider that signed her in.
pub(crate) const REFUSED_BY_PROVIDER: &str = "provider";
const REPLACED: &str = "identity_replaced";
/// The site has no provider any more that vouches for her.
const PROVIDER_REMOVED: &str = "provider_removed";

/// What a look at one person came to.
enum Look {
    Found(UserId),
    Gone(Box<UserWithPassword>),
    Unreadable(Box<UserWithPassword>),
    Unasked(UserId),
}

/// What a look at many came to.
#[derive(Default)]
struct Seen {
    found: Vec<UserId>,
    gone: Vec<UserWithPassword>,
    unreadable: Vec<UserWithPassword>,
    unasked: Vec<UserId>,
}

impl People {
    /// Looks everybody up at intervals for as long as it is polled.
    pub async fn keep_fresh(&self, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.refresh(CONFIRM_AFTER.min(every)).await {
                tracing::warn!(%error, "people could not be looked up again");
            }
        }
    }

    /// One round: everybody who has something open here is looked up. What changed is written and holds from her
    /// next launch; whoever is locked, is gone or is refused by the rules is shut out; whoever was shut out and is
    /// none of that is let in. A directory that can't be asked changes nothing. That an entry is no account, or that
    /// three people or more are gone while nobody is found, is believed after [`doubts::ROUNDS`] rounds, and of a
    /// directory that shows nobody at all never. The people of a provider that is configured no longer are shut out;
    /// one whose claims are the accounts is asked about its people itself.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refresh(&self, confirm_after: Duration) -> Result<()> {
        let mut of_directory: BTreeMap<String, Vec<UserWithPassword>> = BTreeMap::new();
        for person in self.inner.store.vouched_users_at_work().await? {
            of_directory.entry(person.user.provider.clone()).or_default().push(person);
        }
        let mut rounds = JoinSet::new();
        for (provider, people) in of_directory {
            let directories = &self.inner.policy.directories;
            if let Some(directory) = directories.of_provider(&provider) {
                let directory = Arc::clone(directory);
                rounds.spawn(self.clone().look_at_all(provider, directory, people, confirm_after));
            } else if !directories.is_by_claims(&provider) {
                for person in &people {
                    self.shut_out_for(person, PROVIDER_REMOVED).await;
                }
            }
        }
        while let Some(ended) = rounds.join_next().await {
            ended.map_err(Error::internal)?;
        }
        self.note_which_answer().await;
        Ok(())
    }

    /// Whether the directory behind a provider answered when it was last asked; true before that.
    #[must_use]
    pub fn is_reachable(&self, provider: &str) -> bool {
        !self.away(|away| away.contains(provider))
    }

    async fn look_at_all(
        self,
        provider: String,
        directory: Arc<dyn Directory>,
        people: Vec<UserWithPassword>,
        confirm_after: Duration,
    ) {
        let seen = self.look_at(&directory, people).await;
        self.note_asked(&seen).await;
        let (gone, unreadable) = self.believed(&provider, &directory, seen).await;
        for person in unreadable {
            self.shut_out_for(&person, UNREADABLE).await;
        }
        if gone.is_empty() {
            return;
        }
        tokio::time::sleep(confirm_after).await;
        for person in self.look_at(&directory, gone).await.gone {
            self.shut_out_for(&person, GONE).await;
        }
    }

    /// Who is gone, and whose entry is no account, as far as the directory is to be believed: the portal's own rights
    /// in it may be what is gone.
    async fn believed(
        &self,
        provider: &str,
        directory: &Arc<dyn Directory>,
        seen: Seen,
    ) -> (Vec<UserWithPassword>, Vec<UserWithPassword>) {
        let is_in = |people: Vec<UserWithPassword>| -> Vec<UserWithPassword> {
            people.into_iter().filter(|person| person.shut_out.is_none()).collect()
        };
        let (gone, unreadable) = (is_in(seen.gone), is_in(seen.unreadable));
        let said = |people: &[UserWithPassword], word| {
            people.iter().map(move |person| (person.user.id.clone(), word)).collect::<Vec<_>>()
        };
        let said = [said(&gone, Word::Gone), said(&unreadable, Word::Unreadable)].concat();
        let settled = self.doubts(|doubts| doubts.note(provider, said, &seen.unasked));
        let of_settled = |people: Vec<UserWithPassword>| -> Vec<UserWithPassword> {
            people.into_iter().filter(|person| settled.contains(&person.user.id)).collect()
        };
        if !seen.found.is_empty() {
            self.doubts(|doubts| doubts.shows_somebody(provider));
            return (gone, of_settled(unreadable));
        }
        let is_too_many = gone.len() >= TOO_MANY_GONE;
        if settled.is_empty() && !is_too_many {
            return (gone, Vec::new());
        }
        let missed = gone.len() + unreadable.len();
        tracing::error!(provider, missed, "a directory has none of its people any more");
        let is_right = !settled.is_empty() && self.shows_somebody_else(provider, directory, missed).await;
        match (is_right, is_too_many) {
            (true, true) => (of_settled(gone), of_settled(unreadable)),
            (true, false) => (gone, of_settled(unreadable)),
            (false, true) => (Vec::new(), Vec::new()),
            (false, false) => (gone, Vec::new()),
        }
    }

    /// Whether a directory that shows none of those who are here shows anybody at all. Where it does not, the operator
    /// is told once, by the audit log.
    async fn shows_somebody_else(
        &self,
        provider: &str,
        directory: &Arc<dyn Directory>,
        missed: usize,
    ) -> bool {
        match directory.shows_people().await {
            Ok(true) => {
                self.doubts(|doubts| doubts.shows_somebody(provider));
                return true;
            }
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(provider, %error, "whether a directory shows anybody is not known");
                return false;
            }
        }
        if self.doubts(|doubts| doubts.must_tell(provider)) {
            let object =
                format!("{provider} ({missed} people are not found, and nobody else; nobody is shut out)");
            let (store, portal) = (&self.inner.store, Actor::portal());
            let told = audited(store, &portal, "directory_shows_nobody", &object, async { Ok(()) });
            if let Err(error) = told.await {
                tracing::error!(%error, "the audit log did not take that a directory shows nobody");
            }
        }
        false
    }

    /// Writes down when the directory said what it knows of these people.
    async fn note_asked(&self, seen: &Seen) {
        let not_found = seen.gone.iter().chain(&seen.unreadable).map(|person| &person.user.id);
        let asked: Vec<UserId> = seen.found.iter().chain(not_found).cloned().collect();
        if let Err(error) = self.inner.store.note_refreshed(&asked).await {
            // Looking goes on with a full disk, too.
            tracing::warn!(%error, "the age of what is known of people could not be noted");
        }
    }

    async fn look_at(&self, directory: &Arc<dyn Directory>, people: Vec<UserWithPassword>) -> Seen {
        let mut looks = JoinSet::new();
        let mut seen = Seen::default();
        let mut note = |look| match look {
            Ok(Look::Found(user)) => seen.found.push(user),
            Ok(Look::Gone(person)) => seen.gone.push(*person),
            Ok(Look::Unreadable(person)) => seen.unreadable.push(*person),
            Ok(Look::Unasked(user)) => seen.unasked.push(user),
            Err(error) => tracing::error!(%error, "a person could not be looked up"),
        };
        for person in people {
            if looks.len() >= AT_ONCE
                && let Some(look) = looks.join_next().await
            {
                note(look);
            }
            looks.spawn(self.clone().look(Arc::clone(directory), person));
        }
        while let Some(look) = looks.join_next().await {
            note(look);
        }
        seen
    }

    async fn look(self, directory: Arc<dyn Directory>, person: UserWithPassword) -> Look {
        match directory.look_up(&person.user.name).await {
            Ok(None) => Look::Gone(Box::new(person)),
            Ok(Some(entry)) => {
                self.compare(&person, entry).await;
                Look::Found(person.user.id)
            }
            Err(error @ Error::Forbidden { .. }) => {
                tracing::warn!(name = person.user.name, %error, "a person's entry can't be read");
                Look::Unreadable(Box::new(person))
            }
            Err(error) => {
                tracing::debug!(name = person.user.name, %error, "a person was not looked up");
                Look::Unasked(person.user.id)
            }
        }
    }

    /// Makes of a person what her directory says now.
    async fn compare(&self, person: &UserWithPassword, entry: Entry) {
        // A provider's own word is taken back by the next sign-in there alone.
        if person.shut_out.as_deref() == Some(REFUSED_BY_PROVIDER) {
            return;
        }
        if entry.locked {
            return self.shut_out_for(person, LOCKED).await;
        }
        let is_directory = self.inner.policy.directories.is_directory(&person.user.provider);
        if is_directory && person.subject.as_deref() != Some(entry.subject.as_str()) {
            return self.shut_out_for(person, REPLACED).await;
        }
        if let Err(error) = self.freshen(person, entry, is_directory).await {
            let name = &person.user.name;
            match error {
                Error::Forbidden { code, .. } => self.shut_out_for(person, code).await,
                error => tracing::warn!(name, %error, "a person could not be brought up to date"),
            }
        }
    }

    async fn freshen(&self, person: &UserWithPassword, entry: Entry, is_directory: bool) -> Result<()> {
        let account = plain_paths(entry.account);
        self.check(&account)?;
        self.check_same(&person.user, &account)?;
        let role = self.inner.policy.roles.role_of(&account.groups);
        // Other providers may have given a role by claims; groups that did not change take none away.
        let keeps_role = !is_directory && self.inner.policy.roles.role_of(&person.user.groups) == role;
        let role = if keeps_role { person.user.role } else { role };
        let before = &person.user;
        let user = as_user(account.clone(), &before.provider, role, before.id.clone(), before.created_at);
        // An operator's lock shows as the same flag and is not of the directory's making.
        let fresh = User { locked: before.locked, ..user };
        if person.shut_out.is_none() && fresh == *before {
            return Ok(());
        }
        self.check_owner(&before.provider, &account, Some(before)).await?;
        let let_in = person.shut_out.is_some();
        self.write(&fresh).await?;
        tracing::info!(name = fresh.name, let_in, "a person's account was brought up to date");
        Ok(())
    }

    async fn shut_out_for(&self, person: &UserWithPassword, code: &'static str) {
        if person.shut_out.is_some() {
            return;
        }
        if let Err(error) = self.shut_out(&person.user.id, code).await {
            tracing::error!(name = person.user.name, %error, "a person could not be shut out; tried again soon");
        }
    }

    /// Asks each directory, so that the sign-in page says which way is open also when nobody is here.
    async fn note_which_answer(&self) {
        for (id, directory) in self.inner.policy.directories.all() {
            let is_away = directory.check().await.is_err();
            self.away(|away| if is_away { away.insert(id.clone()) } else { away.remove(id) });
        }
    }

    fn doubts<T>(&self, change: impl FnOnce(&mut Doubts) -> T) -> T {
        change(&mut self.inner.doubts.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn away<T>(&self, change: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        change(&mut self.inner.away.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
