//! Table `apps`: launched templates; a deleted one stays for a while so that screens learn of it.

use myksc_core::{App, AppId, AppPhase, Timestamp, UserId};

use crate::db::{Store, Tx, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

const OF_OWNER: &str =
    "SELECT body, revision FROM apps WHERE owner = $1 AND phase <> 'deleted' ORDER BY created_at, id";

impl Tx {
    /// Adds an app and gives it a revision.
    ///
    /// # Errors
    /// A duplicate ([`StoreError::is_duplicate`]) when the owner has another app of this name, or the id is on
    /// record.
    pub async fn insert_app(&mut self, app: &mut App) -> Result<(), StoreError> {
        app.revision = self.next_revision().await?;
        execute!(
            self,
            "INSERT INTO apps (id, owner, name, phase, body, created_at, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            app.id.as_str(),
            app.owner.as_str(),
            app.name.as_str(),
            phase(app),
            body(app)?,
            app.created_at.as_millis(),
            app.revision
        )?;
        Ok(())
    }

    /// Replaces an app that was read at revision `app.revision`, and gives it a new one. False, and nothing is
    /// done, when somebody else has changed it since.
    ///
    /// # Errors
    /// A duplicate ([`StoreError::is_duplicate`]) when the owner has another app of this name.
    pub async fn update_app(&mut self, app: &mut App) -> Result<bool, StoreError> {
        let before = std::mem::replace(&mut app.revision, self.next_revision().await?);
        let changed = execute!(
            self,
            "UPDATE apps SET name = $3, phase = $4, body = $5, revision = $6 WHERE id = $1 AND revision = $2",
            app.id.as_str(),
            before,
            app.name.as_str(),
            phase(app),
            body(app)?,
            app.revision
        )?;
        Ok(changed == 1)
    }

    /// As [`Store::apps_of`], within this transaction.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn apps_of(&mut self, owner: &UserId) -> Result<Vec<App>, StoreError> {
        fetch_all!(self, Row, OF_OWNER, owner.as_str())?.into_iter().map(read).collect()
    }
}

impl Store {
    /// One app, whoever's it is; deleted ones as long as they are on record.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn app(&self, id: &AppId) -> Result<Option<App>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT body, revision FROM apps WHERE id = $1";
        fetch_optional!(reader, Row, sql, id.as_str())?.map(read).transpose()
    }

    /// A person's apps but the deleted ones, the oldest first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn apps_of(&self, owner: &UserId) -> Result<Vec<App>, StoreError> {
        let mut reader = self.reader().await?;
        fetch_all!(reader, Row, OF_OWNER, owner.as_str())?.into_iter().map(read).collect()
    }

    /// Everybody's apps but the deleted ones.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn all_apps(&self) -> Result<Vec<App>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT body, revision FROM apps WHERE phase <> 'deleted' ORDER BY created_at, id";
        fetch_all!(reader, Row, sql)?.into_iter().map(read).collect()
    }

    /// Apps of a person that changed after a revision, deleted ones included, the oldest change first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn apps_changed_since(
        &self,
        owner: &UserId,
        revision: i64,
        limit: u32,
    ) -> Result<Vec<App>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(
            reader,
            Row,
            "SELECT body, revision FROM apps WHERE owner = $1 AND revision > $2 ORDER BY revision LIMIT $3",
            owner.as_str(),
            revision,
            i64::from(limit)
        )?;
        rows.into_iter().map(read).collect()
    }

    /// Forgets deleted apps that were made before a moment.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn forget_deleted_apps(&self, made_before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM apps WHERE phase = 'deleted' AND created_at < $1";
        let forgotten = execute!(tx, sql, made_before.as_millis())?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

type Row = (String, i64);

fn read((body, revision): Row) -> Result<App, StoreError> {
    let app: App = serde_json::from_str(&body).map_err(|error| StoreError::corrupt("apps", error))?;
    Ok(App { revision, ..app })
}

fn body(app: &App) -> Result<String, StoreError> {
    serde_json::to_string(app).map_err(|error| StoreError::corrupt("apps", error))
}

/// The phase in the API's word.
fn phase(app: &App) -> &'static str {
    match app.phase {
        AppPhase::Starting => "starting",
        AppPhase::Ready => "ready",
        AppPhase::Stopping => "stopping",
        AppPhase::Stopped => "stopped",
        AppPhase::Failed => "failed",
        AppPhase::Deleted => "deleted",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use myksc_core::{AppName, Resources};

    use super::*;
    use crate::testing::each_engine;

    pub(crate) fn app(owner: &UserId, name: &str) -> App {
        App {
            id: AppId::random(),
            owner: owner.clone(),
            name: AppName::parse(name).unwrap(),
            template: "jupyter".to_owned(),
            runtime: "local".to_owned(),
            phase: AppPhase::Starting,
            steps: Vec::new(),
            failure: None,
            hold: None,
            auto_stop: None,
            resources: Resources { cpu_millis: 500, memory_bytes: u64::MAX, gpus: 0 },
            limits_by: None,
            values: BTreeMap::from([("greeting".to_owned(), "안녕 'x'".to_owned())]),
            generation: 1,
            created_at: Timestamp::from_millis(1),
            launched_at: Timestamp::from_millis(1),
            ended_at: None,
            revision: 0,
        }
    }

    pub(crate) async fn insert(store: &Store, app: &mut App) -> Result<(), StoreError> {
        let mut tx = store.begin().await.unwrap();
        tx.insert_app(app).await?;
        tx.commit().await
    }

    async fn update(store: &Store, app: &mut App) -> Result<bool, StoreError> {
        let mut tx = store.begin().await.unwrap();
        let changed = tx.update_app(app).await?;
        tx.commit().await.map(|()| changed)
    }

    #[tokio::test]
    async fn an_app_comes_back_as_it_was_written_and_only_to_its_owners_list() {
        each_engine(|store| async move {
            let (kim, lee) = (UserId::random(), UserId::random());
            let mut written = app(&kim, "lab");
            insert(&store, &mut written).await.unwrap();
            assert_eq!(store.app(&written.id).await.unwrap().as_ref(), Some(&written));
            assert_eq!(store.apps_of(&kim).await.unwrap(), [written]);
            assert_eq!(store.apps_of(&lee).await.unwrap(), []);
            assert_eq!(store.app(&AppId::random()).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_name_is_taken_once_a_person_until_its_app_is_deleted() {
        each_engine(|store| async move {
            let kim = UserId::random();
            let mut first = app(&kim, "lab");
            insert(&store, &mut first).await.unwrap();
            insert(&store, &mut app(&UserId::random(), "lab")).await.unwrap();
            assert!(insert(&store, &mut app(&kim, "lab")).await.unwrap_err().is_duplicate());
            let mut other = app(&kim, "other");
            insert(&store, &mut other).await.unwrap();
            other.name = first.name.clone();
            assert!(update(&store, &mut other.clone()).await.unwrap_err().is_duplicate());
            first.phase = AppPhase::Deleted;
            assert!(update(&store, &mut first).await.unwrap());
            assert!(update(&store, &mut other).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn a_deleted_app_is_told_as_a_change_but_listed_no_more() {
        each_engine(|store| async move {
            let kim = UserId::random();
            let mut gone = app(&kim, "gone");
            insert(&store, &mut gone).await.unwrap();
            let before = gone.revision;
            gone.phase = AppPhase::Deleted;
            update(&store, &mut gone).await.unwrap();
            assert_eq!(store.apps_of(&kim).await.unwrap(), []);
            assert_eq!(store.all_apps().await.unwrap(), []);
            assert_eq!(store.apps_changed_since(&kim, before, 10).await.unwrap(), [gone.clone()]);
            assert_eq!(store.apps_changed_since(&kim, gone.revision, 10).await.unwrap(), []);
            assert_eq!(store.apps_changed_since(&UserId::random(), 0, 10).await.unwrap(), []);
            assert_eq!(store.forget_deleted_apps(Timestamp::from_millis(1)).await.unwrap(), 0);
            assert_eq!(store.forget_deleted_apps(Timestamp::from_millis(2)).await.unwrap(), 1);
            assert_eq!(store.app(&gone.id).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn an_update_from_an_old_copy_changes_nothing() {
        each_engine(|store| async move {
            let mut first = app(&UserId::random(), "lab");
            insert(&store, &mut first).await.unwrap();
            let mut second = first.clone();
            first.phase = AppPhase::Ready;
            second.phase = AppPhase::Failed;
            assert!(update(&store, &mut first).await.unwrap());
            assert!(!update(&store, &mut second).await.unwrap());
            assert_eq!(store.app(&first.id).await.unwrap().unwrap().phase, AppPhase::Ready);
        })
        .await;
    }
}
