//! The parts of a write, by the outcome of each.

use serde::{Deserialize, Serialize};

use crate::json::Writer;

/// How much was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything, and all of it stands.
    All,
    /// Nothing at all.
    None,
    /// Some, or what no longer stands.
    Some,
}

/// References of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceList {
    /// How many there are.
    pub count: usize,
    /// The first [`ReferenceList::LISTED`] of them.
    pub first: Vec<String>,
}

/// The parts of a request by their outcome: legs, items, refunds, holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// How many there are.
    pub total: usize,
    /// Those that stand.
    pub booked: ReferenceList,
    /// Those that do not: with the three below, and those of which there is no trace.
    pub missing: ReferenceList,
    /// Booked, and taken back again.
    #[serde(default, skip_serializing_if = "ReferenceList::is_empty")]
    pub rolled_back: ReferenceList,
    /// Queued, and refused when their turn came.
    #[serde(default, skip_serializing_if = "ReferenceList::is_empty")]
    pub rejected: ReferenceList,
    /// Under a reference that belongs to another transaction.
    #[serde(default, skip_serializing_if = "ReferenceList::is_empty")]
    pub reference_used: ReferenceList,
}

/// The outcome of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stands.
    Booked,
    /// There is no trace of it.
    Missing,
    /// It was booked, and taken back.
    RolledBack,
    /// It was queued, and refused when its turn came.
    Rejected,
    /// Its reference belongs to another transaction.
    ReferenceUsed,
}

impl ReferenceList {
    /// How many are listed at the most.
    pub const LISTED: usize = 100;

    fn add(&mut self, reference: &str) {
        self.count += 1;
        if self.first.len() < Self::LISTED {
            self.first.push(reference.to_owned());
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the first of them and how many there are.
    pub fn write(&self, name: &str, object: &mut Writer) {
        object.value(name, &self.first);
        object.number(&format!("{name}_count"), self.count as u64);
    }
}

impl Parts {
    /// Adds one part.
    pub fn add(&mut self, reference: &str, part: Part) {
        self.total += 1;
        let why = match part {
            Part::Booked => return self.booked.add(reference),
            Part::Missing => None,
            Part::RolledBack => Some(&mut self.rolled_back),
            Part::Rejected => Some(&mut self.rejected),
            Part::ReferenceUsed => Some(&mut self.reference_used),
        };
        if let Some(why) = why {
            why.add(reference);
        }
        self.missing.add(reference);
    }

    /// How much there is.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let traces = [&self.booked, &self.rolled_back, &self.rejected, &self.reference_used];
        if traces.iter().all(|references| references.is_empty()) {
            Extent::None
        } else if self.missing.is_empty() {
            Extent::All
        } else {
            Extent::Some
        }
    }

    /// How many of how many stand: the header `X-Blnk-Booked`.
    #[must_use]
    pub fn booked_of_total(&self) -> String {
        format!("{}/{}", self.booked.count, self.total)
    }

    /// Adds the outcome of the parts to an object: how many there are, and of each kind the first and their count.
    pub fn write(&self, object: &mut Writer) {
        object.number("total", self.total as u64);
        for (name, references) in [("booked", &self.booked), ("missing", &self.missing)] {
            references.write(name, object);
        }
        let why = [
            ("rolled_back", &self.rolled_back),
            ("rejected", &self.rejected),
            ("reference_used", &self.reference_used),
        ];
        for (name, references) in why.into_iter().filter(|(_, references)| !references.is_empty()) {
            references.write(name, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_there_none_or_some() {
        let of = |found: &[Part]| {
            let mut parts = Parts::default();
            for part in found {
                parts.add("r", *part);
            }
            parts
        };
        for (found, extent, header) in [
            (&[Part::Booked, Part::Booked][..], Extent::All, "2/2"),
            (&[Part::Missing, Part::Missing], Extent::None, "0/2"),
            (&[Part::Booked, Part::Missing], Extent::Some, "1/2"),
            (&[Part::RolledBack], Extent::Some, "0/1"),
            (&[Part::Rejected, Part::Missing], Extent::Some, "0/2"),
            (&[Part::ReferenceUsed], Extent::Some, "0/1"),
            (&[], Extent::None, "0/0"),
        ] {
            let parts = of(found);
            assert_eq!((parts.extent(), parts.booked_of_total().as_str()), (extent, header), "{found:?}");
            assert_eq!(parts.booked.count + parts.missing.count, parts.total);
        }
    }

    #[test]
    fn of_each_kind_the_first_hundred_are_listed() {
        let mut parts = Parts::default();
        (0..250).for_each(|number| parts.add(&number.to_string(), Part::RolledBack));
        assert_eq!((parts.missing.count, parts.missing.first.len()), (250, 100));
        assert_eq!((parts.rolled_back.count, parts.rolled_back.first.len()), (250, 100));
        assert_eq!(parts.rolled_back.first.last().map(String::as_str), Some("99"));
    }
}
