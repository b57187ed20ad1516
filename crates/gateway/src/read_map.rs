//! A map that is read on every request and written seldom: readers take no lock.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

const SHARDS: usize = 64;

/// Shards of immutable maps; a write copies one shard.
pub(crate) struct ReadMap<K, V> {
    hasher: RandomState,
    shards: Vec<ArcSwap<HashMap<K, Arc<V>>>>,
    writing: Mutex<()>,
}

impl<K: Hash + Eq + Clone, V> ReadMap<K, V> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| ArcSwap::from_pointee(HashMap::new())).collect();
        Self { hasher: RandomState::new(), shards, writing: Mutex::new(()) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.shard(key).load().get(key).cloned()
    }

    /// Puts a value in, returns the one that it replaces.
    pub(crate) fn insert(&self, key: K, value: Arc<V>) -> Option<Arc<V>> {
        self.write(&key.clone(), |map| map.insert(key, value))
    }

    pub(crate) fn remove(&self, key: &K) -> Option<Arc<V>> {
        self.write(key, |map| map.remove(key))
    }

    /// Calls `visit` for every entry, shard by shard.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&K, &Arc<V>)) {
        for shard in &self.shards {
            for (key, value) in shard.load().iter() {
                visit(key, value);
            }
        }
    }

    fn shard(&self, key: &K) -> &ArcSwap<HashMap<K, Arc<V>>> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }

    fn write<T>(&self, key: &K, change: impl FnOnce(&mut HashMap<K, Arc<V>>) -> T) -> T {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = self.shard(key);
        let mut map = HashMap::clone(&shard.load());
        let result = change(&mut map);
        shard.store(Arc::new(map));
        result
    }
}
