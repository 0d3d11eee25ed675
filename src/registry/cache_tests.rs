use super::*;

#[derive(Debug, PartialEq)]
struct Record(u64);

impl Revised for Record {
    fn revision(&self) -> u64 {
        self.0
    }
}

fn cache(entries: usize) -> Cache<Record> {
    Cache::new(CacheLimits { entries, found_seconds: 30, missing_seconds: 5 })
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000).plus_seconds(seconds)
}

fn found(lookup: &Lookup<Record>) -> Option<u64> {
    match lookup {
        Lookup::Found(record) => Some(record.0),
        _ => None,
    }
}

#[test]
fn a_record_is_used_until_its_time_is_over() {
    let mut cache = cache(10);
    assert!(matches!(cache.look("a", at(0)), Lookup::Unknown));
    cache.keep("a", Some(Record(1)), at(0));
    assert_eq!(found(&cache.look("a", at(29))), Some(1));
    assert!(matches!(cache.look("a", at(30)), Lookup::Unknown));
}

#[test]
fn a_missing_id_is_remembered_for_a_shorter_time() {
    let mut cache = cache(10);
    cache.keep("a", None, at(0));
    assert!(matches!(cache.look("a", at(4)), Lookup::Missing));
    assert!(matches!(cache.look("a", at(5)), Lookup::Unknown));
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
    assert!(matches!(cache.look("a", at(32)), Lookup::Missing));
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
    assert!(matches!(cache.look("b", at(1)), Lookup::Unknown));
}

#[test]
fn zero_entries_or_zero_seconds_switch_it_off() {
    let mut off = cache(0);
    assert_eq!(off.keep("a", Some(Record(1)), at(0)).unwrap().0, 1);
    off.keep("b", None, at(0));
    assert!(matches!(off.look("a", at(0)), Lookup::Unknown));
    assert!(matches!(off.look("b", at(0)), Lookup::Unknown));
    let mut always = Cache::new(CacheLimits { entries: 9, found_seconds: 0, missing_seconds: 0 });
    always.keep("a", Some(Record(1)), at(0));
    always.keep("b", None, at(0));
    assert!(matches!(always.look("a", at(0)), Lookup::Unknown));
    assert!(matches!(always.look("b", at(0)), Lookup::Unknown));
}
