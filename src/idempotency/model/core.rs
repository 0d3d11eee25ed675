//! The model of Core, and the dice.

use std::collections::BTreeMap;

use super::super::answer::Verdict;

/// A generator of numbers that is the same in every run (xorshift64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    pub(super) fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// A booking at Core.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Booking {
    pub(super) id: u64,
    pub(super) reference: String,
    pub(super) body: &'static str,
}

#[derive(Default)]
pub(super) struct Core {
    pub(super) booked: Vec<Booking>,
    /// Taken in, not stored yet.
    pub(super) queue: Vec<Booking>,
    /// Sent by an object that is gone, not arrived yet.
    pub(super) on_the_wire: Vec<(String, &'static str)>,
    pub(super) ids: u64,
}

impl Core {
    /// Books at once, or takes in for later; as Core does it.
    pub(super) fn take(&mut self, reference: String, body: &'static str, queued: bool) -> (Verdict, Option<Booking>) {
        self.ids += 1;
        let booking = Booking { id: self.ids, reference, body };
        if queued {
            self.queue.push(booking.clone());
            return (Verdict::Queued, Some(booking));
        }
        if self.booked.iter().any(|other| other.reference == booking.reference) {
            return (Verdict::Duplicate, None);
        }
        self.booked.push(booking.clone());
        (Verdict::Done, Some(booking))
    }

    /// Whether a transaction of this reference is booked, or may yet be.
    pub(super) fn knows(&self, reference: &str) -> bool {
        let taken = self.booked.iter().chain(&self.queue).map(|booking| &booking.reference);
        taken.chain(self.on_the_wire.iter().map(|(on_its_way, _)| on_its_way)).any(|known| known == reference)
    }

    /// One queued insert runs; a second one of its reference is dropped without a word.
    pub(super) fn insert_one(&mut self, dice: &mut Dice, seen: &mut BTreeMap<&'static str, u32>) {
        if self.queue.is_empty() {
            return;
        }
        let at = usize::try_from(dice.roll(self.queue.len() as u64)).unwrap();
        let booking = self.queue.remove(at);
        if self.booked.iter().any(|other| other.reference == booking.reference) {
            *seen.entry("dropped").or_insert(0) += 1;
        } else {
            self.booked.push(booking);
        }
    }

    /// What a dead object sent arrives.
    pub(super) fn arrive(&mut self, queued: bool) {
        if let Some((reference, body)) = self.on_the_wire.pop() {
            self.take(reference, body, queued);
        }
    }
}
