//! Publication: how a record comes from the registry, which is the truth, to KV, which the request path reads.
//!
//! Two puts of one record that are under way at once may land in either order, and the older one would then stay in KV.
//! So one put a record is under way at a time. A put that is not answered is waited for no longer than [`GIVE_UP_MS`];
//! should it end after all, what KV holds is no longer known and the record is put once more. The rules are here,
//! without I/O; the registry carries them out.

use std::collections::HashMap;

use crate::clock::Timestamp;

/// How long a put keeps others of its record back, in milliseconds.
pub const GIVE_UP_MS: u64 = 60_000;

/// After how many milliseconds what could not be published is tried again, when that failed `failures` times in a row.
#[must_use]
pub const fn retry_after_ms(failures: u32) -> u64 {
    let exponent = if failures > 6 { 6 } else { failures };
    1_000 << exponent
}

/// The puts that are under way, by KV key.
#[derive(Debug, Default)]
pub struct Puts {
    records: HashMap<String, RecordPuts>,
    numbers: u64,
}

/// A put that was begun, to be handed back when it ends.
#[derive(Debug)]
pub struct Put {
    key: String,
    number: u64,
}

/// What is known of a record in KV after a put ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// KV holds what was put.
    Landed,
    /// It may or may not.
    Failed,
    /// The put was given up before it ended, and may have overwritten a newer one: the record must be put once more.
    Late,
}

#[derive(Debug)]
struct RecordPuts {
    under_way: u32,
    latest: u64,
    latest_began: Timestamp,
    latest_ended: bool,
    disturbed: bool,
}

impl Puts {
    /// Begins a put of the record at `key`; `None` where another is under way that is not given up yet.
    pub fn begin(&mut self, key: &str, now: Timestamp) -> Option<Put> {
        let number = self.numbers;
        match self.records.get_mut(key) {
            None => {
                let first = RecordPuts {
                    under_way: 1,
                    latest: number,
                    latest_began: now,
                    latest_ended: false,
                    disturbed: false,
                };
                self.records.insert(key.to_owned(), first);
            }
            Some(record) => {
                if !record.latest_ended && now.since(record.latest_began) < GIVE_UP_MS {
                    return None;
                }
                record.under_way += 1;
                record.latest = number;
                record.latest_began = now;
                record.latest_ended = false;
                record.disturbed = false;
            }
        }
        self.numbers += 1;
        Some(Put { key: key.to_owned(), number })
    }

    /// Takes a put back that ended, well or not, and says what is known now.
    pub fn end(&mut self, put: Put, well: bool) -> Ended {
        let Put { key, number } = put;
        let Some(record) = self.records.get_mut(&key) else { return Ended::Failed };
        record.under_way = record.under_way.saturating_sub(1);
        let ended = if number == record.latest {
            record.latest_ended = true;
            match (well, record.disturbed) {
                (_, true) => Ended::Late,
                (true, false) => Ended::Landed,
                (false, false) => Ended::Failed,
            }
        } else {
            // The latest may be under way still, and land before or after this one did.
            record.disturbed = true;
            Ended::Late
        };
        if record.under_way == 0 {
            self.records.remove(&key);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "instance/a";

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn one_put_of_a_record_is_under_way_at_a_time() {
        let mut puts = Puts::default();
        let first = puts.begin(KEY, at(0)).unwrap();
        assert!(puts.begin(KEY, at(1)).is_none());
        assert!(puts.begin("instance/b", at(1)).is_some(), "another record is not kept back");
        assert_eq!(puts.end(first, true), Ended::Landed);
        assert!(puts.begin(KEY, at(2)).is_some());
    }

    #[test]
    fn a_put_that_failed_does_not_count_as_landed() {
        let mut puts = Puts::default();
        let put = puts.begin(KEY, at(0)).unwrap();
        assert_eq!(puts.end(put, false), Ended::Failed);
        assert!(puts.begin(KEY, at(1)).is_some());
    }

    #[test]
    fn a_put_that_is_never_answered_does_not_keep_the_record_back_for_ever() {
        let mut puts = Puts::default();
        let _hung = puts.begin(KEY, at(0)).unwrap();
        assert!(puts.begin(KEY, at(GIVE_UP_MS - 1)).is_none());
        let second = puts.begin(KEY, at(GIVE_UP_MS)).unwrap();
        assert_eq!(puts.end(second, true), Ended::Landed);
    }

    #[test]
    fn a_given_up_put_that_ends_after_the_newer_one_makes_the_record_be_put_again() {
        let mut puts = Puts::default();
        let old = puts.begin(KEY, at(0)).unwrap();
        let new = puts.begin(KEY, at(GIVE_UP_MS)).unwrap();
        assert_eq!(puts.end(new, true), Ended::Landed);
        assert_eq!(puts.end(old, true), Ended::Late);
        let again = puts.begin(KEY, at(GIVE_UP_MS + 1)).unwrap();
        assert_eq!(puts.end(again, true), Ended::Landed);
    }

    #[test]
    fn a_given_up_put_that_ends_while_the_newer_one_is_under_way_makes_the_record_be_put_again() {
        for old_went_well in [true, false] {
            let mut puts = Puts::default();
            let old = puts.begin(KEY, at(0)).unwrap();
            let new = puts.begin(KEY, at(GIVE_UP_MS)).unwrap();
            assert_eq!(puts.end(old, old_went_well), Ended::Late);
            assert_eq!(puts.end(new, true), Ended::Late);
            let again = puts.begin(KEY, at(GIVE_UP_MS + 1)).unwrap();
            assert_eq!(puts.end(again, true), Ended::Landed);
        }
    }

    #[test]
    fn retries_come_apart_up_to_about_a_minute() {
        let waits: Vec<u64> = (0..9).map(retry_after_ms).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]);
    }
}
