//! The cache against a slow model, over random requests, changes, faults and times.

use proptest::prelude::*;

use super::super::*;

/// How long a request waits for KV before it falls back, and what an ordinary read takes, in milliseconds.
const WAIT: u64 = 500;

#[derive(Clone, Copy, Debug)]
struct Record {
    revision: u64,
    good: bool,
}

impl Revised for Record {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn may_serve_on(&self) -> bool {
        self.good
    }
}

/// What KV does when it is asked.
#[derive(Clone, Copy, Debug)]
enum Kv {
    /// It gives the record as it was so many changes ago.
    Answers { behind: usize },
    /// It has none.
    Missing,
    /// It gives something that cannot be used.
    Unusable,
    /// It fails, or is late.
    Fails,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The record is changed: to a good one, or one that is revoked, disabled or paused.
    Change { id: usize, good: bool },
    /// A request comes, and KV does this if it is asked.
    Request { id: usize, kv: Kv },
}

const IDS: [&str; 3] = ["a", "b", "c"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..IDS.len();
    let kv = prop_oneof![
        4 => (0_usize..3).prop_map(|behind| Kv::Answers { behind }),
        1 => Just(Kv::Missing),
        1 => Just(Kv::Unusable),
        8 => Just(Kv::Fails),
    ];
    let step = prop_oneof![
        2 => prop_oneof![0_u64..400, 400_u64..8_000, 8_000_u64..40_000].prop_map(Step::Pass),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, good)| Step::Change { id, good }),
        5 => (id, kv).prop_map(|(id, kv)| Step::Request { id, kv }),
    ];
    prop::collection::vec(step, 1..120)
}

fn limits() -> impl Strategy<Value = CacheLimits> {
    let entries = prop_oneof![1 => Just(0_usize), 1 => Just(2), 4 => Just(9)];
    let (found, missing) = (prop_oneof![Just(0_u64), 1..12_u64], 0..4_u64);
    let stale = prop_oneof![1 => Just(0_u64), 3 => 1..30_u64];
    (entries, found, missing, stale).prop_map(|(entries, found_seconds, missing_seconds, stale_seconds)| CacheLimits {
        entries,
        found_seconds,
        missing_seconds,
        stale_seconds,
    })
}

/// What was seen of one id.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Each change so far: the truth, which KV may be behind.
    changes: Vec<Record>,
    /// The newest of those that KV gave.
    newest: Option<Record>,
    /// When KV was last asked and gave one, unless it gave something else since.
    read_at: Option<Timestamp>,
    /// When KV last failed, since it last gave one.
    failed_at: Option<Timestamp>,
}

impl Seen {
    /// Whether the newest may be used at `now`, for so many seconds since it was read.
    fn within(&self, seconds: u64, now: Timestamp) -> bool {
        self.read_at.is_some_and(|read_at| now.since(read_at) < seconds * 1_000)
    }

    fn may_serve_on(&self, limits: CacheLimits, now: Timestamp) -> bool {
        limits.found_seconds > 0
            && self.newest.is_some_and(|record| record.good)
            && self.within(limits.found_seconds + limits.stale_seconds, now)
    }

    /// Judges what the cache gave at `now`.
    fn judge(&self, lookup: &Cached<Record>, limits: CacheLimits, now: Timestamp) -> Result<(), TestCaseError> {
        if let Some(record) = lookup.record() {
            let newest = self.newest.expect("what was never read is served");
            prop_assert_eq!(record.revision, newest.revision, "not the newest that was seen");
        }
        match lookup {
            Cached::Found(_) => prop_assert!(self.within(limits.found_seconds, now), "fresh beyond its time"),
            Cached::Stale(_) => {
                prop_assert!(self.may_serve_on(limits, now), "stale beyond the bound, or known to be ended");
                prop_assert!(!self.within(limits.found_seconds, now), "stale though it is fresh");
                prop_assert!(self.failed_at.is_some(), "stale though KV has not failed");
            }
            Cached::Missing | Cached::Unknown => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_is_served_beyond_its_bound_nor_once_it_is_known_to_be_ended_nor_from_before_what_was_seen(
        limits in limits(),
        steps in steps(),
    ) {
        let mut cache = Cache::new(limits);
        let mut seen = vec![Seen { changes: vec![Record { revision: 0, good: true }], ..Seen::default() }; IDS.len()];
        let mut now = Timestamp::from_millis(1_000);
        for step in steps {
            match step {
                Step::Pass(ms) => now = later(now, ms),
                Step::Change { id, good } => {
                    let revision = seen[id].changes.len() as u64;
                    seen[id].changes.push(Record { revision, good });
                }
                Step::Request { id, kv } => {
                    let (name, seen) = (IDS[id], &mut seen[id]);
                    let known = cache.look(name, now);
                    seen.judge(&known, limits, now)?;
                    if let Cached::Stale(_) = known {
                        let failed_at = seen.failed_at.unwrap_or_default();
                        let since = now.since(failed_at);
                        prop_assert!(since < limits.found_seconds.min(RETRY_SECONDS) * 1_000, "not asked for too long");
                    }
                    if matches!(known, Cached::Unknown) {
                        now = ask(&mut cache, name, seen, kv, limits, now)?;
                    }
                }
            }
            prop_assert!(cache.found.len() <= limits.entries && cache.missing.len() <= limits.entries);
        }
    }
}

/// A request asks KV, at `now`; gives the time when it is done.
fn ask(
    cache: &mut Cache<Record>,
    name: &str,
    seen: &mut Seen,
    kv: Kv,
    limits: CacheLimits,
    now: Timestamp,
) -> Result<Timestamp, TestCaseError> {
    let done = later(now, WAIT);
    match kv {
        Kv::Answers { behind } => {
            let record = seen.changes[seen.changes.len().saturating_sub(1 + behind)];
            let kept = cache.keep(name, Some(record), now);
            // Without room, or after an eviction, nothing older is remembered.
            let remembers = limits.entries >= IDS.len();
            let newest = seen.newest.filter(|newest| remembers && newest.revision > record.revision).unwrap_or(record);
            let kept = kept.expect("a record that was read");
            if remembers {
                prop_assert_eq!(kept.revision, newest.revision);
            }
            *seen = Seen { newest: Some(*kept), read_at: Some(now), failed_at: None, ..std::mem::take(seen) };
        }
        Kv::Missing => {
            prop_assert!(cache.keep(name, None, now).is_none());
            seen.read_at = None;
        }
        Kv::Unusable => {
            cache.distrust(name, now);
            seen.read_at = None;
        }
        Kv::Fails => {
            let expected = cache.can_fall_back(name, done);
            let known = cache.fall_back(name, done);
            prop_assert_eq!(expected, known.record().is_some());
            seen.failed_at = Some(done);
            seen.judge(&known, limits, done)?;
            prop_assert!(!matches!(known, Cached::Missing));
            // Nothing that may serve on is refused while there is room for it.
            if limits.entries >= IDS.len() {
                prop_assert_eq!(known.record().is_some(), seen.may_serve_on(limits, done));
            }
        }
    }
    Ok(done)
}

fn later(time: Timestamp, ms: u64) -> Timestamp {
    Timestamp::from_millis(time.millis() + ms)
}
