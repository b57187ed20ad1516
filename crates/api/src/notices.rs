//! What the centre tells everybody, at hand for every visitor of the sign-in page.

use std::sync::{Arc, Mutex, PoisonError};

use myksc_core::{Error, Notice, NoticeId, Result, Timestamp};
use myksc_store::Store;

/// So many notices there may be; more nobody would read.
pub const MAX_NOTICES: u32 = 50;

/// The notices of the portal; cheap to clone.
#[derive(Clone)]
pub struct Notices {
    store: Store,
    known: Arc<Mutex<Known>>,
}

/// The notices as of a revision of the database.
#[derive(Default)]
struct Known {
    revision: Option<i64>,
    notices: Arc<[Notice]>,
}

impl Notices {
    /// Over the portal's database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// Those that hold now, the most pressing first. Read anew only after something was written; while the database is
    /// away they are as they last were, so that the sign-in page does not wait for it.
    pub(crate) async fn holding(&self) -> Vec<Notice> {
        let now = Timestamp::now();
        let known = self.known().await;
        let mut holding: Vec<_> = known.iter().filter(|notice| notice.holds_at(now)).cloned().collect();
        holding.sort_by_key(|notice| notice.kind);
        holding
    }

    /// The notices as of the newest revision that this process knows of.
    async fn known(&self) -> Arc<[Notice]> {
        let revision = Some(*self.store.subscribe().borrow());
        let kept = self.kept(|known| (known.revision == revision).then(|| Arc::clone(&known.notices)));
        if let Some(notices) = kept {
            return notices;
        }
        match self.store.notices().await {
            Ok(notices) => self.kept(|known| {
                *known = Known { revision, notices: notices.into() };
                Arc::clone(&known.notices)
            }),
            Err(error) => {
                tracing::warn!(%error, "notices can't be read; those that were known are shown");
                self.kept(|known| Arc::clone(&known.notices))
            }
        }
    }

    fn kept<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All of them, the youngest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn all(&self) -> Result<Vec<Notice>> {
        Ok(self.store.notices().await?)
    }

    /// Writes one.
    ///
    /// # Errors
    /// As [`Notice::checked`]; conflict `too_many_notices`.
    pub async fn add(&self, notice: Notice) -> Result<Notice> {
        let notice = notice.checked()?;
        if self.store.insert_notice(&notice, MAX_NOTICES).await? {
            return Ok(notice);
        }
        let detail = format!("there are {MAX_NOTICES} notices; remove one first");
        let params = [("max".to_owned(), MAX_NOTICES.into())].into();
        Err(Error::Conflict { code: "too_many_notices", params, detail })
    }

    /// Removes one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove(&self, id: &NoticeId) -> Result<()> {
        if self.store.remove_notice(id).await? { Ok(()) } else { Err(Error::not_found("notice", id)) }
    }
}
