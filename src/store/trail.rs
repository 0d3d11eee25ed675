//! The size of the audit trail, and which of its lines may go.
//!
//! A line goes only once it was exported, whatever the trail's size: an export gave it out, and whoever asked for that
//! said that it arrived. Two marks say so. Lines that were given out are not changed any more, so that what was
//! exported is what was stored.

use crate::clock::Timestamp;
use crate::json::Writer;

/// How large the trail may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most lines.
    pub rows: u64,
    /// The age in days from which a line is too old.
    pub days: u64,
}

/// A number of a line up to which something is true of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// An export gave them out.
    Given,
    /// They arrived: an administrator said so.
    Exported,
}

impl Mark {
    /// Its name in the table `meta`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Given => "audit_given",
            Self::Exported => "audit_exported",
        }
    }
}

/// The trail's two ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Number and time of some of the oldest lines, oldest first.
    pub oldest: Vec<(u64, Timestamp)>,
    /// The number of the newest line; 0 where there is none.
    pub newest: u64,
}

/// What is to be done about the trail's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// All lines up to this one go.
    pub through: Option<u64>,
    /// Whether more may have to go, of lines that were not looked at.
    pub more: bool,
    /// Where lines that should go cannot, as they were not exported: how many lines the trail has.
    pub waiting: Option<u64>,
}

impl Ends {
    /// What is to be done at this time, where all lines up to `exported` were exported.
    #[must_use]
    pub fn prune(&self, exported: u64, limits: Limits, now: Timestamp) -> Pruning {
        // Numbers have no gaps: only the oldest lines ever go.
        let too_many = |seq: u64| self.newest.saturating_sub(seq) >= limits.rows;
        let too_old = |at: Timestamp| now.since(at) >= limits.days.saturating_mul(86_400_000);
        let over = self.oldest.iter().take_while(|(seq, at)| too_many(*seq) || too_old(*at));
        let over: Vec<u64> = over.map(|(seq, _)| *seq).collect();
        let gone = over.partition_point(|seq| *seq <= exported);
        let all = self.oldest.first().map(|(seq, _)| self.newest.saturating_sub(*seq) + 1);
        Pruning {
            through: over.get(..gone).and_then(<[u64]>::last).copied(),
            more: gone > 0 && gone == self.oldest.len(),
            waiting: all.filter(|_| gone < over.len()),
        }
    }
}

/// The line for the log when lines were pruned.
#[must_use]
pub fn pruned_line(through: u64) -> String {
    event("info", &format!("the audit trail was pruned up to line {through}, which was exported"))
}

/// The line for the log when lines wait for an export.
#[must_use]
pub fn waiting_line(lines: u64) -> String {
    let detail = format!(
        "the audit trail is over its size with {lines} lines; nothing is pruned before it is exported (GET \
         /admin/audit/export)"
    );
    event("warn", &detail)
}

/// The line for the log when pruning failed.
#[must_use]
pub fn failed_line(why: &str) -> String {
    event("warn", &format!("the audit trail could not be pruned: {why}"))
}

fn event(level: &str, detail: &str) -> String {
    Writer::new().text("level", level).text("event", "audit").text("detail", detail).end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { rows: 10, days: 2 };
    const DAY: u64 = 86_400_000;

    fn at(day: u64) -> Timestamp {
        Timestamp::from_millis(day * DAY)
    }

    /// Lines of today with these numbers, of which the oldest `looked_at` are looked at.
    fn lines(numbers: std::ops::RangeInclusive<u64>, looked_at: usize) -> Ends {
        let newest = *numbers.end();
        Ends { oldest: numbers.take(looked_at).map(|seq| (seq, at(100))).collect(), newest }
    }

    #[test]
    fn a_trail_within_its_size_is_left_alone() {
        assert_eq!(Ends::default().prune(0, LIMITS, at(100)), Pruning::default());
        assert_eq!(lines(5..=14, 100).prune(14, LIMITS, at(101)), Pruning::default());
    }

    #[test]
    fn the_lines_over_the_size_go_once_they_were_exported() {
        let pruning = lines(5..=20, 100).prune(20, LIMITS, at(101));
        assert_eq!(pruning, Pruning { through: Some(10), more: false, waiting: None });
    }

    #[test]
    fn lines_that_are_too_old_go_once_they_were_exported_however_few_there_are() {
        let ends = Ends { oldest: vec![(1, at(1)), (2, at(2)), (3, at(3))], newest: 3 };
        assert_eq!(ends.prune(3, LIMITS, at(4)), Pruning { through: Some(2), more: false, waiting: None });
        assert_eq!(ends.prune(3, LIMITS, at(50)), Pruning { through: Some(3), more: true, waiting: None });
    }

    #[test]
    fn what_was_not_exported_stays_and_that_is_told() {
        let ends = lines(5..=20, 100);
        assert_eq!(ends.prune(0, LIMITS, at(101)), Pruning { through: None, more: false, waiting: Some(16) });
        assert_eq!(ends.prune(7, LIMITS, at(101)), Pruning { through: Some(7), more: false, waiting: Some(16) });
        assert_eq!(ends.prune(7, LIMITS, at(500)), Pruning { through: Some(7), more: false, waiting: Some(16) });
    }

    #[test]
    fn a_large_trail_goes_in_batches() {
        let pruning = lines(1..=1_000, 100).prune(900, LIMITS, at(101));
        assert_eq!(pruning, Pruning { through: Some(100), more: true, waiting: None });
    }

    #[test]
    fn the_lines_for_the_log_are_json() {
        for line in [pruned_line(7), waiting_line(9), failed_line("a \"disk\"")] {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["event"], "audit");
        }
    }

    proptest! {
        #[test]
        fn what_goes_was_exported_and_is_over_the_size(
            (first, count, looked_at) in (1_u64..50, 0_u64..60, 0_usize..70),
            (exported, rows, days, today) in (0_u64..120, 0_u64..40, 0_u64..40, 0_u64..60),
        ) {
            let all: Vec<(u64, Timestamp)> = (first..first + count).map(|seq| (seq, at(seq / 2))).collect();
            let newest = all.last().map_or(0, |(seq, _)| *seq);
            let ends = Ends { oldest: all.iter().copied().take(looked_at).collect(), newest };
            let pruning = ends.prune(exported, Limits { rows, days }, at(today));
            let over = |seq: u64, line_at: Timestamp| newest - seq >= rows || at(today).since(line_at) >= days * DAY;
            for (seq, line_at) in &ends.oldest {
                if pruning.through.is_some_and(|through| *seq <= through) {
                    prop_assert!(*seq <= exported && over(*seq, *line_at));
                }
            }
            let is_kept = |seq: u64| pruning.through.is_none_or(|through| seq > through);
            if let Some((seq, line_at)) = ends.oldest.iter().find(|(seq, _)| is_kept(*seq)) {
                prop_assert!(*seq > exported || !over(*seq, *line_at), "nothing is left over that could go");
                prop_assert_eq!(pruning.waiting.is_some(), over(*seq, *line_at));
            }
        }
    }
}
