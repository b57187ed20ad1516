//! Learning of changed folders without looking at all of them: inotify(7), one instance for many.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};

use crate::error::{SpoolError, at};
use crate::folder::Folder;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Report or lock of this folder changed, or the folder is gone: observe it.
    Folder(Folder),
    /// Events were lost: observe all of them.
    All,
}

/// The folders that are watched; clones share them.
#[derive(Clone)]
pub struct WatchSet {
    inner: Arc<Mutex<Inner>>,
}

/// The changes of the folders in a [`WatchSet`], in their order.
pub struct Changes {
    stream: EventStream<Vec<u8>>,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    watches: Watches,
    folders: HashMap<WatchDescriptor, Folder>,
}

/// Makes an empty set and the stream of its changes. Call within a tokio runtime.
///
/// # Errors
/// When the kernel gives no inotify instance.
pub fn watcher() -> io::Result<(WatchSet, Changes)> {
    let stream = Inotify::init()?.into_event_stream(vec![0; 4096])?;
    let inner = Arc::new(Mutex::new(Inner { watches: stream.watches(), folders: HashMap::new() }));
    Ok((WatchSet { inner: Arc::clone(&inner) }, Changes { stream, inner }))
}

impl WatchSet {
    /// Watches a folder; once is enough, twice does no harm. Observe it after this, not before.
    ///
    /// # Errors
    /// When the folder is not there or the kernel's `fs.inotify.max_user_watches` is reached.
    pub fn add(&self, folder: &Folder) -> Result<(), SpoolError> {
        // The supervisor's death closes its `lock`, which it has open for writing.
        let mask = WatchMask::MOVED_TO | WatchMask::CLOSE_WRITE | WatchMask::DELETE_SELF | WatchMask::ONLYDIR;
        let mut inner = lock(&self.inner);
        let descriptor = at(folder.path(), inner.watches.add(folder.path(), mask))?;
        inner.folders.insert(descriptor, folder.clone());
        Ok(())
    }

    /// Watches a folder no longer.
    pub fn remove(&self, folder: &Folder) {
        let mut inner = lock(&self.inner);
        let found = inner.folders.iter().find(|(_, watched)| *watched == folder);
        if let Some(descriptor) = found.map(|(descriptor, _)| descriptor.clone()) {
            inner.folders.remove(&descriptor);
            // Fails when the folder is gone, and the watch with it.
            let _ = inner.watches.remove(descriptor);
        }
    }
}

impl Changes {
    /// Waits for the next change. May be cancelled and called again.
    ///
    /// # Errors
    /// When the kernel's instance can't be read any more.
    pub async fn next(&mut self) -> io::Result<Change> {
        while let Some(event) = self.stream.next().await {
            if let Some(change) = self.change_of(&event?) {
                return Ok(change);
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn change_of(&self, event: &EventOwned) -> Option<Change> {
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            return Some(Change::All);
        }
        let mut inner = lock(&self.inner);
        if event.mask.contains(EventMask::IGNORED) {
            return inner.folders.remove(&event.wd).map(Change::Folder);
        }
        let of_interest = match event.name.as_ref().and_then(|name| name.to_str()) {
            Some(name) => name == "status.json" || name == "lock",
            None => true,
        };
        of_interest.then(|| inner.folders.get(&event.wd).cloned().map(Change::Folder)).flatten()
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for WatchSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folders: Vec<PathBuf> =
            lock(&self.inner).folders.values().map(|folder| folder.path().to_owned()).collect();
        f.debug_tuple("WatchSet").field(&folders).finish()
    }
}
