//! Table `notices`: what the centre tells everybody.

use myksc_core::{Notice, NoticeId, Timestamp, Translated};

use crate::db::{Store, execute, fetch_all, fetch_optional};
use crate::error::StoreError;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    text_en: String,
    text_ko: String,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    created_at: i64,
}

impl Store {
    /// Every notice, also those that hold no longer or not yet, the youngest first.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn notices(&self) -> Result<Vec<Notice>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = fetch_all!(reader, Row, "SELECT * FROM notices ORDER BY created_at DESC, id")?;
        rows.into_iter().map(Row::read).collect()
    }

    /// Writes a notice unless there are `most` already; false then.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn insert_notice(&self, notice: &Notice, most: u32) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        // No row of ours holds it; it wakes whoever shows notices, and lets one writer at a time count.
        tx.next_revision().await?;
        let count = fetch_optional!(tx, (i64,), "SELECT COUNT(*) FROM notices")?;
        if count.is_some_and(|(count,)| count >= i64::from(most)) {
            return Ok(false);
        }
        execute!(
            tx,
            "INSERT INTO notices (id, kind, text_en, text_ko, starts_at, ends_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            notice.id.as_str(),
            notice.kind.name(),
            notice.text.en.as_str(),
            notice.text.ko.as_str(),
            notice.starts_at.map(Timestamp::as_millis),
            notice.ends_at.map(Timestamp::as_millis),
            notice.created_at.as_millis()
        )?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a notice; false when there is none of that id.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn remove_notice(&self, id: &NoticeId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        tx.next_revision().await?;
        let deleted = execute!(tx, "DELETE FROM notices WHERE id = $1", id.as_str())?;
        tx.commit().await?;
        Ok(deleted == 1)
    }
}

impl Row {
    fn read(self) -> Result<Notice, StoreError> {
        Ok(Notice {
            id: self.id.parse().map_err(|error| StoreError::corrupt("notices", error))?,
            kind: self.kind.parse().map_err(|error| StoreError::corrupt("notices", error))?,
            text: Translated { en: self.text_en, ko: self.text_ko },
            starts_at: self.starts_at.map(Timestamp::from_millis),
            ends_at: self.ends_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use myksc_core::NoticeKind;

    use super::*;
    use crate::testing::each_engine;

    fn notice(kind: NoticeKind, created_at: i64) -> Notice {
        Notice {
            id: NoticeId::random(),
            kind,
            text: Translated { en: "Disks fail.".to_owned(), ko: "디스크 장애입니다.".to_owned() },
            starts_at: None,
            ends_at: Some(Timestamp::from_millis(created_at + 9)),
            created_at: Timestamp::from_millis(created_at),
        }
    }

    #[tokio::test]
    async fn notices_are_kept_until_they_are_removed_and_wake_who_shows_them() {
        each_engine(|store| async move {
            let (old, young) = (notice(NoticeKind::Failure, 1), notice(NoticeKind::System, 2));
            let mut changes = store.subscribe();
            for notice in [&old, &young] {
                assert!(store.insert_notice(notice, 9).await.unwrap());
                assert!(changes.has_changed().unwrap());
                changes.borrow_and_update();
            }
            assert_eq!(store.notices().await.unwrap(), [young.clone(), old.clone()]);
            assert!(store.remove_notice(&old.id).await.unwrap());
            assert!(changes.has_changed().unwrap());
            assert!(!store.remove_notice(&old.id).await.unwrap());
            assert_eq!(store.notices().await.unwrap(), [young]);
        })
        .await;
    }

    #[tokio::test]
    async fn there_are_no_more_than_may_be() {
        each_engine(|store| async move {
            assert!(store.insert_notice(&notice(NoticeKind::System, 1), 1).await.unwrap());
            assert!(!store.insert_notice(&notice(NoticeKind::System, 2), 1).await.unwrap());
            assert_eq!(store.notices().await.unwrap().len(), 1);
        })
        .await;
    }
}
