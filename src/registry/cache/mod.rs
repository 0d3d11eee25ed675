//! The isolate's cache of records: bounded, short-lived, and never going back in time.
//!
//! When KV fails, a record that was good when it was last read serves on for a while ([`Cache::fall_back`]). From then
//! on it is [`Cached::Stale`], and KV is asked for it now and then only, by one request at a time; the first answer
//! ends that.

use std::rc::Rc;

use lru::LruCache;

use crate::clock::Timestamp;

/// Something that is rewritten with a growing number.
pub trait Revised {
    /// The number of this version; larger is newer.
    fn revision(&self) -> u64;
    /// Whether it may serve on while KV fails. One that opens nothing may not: its end is known, and what comes after
    /// is not.
    fn may_serve_on(&self) -> bool;
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
    /// Seconds for which a good record serves on beyond `found_seconds` while KV fails; 0 for none. Where every request
    /// is to ask KV (`entries` or `found_seconds` is 0) there is nothing that could serve on.
    pub stale_seconds: u64,
}

/// While KV fails, a stale record is used for so many seconds before KV is asked for it again: an outage then costs one
/// request in that time its wait. Never longer than `found_seconds`, so that after an outage changes count as soon as
/// ever.
const RETRY_SECONDS: u64 = 5;

/// For how many seconds the others go on with a stale record while one request asks KV for it: longer than that one
/// waits, and not much, as its caller may hang up.
const ASKING_SECONDS: u64 = 1;

/// What the cache knows of an id.
#[derive(Clone, Debug)]
pub enum Cached<T> {
    /// KV must be asked.
    Unknown,
    /// KV had nothing a moment ago.
    Missing,
    /// The record.
    Found(Rc<T>),
    /// The record as it was when KV last answered.
    Stale(Rc<T>),
}

impl<T> Cached<T> {
    /// The record, where there is one.
    #[must_use]
    pub fn record(&self) -> Option<&Rc<T>> {
        match self {
            Self::Found(record) | Self::Stale(record) => Some(record),
            Self::Missing | Self::Unknown => None,
        }
    }
}

struct Entry<T> {
    record: Rc<T>,
    /// When KV was last asked and gave it. None where KV has given something else since: then only its revision counts.
    read_at: Option<Timestamp>,
    /// While KV fails: from when on it is asked again.
    retry_at: Option<Timestamp>,
    /// When KV was last asked and gave something that cannot be used. What it was asked for before that no longer
    /// counts.
    distrusted_at: Option<Timestamp>,
}

impl<T: Revised> Entry<T> {
    fn is_fresh(&self, limits: CacheLimits, now: Timestamp) -> bool {
        self.is_within(limits.found_seconds, now)
    }

    fn serves_on(&self, limits: CacheLimits, now: Timestamp) -> bool {
        limits.found_seconds > 0
            && self.is_within(limits.found_seconds.saturating_add(limits.stale_seconds), now)
            && self.record.may_serve_on()
    }

    fn is_within(&self, seconds: u64, now: Timestamp) -> bool {
        self.read_at.is_some_and(|read_at| now.since(read_at) < seconds.saturating_mul(1_000))
    }

    fn retry_after(&mut self, seconds: u64, limits: CacheLimits, now: Timestamp) {
        self.retry_at = Some(now.plus_seconds(seconds.min(limits.found_seconds)));
    }
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

    /// What is known of `id` at `now`. Who gets `Unknown` must read KV. Of a stale record's callers, one in each retry
    /// interval does.
    pub fn look(&mut self, id: &str, now: Timestamp) -> Cached<T> {
        let limits = self.limits;
        if let Some(entry) = self.found.get_mut(id) {
            if entry.is_fresh(limits, now) {
                return Cached::Found(Rc::clone(&entry.record));
            }
            if let Some(retry_at) = entry.retry_at
                && entry.serves_on(limits, now)
            {
                if now < retry_at {
                    return Cached::Stale(Rc::clone(&entry.record));
                }
                entry.retry_after(ASKING_SECONDS, limits, now);
            }
        }
        match self.missing.get(id) {
            Some(read_at) if now.since(*read_at) < self.limits.missing_seconds.saturating_mul(1_000) => Cached::Missing,
            _ => Cached::Unknown,
        }
    }

    /// Takes in what KV answered at `now`, and returns what to go by: KV may answer with an older version than one that
    /// was seen here before, and then the newer one stays. `now` is when KV was asked, as the answer may be as old.
    pub fn keep(&mut self, id: &str, read: Option<T>, now: Timestamp) -> Option<Rc<T>> {
        let Some(record) = read else {
            // A record that was here and is no longer in KV is refused: blnk-edge never removes one.
            self.distrust(id, now);
            if self.limits.entries > 0 && self.limits.missing_seconds > 0 {
                self.missing.put(id.into(), now);
                trim(&mut self.missing, self.limits.entries);
            }
            return None;
        };
        let before = self.found.peek(id);
        let record = match before {
            Some(entry) if entry.record.revision() > record.revision() => Rc::clone(&entry.record),
            _ => Rc::new(record),
        };
        // Answers may come late, and in another order than they were asked for.
        let distrusted_at = before.and_then(|entry| entry.distrusted_at).filter(|at| *at > now);
        let later = before.and_then(|entry| entry.read_at).filter(|read_at| *read_at > now);
        if self.limits.entries > 0 {
            let read_at = if distrusted_at.is_some() { None } else { later.or(Some(now)) };
            self.missing.pop(id);
            self.found.put(id.into(), Entry { record: Rc::clone(&record), read_at, retry_at: None, distrusted_at });
            trim(&mut self.found, self.limits.entries);
        }
        Some(record)
    }

    /// KV gave something that cannot be used: what was known of `id` counts no more, for that may be what ended it.
    /// KV was asked at `at`.
    pub fn distrust(&mut self, id: &str, at: Timestamp) {
        // What was asked for later has been given since.
        if let Some(entry) = self.found.get_mut(id).filter(|entry| entry.read_at.is_none_or(|read_at| read_at <= at)) {
            entry.read_at = None;
            entry.distrusted_at = entry.distrusted_at.max(Some(at));
        }
    }

    /// Whether there would be something to fall back on if KV failed at `then`.
    #[must_use]
    pub fn can_fall_back(&self, id: &str, then: Timestamp) -> bool {
        self.found.peek(id).is_some_and(|entry| entry.serves_on(self.limits, then))
    }

    /// KV failed, or was late, and it is `now`: what to go by all the same; unknown where that is nothing.
    pub fn fall_back(&mut self, id: &str, now: Timestamp) -> Cached<T> {
        let limits = self.limits;
        match self.found.get_mut(id) {
            // Another request read it meanwhile.
            Some(entry) if entry.is_fresh(limits, now) => Cached::Found(Rc::clone(&entry.record)),
            Some(entry) if entry.serves_on(limits, now) => {
                entry.retry_after(RETRY_SECONDS, limits, now);
                Cached::Stale(Rc::clone(&entry.record))
            }
            _ => Cached::Unknown,
        }
    }
}

fn trim<K: std::hash::Hash + Eq, V>(entries: &mut LruCache<K, V>, limit: usize) {
    while entries.len() > limit {
        entries.pop_lru();
    }
}

#[cfg(test)]
mod tests;
