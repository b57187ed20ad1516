//! Finding apps that the database does not know: it was lost, the apps were not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use myksc_core::{App, AppName, AppPhase, Error, Identity, User};

use crate::apps::Inner;
use crate::control::Intent;
use crate::runtime::Found;

/// Apps whose owner has no account (yet), as the runtime found them.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    found: Mutex<Vec<Found>>,
}

impl Orphans {
    /// Takes out those of an account.
    fn take_of(&self, user: &User) -> Vec<Found> {
        let mut found = self.lock();
        let (own, others) = found.drain(..).partition(|one: &Found| is_of(&one.identity, user));
        *found = others;
        own
    }

    /// Keeps one for later; found again, it is as it was found last.
    fn add(&self, found: Found) {
        let mut kept = self.lock();
        kept.retain(|known| known.app.id != found.app.id);
        kept.push(found);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Looks for apps that the database does not know, and gives them back to their owners' accounts. What has
    /// no owner waits for one.
    pub(crate) async fn find_apps(&self) -> Result<(), Error> {
        let users = self.store.users().await?;
        for found in self.runtime.found().await? {
            if let Some(known) = self.store.app(&found.app.id).await? {
                self.catch_up(known, found.app).await?;
                continue;
            }
            match users.iter().find(|user| is_of(&found.identity, user)) {
                Some(user) => self.adopt(found.app, user).await?,
                None => self.orphans.add(found),
            }
        }
        Ok(())
    }

    /// Brings a record that is behind (the database was restored from a copy) to the generation that runs.
    async fn catch_up(&self, known: App, found: App) -> Result<(), Error> {
        if known.phase == AppPhase::Deleted || known.generation >= found.generation {
            return Ok(());
        }
        tracing::info!(app = %known.id, "an app has been launched since what the database knows");
        let mut app = App { owner: known.owner, name: known.name, revision: known.revision, ..afresh(found) };
        let mut tx = self.store.begin().await?;
        tx.update_app(&mut app).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a person the apps that were found before she had an account.
    pub(crate) async fn adopt_for(&self, user: &User) -> Result<(), Error> {
        let mut own = self.orphans.take_of(user);
        while let Some(found) = own.pop() {
            if let Err(error) = self.adopt(found.app.clone(), user).await {
                own.into_iter().chain([found]).for_each(|found| self.orphans.add(found));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Puts an app on record as if it was on its way; what the runtime sees of it says the rest.
    async fn adopt(&self, found: App, user: &User) -> Result<(), Error> {
        let mut app = App { owner: user.id.clone(), ..afresh(found) };
        for name in names(&app) {
            app.name = name;
            let mut tx = self.store.begin().await?;
            match tx.insert_app(&mut app).await {
                Ok(()) => {
                    // Wakes the control loop, and gives the folder its new owner.
                    self.ask(&mut tx, Intent::Describe, &app).await?;
                    tx.commit().await?;
                    tracing::info!(app = %app.id, user = user.name, "found an app that was not on record");
                    return Ok(());
                }
                Err(error) if error.is_duplicate() => {}
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(app = %app.id, "a found app can't be put on record: its names are taken");
        Ok(())
    }
}

/// As if it was on its way.
fn afresh(app: App) -> App {
    App { phase: AppPhase::Starting, failure: None, hold: None, auto_stop: None, ended_at: None, ..app }
}

/// The ids of a lost database are lost with it; name and numeric id are the person's own.
fn is_of(identity: &Identity, user: &User) -> bool {
    identity.name == user.name && identity.uid == user.uid
}

/// Its own name, and one that nothing else has.
fn names(app: &App) -> impl Iterator<Item = AppName> + use<> {
    let stem: String = app.name.as_str().chars().take(30).collect();
    let tail = &app.id.as_str()[..8];
    let other = AppName::parse(&format!("{stem}-{tail}")).ok();
    std::iter::once(app.name.clone()).chain(other)
}
