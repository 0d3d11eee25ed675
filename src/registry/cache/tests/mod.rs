mod model;

use super::*;

#[derive(Debug, PartialEq)]
struct Record(u64);

impl Revised for Record {
    fn revision(&self) -> u64 {
        self.0
    }

    /// 13 stands for a revision that is revoked.
    fn may_serve_on(&self) -> bool {
        self.0 != 13
    }
}

const LIMITS: CacheLimits = CacheLimits { entries: 10, found_seconds: 30, missing_seconds: 5, stale_seconds: 300 };

fn cache(entries: usize) -> Cache<Record> {
    Cache::new(CacheLimits { entries, ..LIMITS })
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000).plus_seconds(seconds)
}

fn found(lookup: &Cached<Record>) -> Option<u64> {
    match lookup {
        Cached::Found(record) => Some(record.0),
        _ => None,
    }
}

#[test]
fn a_record_is_used_until_its_time_is_over() {
    let mut cache = cache(10);
    assert!(matches!(cache.look("a", at(0)), Cached::Unknown));
    cache.keep("a", Some(Record(1)), at(0));
    assert_eq!(found(&cache.look("a", at(29))), Some(1));
    assert!(matches!(cache.look("a", at(30)), Cached::Unknown));
}

#[test]
fn a_missing_id_is_remembered_for_a_shorter_time() {
    let mut cache = cache(10);
    cache.keep("a", None, at(0));
    assert!(matches!(cache.look("a", at(4)), Cached::Missing));
    assert!(matches!(cache.look("a", at(5)), Cached::Unknown));
}

#[test]
fn an_older_version_never_replaces_a_newer_one() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(7)), at(0));
    let kept = cache.keep("a", Some(Record(6)), at(40)).unwrap();
    assert_eq!(kept.0, 7);
    assert_eq!(found(&cache.look("a", at(41))), Some(7));
    assert_eq!(cache.keep("a", Some(Record(8)), at(80)).unwrap().0, 8);
}

#[test]
fn a_record_that_is_gone_from_kv_is_missing_and_its_revision_is_not_forgotten() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(7)), at(0));
    assert!(cache.keep("a", None, at(31)).is_none());
    assert!(matches!(cache.look("a", at(32)), Cached::Missing));
    assert_eq!(cache.keep("a", Some(Record(6)), at(40)).unwrap().0, 7);
}

#[test]
fn a_new_record_ends_its_being_missing() {
    let mut cache = cache(10);
    cache.keep("a", None, at(0));
    cache.keep("a", Some(Record(1)), at(1));
    assert_eq!(found(&cache.look("a", at(2))), Some(1));
}

#[test]
fn a_flood_of_missing_ids_evicts_no_record_and_stays_bounded() {
    let mut cache = cache(3);
    for id in ["a", "b", "c"] {
        cache.keep(id, Some(Record(1)), at(0));
    }
    for id in 0..1_000 {
        cache.keep(&format!("made-up-{id}"), None, at(0));
    }
    assert!(["a", "b", "c"].iter().all(|id| found(&cache.look(id, at(1))).is_some()));
    assert_eq!(cache.missing.len(), 3);
}

#[test]
fn the_least_recently_used_record_goes_first() {
    let mut cache = cache(2);
    cache.keep("a", Some(Record(1)), at(0));
    cache.keep("b", Some(Record(1)), at(0));
    cache.look("a", at(1));
    cache.keep("c", Some(Record(1)), at(1));
    assert!(found(&cache.look("a", at(1))).is_some());
    assert!(matches!(cache.look("b", at(1)), Cached::Unknown));
}

#[test]
fn zero_entries_or_zero_seconds_switch_it_off() {
    let mut off = cache(0);
    assert_eq!(off.keep("a", Some(Record(1)), at(0)).unwrap().0, 1);
    off.keep("b", None, at(0));
    assert!(matches!(off.look("a", at(0)), Cached::Unknown));
    assert!(matches!(off.look("b", at(0)), Cached::Unknown));
    let mut always = Cache::new(CacheLimits { found_seconds: 0, missing_seconds: 0, ..LIMITS });
    always.keep("a", Some(Record(1)), at(0));
    always.keep("b", None, at(0));
    assert!(matches!(always.look("a", at(0)), Cached::Unknown));
    assert!(matches!(always.look("b", at(0)), Cached::Unknown));
}

fn stale(lookup: &Cached<Record>) -> Option<u64> {
    match lookup {
        Cached::Stale(record) => Some(record.0),
        _ => None,
    }
}

#[test]
fn a_good_record_serves_on_when_kv_fails_until_its_bound_and_no_longer() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(1)), at(0));
    for time in [30, 100, 329] {
        assert!(matches!(cache.look("a", at(time)), Cached::Unknown), "KV is asked first");
        assert!(cache.can_fall_back("a", at(time)));
        assert_eq!(stale(&cache.fall_back("a", at(time))), Some(1));
    }
    assert!(!cache.can_fall_back("a", at(330)));
    assert!(matches!(cache.look("a", at(330)), Cached::Unknown));
    assert!(matches!(cache.fall_back("a", at(330)), Cached::Unknown));
}

#[test]
fn a_stale_record_is_asked_for_by_one_request_now_and_then() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(1)), at(0));
    cache.fall_back("a", at(40));
    assert_eq!(stale(&cache.look("a", at(44))), Some(1));
    assert!(matches!(cache.look("a", at(45)), Cached::Unknown), "one asks");
    assert_eq!(stale(&cache.look("a", at(45))), Some(1), "the others go on");
    assert!(matches!(cache.look("a", at(46)), Cached::Unknown), "its caller hung up: another one asks");
    cache.fall_back("a", at(46));
    assert_eq!(stale(&cache.look("a", at(50))), Some(1));
}

#[test]
fn the_first_answer_ends_being_stale_for_all() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(1)), at(0));
    cache.fall_back("a", at(40));
    cache.keep("a", Some(Record(2)), at(45));
    assert_eq!(found(&cache.look("a", at(46))), Some(2));
    assert_eq!(found(&cache.fall_back("a", at(46))), Some(2), "for those too whose own read failed");
    assert!(matches!(cache.look("a", at(75)), Cached::Unknown), "and KV is asked again by all");
    assert!(matches!(cache.look("a", at(75)), Cached::Unknown));
}

#[test]
fn a_retry_comes_no_later_than_the_next_read_would() {
    let mut cache = Cache::new(CacheLimits { found_seconds: 2, ..LIMITS });
    cache.keep("a", Some(Record(1)), at(0));
    cache.fall_back("a", at(10));
    assert_eq!(stale(&cache.look("a", at(11))), Some(1));
    assert!(matches!(cache.look("a", at(12)), Cached::Unknown));
}

#[test]
fn what_is_known_to_be_revoked_never_serves_on() {
    let mut cache = cache(10);
    cache.keep("a", Some(Record(12)), at(0));
    cache.fall_back("a", at(40));
    cache.keep("a", Some(Record(13)), at(45));
    assert_eq!(found(&cache.look("a", at(46))), Some(13), "it is refused as it is");
    assert!(matches!(cache.fall_back("a", at(80)), Cached::Unknown));
    // An older version from KV brings nothing back.
    cache.keep("a", Some(Record(12)), at(90));
    assert!(matches!(cache.fall_back("a", at(130)), Cached::Unknown));
}

#[test]
fn answers_that_come_late_count_as_of_when_they_were_asked_for() {
    let mut cache = Cache::new(LIMITS);
    cache.keep("a", Some(Record(1)), at(10));
    // Asked for before, and there after: neither makes the record older or younger than it is.
    cache.keep("a", Some(Record(1)), at(5));
    assert!(matches!(cache.look("a", at(39)), Cached::Found(_)));
    cache.distrust("a", at(7));
    assert!(matches!(cache.look("a", at(39)), Cached::Found(_)));
    // What could not be used was asked for last, so what was asked for before it does not undo that.
    cache.distrust("a", at(12));
    cache.keep("a", Some(Record(1)), at(11));
    assert!(matches!(cache.look("a", at(13)), Cached::Unknown));
    assert!(matches!(cache.fall_back("a", at(13)), Cached::Unknown));
    cache.keep("a", Some(Record(2)), at(14));
    assert!(matches!(cache.look("a", at(15)), Cached::Found(_)));
}

#[test]
fn what_was_never_read_is_gone_or_cannot_be_used_never_serves_on() {
    for missing_seconds in [0, 5] {
        let mut cache = Cache::new(CacheLimits { missing_seconds, ..LIMITS });
        assert!(matches!(cache.fall_back("never", at(0)), Cached::Unknown));
        for id in ["gone", "unusable"] {
            cache.keep(id, Some(Record(1)), at(0));
            cache.fall_back(id, at(40));
        }
        cache.keep("gone", None, at(45));
        cache.distrust("unusable", at(45));
        for id in ["gone", "unusable"] {
            assert!(stale(&cache.look(id, at(46))).is_none());
            assert!(matches!(cache.fall_back(id, at(52)), Cached::Unknown), "{id}");
        }
    }
}

#[test]
fn where_every_request_asks_kv_nothing_serves_on() {
    let off = CacheLimits { entries: 0, ..LIMITS };
    let always = CacheLimits { found_seconds: 0, ..LIMITS };
    let never = CacheLimits { stale_seconds: 0, ..LIMITS };
    for (limits, time) in [(off, 1), (off, 40), (always, 0), (always, 40), (never, 30)] {
        let mut cache = Cache::new(limits);
        cache.keep("a", Some(Record(1)), at(0));
        assert!(!cache.can_fall_back("a", at(time)));
        assert!(matches!(cache.fall_back("a", at(time)), Cached::Unknown), "{limits:?}");
    }
}
