//! Tables `app_uses` and `app_watch`: when apps were used last, and until when the portal looked. Written seldom, and
//! without a revision, as it is on no screen.

use myksc_core::{AppId, Timestamp};

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

/// When an app was used last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUse {
    /// Which one.
    pub app: AppId,
    /// The last use.
    pub used_at: Timestamp,
    /// Where its idle time counts from: not before the last use.
    pub idle_from: Timestamp,
}

impl Store {
    /// Takes note of uses, and that the portal has looked until now. An app that is on record no more is left out.
    ///
    /// # Errors
    /// What the engine says; then nothing is noted.
    pub async fn note_app_uses(&self, uses: &[AppUse], watched_until: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for one in uses {
            execute!(
                tx,
                "INSERT INTO app_uses (app, used_at, idle_from)
                 SELECT id, $2, $3 FROM apps WHERE id = $1
                 ON CONFLICT (app) DO UPDATE SET used_at = excluded.used_at, idle_from = excluded.idle_from",
                one.app.as_str(),
                one.used_at.as_millis(),
                one.idle_from.as_millis()
            )?;
        }
        execute!(
            tx,
            "INSERT INTO app_watch (id, watched_until) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET watched_until = excluded.watched_until",
            watched_until.as_millis()
        )?;
        tx.commit().await
    }

    /// What is known of the uses of apps.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn app_uses(&self) -> Result<Vec<AppUse>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT app, used_at, idle_from FROM app_uses";
        fetch_all!(reader, Row, sql)?.into_iter().map(read).collect()
    }

    /// Until when the portal looked at the uses of apps; `None` if it never did.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn apps_watched_until(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, (i64,), "SELECT watched_until FROM app_watch WHERE id = 1")?;
        Ok(row.map(|(millis,)| Timestamp::from_millis(millis)))
    }
}

type Row = (String, i64, i64);

fn read((app, used_at, idle_from): Row) -> Result<AppUse, StoreError> {
    Ok(AppUse {
        app: app.parse().map_err(|error| StoreError::corrupt("app_uses", error))?,
        used_at: Timestamp::from_millis(used_at),
        idle_from: Timestamp::from_millis(idle_from),
    })
}

#[cfg(test)]
mod tests {
    use myksc_core::{AppPhase, UserId};

    use super::*;
    use crate::apps::tests::{app, insert};
    use crate::testing::each_engine;

    #[tokio::test]
    async fn uses_are_replaced_and_go_with_their_app() {
        each_engine(|store| async move {
            let at = |secs: i64| Timestamp::from_millis(1000).plus_secs(secs);
            assert_eq!(store.apps_watched_until().await.unwrap(), None);
            let mut lab = app(&UserId::random(), "lab");
            insert(&store, &mut lab).await.unwrap();
            let used = |app: &AppId, used: i64| AppUse {
                app: app.clone(),
                used_at: at(used),
                idle_from: at(used + 1),
            };
            let gone = AppId::random();
            store.note_app_uses(&[used(&lab.id, 1), used(&gone, 1)], at(5)).await.unwrap();
            store.note_app_uses(&[used(&lab.id, 7)], at(9)).await.unwrap();
            assert_eq!(store.app_uses().await.unwrap(), [used(&lab.id, 7)]);
            assert_eq!(store.apps_watched_until().await.unwrap(), Some(at(9)));
            store.note_app_uses(&[], at(12)).await.unwrap();
            assert_eq!(store.apps_watched_until().await.unwrap(), Some(at(12)));

            lab.phase = AppPhase::Deleted;
            let mut tx = store.begin().await.unwrap();
            assert!(tx.update_app(&mut lab).await.unwrap());
            tx.commit().await.unwrap();
            store.forget_deleted_apps(at(100)).await.unwrap();
            assert_eq!(store.app_uses().await.unwrap(), []);
        })
        .await;
    }
}
