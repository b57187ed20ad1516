//! Changes of an app: another name, its stop, its end.

use myksc_core::{App, AppId, AppName, AppPhase, AutoStopCause, Error, FieldProblem, User};
use myksc_store::StoreError;

use super::Apps;
use crate::control::Intent;

/// How often a change is tried again because somebody else's came between.
pub(super) const MAX_TRIES: usize = 20;

impl Apps {
    /// Gives an app another name.
    ///
    /// # Errors
    /// As [`Apps::get`]; a name that does not hold or is taken.
    pub async fn rename(&self, user: &User, id: &AppId, name: &str) -> Result<App, Error> {
        let name = AppName::parse(name).map_err(Error::invalid)?;
        self.change(user, id, |app| {
            app.name = name.clone();
            Ok(Some(Intent::Describe))
        })
        .await
    }

    /// Asks an app to end; its definition is kept. An app that has ended is left as it is.
    ///
    /// # Errors
    /// As [`Apps::get`].
    pub async fn stop(&self, user: &User, id: &AppId) -> Result<App, Error> {
        self.change(user, id, |app| {
            if !matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                return Ok(None);
            }
            app.phase = AppPhase::Stopping;
            app.auto_stop = None;
            Ok(Some(Intent::Stop))
        })
        .await
    }

    /// Lets an app go on that is about to end because nothing uses it: its idle time counts from now. An end of its
    /// longest life stays.
    ///
    /// # Errors
    /// As [`Apps::get`]; `app_not_running` when it has ended.
    pub async fn keep(&self, user: &User, id: &AppId) -> Result<App, Error> {
        for _ in 0..MAX_TRIES {
            let mut app = self.get(user, id).await?;
            if !matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                return Err(Error::conflict("app_not_running", "the app does not run"));
            }
            // First, so that whatever is thought about its end from here on counts anew.
            self.inner.idleness.keep(id, &self.inner.store).await?;
            let kept = app.auto_stop.filter(|stop| stop.cause != AutoStopCause::Idle);
            if kept == app.auto_stop {
                return Ok(app);
            }
            app.auto_stop = kept;
            let mut tx = self.inner.store.begin().await?;
            if tx.update_app(&mut app).await? {
                tx.commit().await?;
                self.inner.idleness.tell(&app);
                return Ok(app);
            }
        }
        Err(busy())
    }

    /// Asks for an app to be ended and forgotten.
    ///
    /// # Errors
    /// As [`Apps::get`].
    pub async fn delete(&self, user: &User, id: &AppId) -> Result<App, Error> {
        self.change(user, id, |app| {
            if matches!(app.phase, AppPhase::Starting | AppPhase::Ready) {
                app.phase = AppPhase::Stopping;
            }
            Ok(Some(Intent::Delete))
        })
        .await
    }

    /// Changes one of the person's apps together with the intent that follows from it.
    async fn change(
        &self,
        user: &User,
        id: &AppId,
        edit: impl Fn(&mut App) -> Result<Option<Intent>, Error>,
    ) -> Result<App, Error> {
        for _ in 0..MAX_TRIES {
            let mut app = self.get(user, id).await?;
            let Some(intent) = edit(&mut app)? else { return Ok(app) };
            let mut tx = self.inner.store.begin().await?;
            if tx.update_app(&mut app).await.map_err(name_taken)? {
                self.inner.ask(&mut tx, intent, &app).await?;
                tx.commit().await?;
                self.inner.publish_early(&app);
                return Ok(app);
            }
        }
        Err(busy())
    }
}

pub(super) fn name_taken(error: StoreError) -> Error {
    if error.is_duplicate() {
        return Error::invalid(FieldProblem::new("name", "app_name_taken", "you have an app of this name"));
    }
    error.into()
}

pub(super) fn busy() -> Error {
    Error::Unavailable { code: "app_busy", detail: "the app changes too fast, try again".to_owned() }
}
