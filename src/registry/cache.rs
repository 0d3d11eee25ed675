//! The isolate's cache of records: bounded, short-lived, and never going back in time.

use std::rc::Rc;

use lru::LruCache;

use crate::clock::Timestamp;

/// Something that is rewritten with a growing number.
pub trait Revised {
    /// The number of this version; larger is newer.
    fn revision(&self) -> u64;
}

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Entries of each kind (records, and ids known to be missing); 0 switches the cache off.
    pub entries: usize,
    /// Seconds for which a record is used without asking KV; 0 asks every time.
    pub found_seconds: u64,
    /// Seconds for which an id is known to be missing; 0 asks every time.
    pub missing_seconds: u64,
}

/// What the cache knows of an id.
#[derive(Clone, Debug)]
pub enum Lookup<T> {
    /// KV must be asked.
    Unknown,
    /// KV had nothing a moment ago.
    Missing,
    /// The record.
    Found(Rc<T>),
}

struct Entry<T> {
    record: Rc<T>,
    read_at: Timestamp,
}

/// Records by id, least recently used out first. Ids that are missing stand apart from the records, so that a flood of
/// made-up ids evicts nothing good. Plain data: it is never borrowed across an await.
pub struct Cache<T> {
    limits: CacheLimits,
    found: LruCache<Box<str>, Entry<T>>,
    missing: LruCache<Box<str>, Timestamp>,
}

impl<T: Revised> Cache<T> {
    /// An empty cache.
    #[must_use]
    pub fn new(limits: CacheLimits) -> Self {
        // Unbounded maps that `trim` bounds: a bounded `LruCache` reserves all of its memory at once.
        Self { limits, found: LruCache::unbounded(), missing: LruCache::unbounded() }
    }

    /// What is known of `id` at `now`.
    pub fn look(&mut self, id: &str, now: Timestamp) -> Lookup<T> {
        if let Some(entry) = self.found.get(id)
            && now.since(entry.read_at) < self.limits.found_seconds.saturating_mul(1_000)
        {
            return Lookup::Found(Rc::clone(&entry.record));
        }
        match self.missing.get(id) {
            Some(read_at) if now.since(*read_at) < self.limits.missing_seconds.saturating_mul(1_000) => Lookup::Missing,
            _ => Lookup::Unknown,
        }
    }

    /// Takes in what KV answered at `now`, and returns what to go by: KV may answer with an older version than one that
    /// was seen here before, and then the newer one stays.
    pub fn keep(&mut self, id: &str, read: Option<T>, now: Timestamp) -> Option<Rc<T>> {
        let Some(record) = read else {
            if self.limits.entries > 0 && self.limits.missing_seconds > 0 {
                // A record that was here and is gone from KV is refused: nothing of ours removes one.
                if let Some(entry) = self.found.get_mut(id) {
                    entry.read_at = Timestamp::default();
                }
                self.missing.put(id.into(), now);
                trim(&mut self.missing, self.limits.entries);
            }
            return None;
        };
        let record = match self.found.peek(id) {
            Some(entry) if entry.record.revision() > record.revision() => Rc::clone(&entry.record),
            _ => Rc::new(record),
        };
        if self.limits.entries > 0 {
            self.missing.pop(id);
            self.found.put(id.into(), Entry { record: Rc::clone(&record), read_at: now });
            trim(&mut self.found, self.limits.entries);
        }
        Some(record)
    }
}

fn trim<K: std::hash::Hash + Eq, V>(entries: &mut LruCache<K, V>, limit: usize) {
    while entries.len() > limit {
        entries.pop_lru();
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
