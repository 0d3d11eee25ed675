//! The references that are made, and those that were given.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::{Builder, Uuid};

const PREFIX: &str = "ref_";

/// A reference made here: `ref_` and a UUID version 4, which is how Core writes its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference(Uuid);

impl Reference {
    /// The length of its text, in bytes.
    pub const LENGTH: usize = PREFIX.len() + uuid::fmt::Hyphenated::LENGTH;

    /// Makes a reference of 16 random bytes (122 of their bits are kept).
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(random).into_uuid())
    }

    /// The bytes that [`Reference::from_random`] makes this very reference of again.
    #[must_use]
    pub fn into_random(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Appends its text, which no JSON string has to escape.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
        out.extend_from_slice(PREFIX.as_bytes());
        out.extend_from_slice(self.0.hyphenated().encode_lower(&mut buffer).as_bytes());
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", self.0.hyphenated())
    }
}

/// A text that is not a [`Reference`] made here.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a reference made here")]
pub struct NotAReference;

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let uuid = text.strip_prefix(PREFIX).ok_or(NotAReference)?;
        let reference = Self(Uuid::try_parse(uuid).map_err(|_| NotAReference)?);
        // The parser reads other spellings too, and other versions; neither was made here.
        let same = Self::from_random(reference.into_random()) == reference && reference.to_string() == text;
        same.then_some(reference).ok_or(NotAReference)
    }
}

/// The references of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum References {
    /// A single create that brought none: this one was added.
    Made(Reference),
    /// A single create that brought its own, as Core decodes it; it may be empty.
    Given(String),
    /// A single create whose reference is not a string; Core refuses it.
    Unreadable,
    /// A bulk: the references that were added.
    Bulk(Made),
}

impl References {
    /// The reference of a single create that was added here.
    #[must_use]
    pub fn made(&self) -> Option<Reference> {
        match self {
            Self::Made(reference) => Some(*reference),
            Self::Given(_) | Self::Unreadable | Self::Bulk(_) => None,
        }
    }
}

/// The references that were made for one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    kept: Vec<(usize, Reference)>,
    count: usize,
}

impl Made {
    /// How many are kept at most; a list of all would outgrow any answer it is sent in.
    pub const KEPT: usize = 1_000;

    /// The first [`Made::KEPT`], each with the index of its transaction, in order.
    pub fn kept(&self) -> impl Iterator<Item = (usize, Reference)> + '_ {
        self.kept.iter().copied()
    }

    /// How many were made, kept or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, item: usize, reference: Reference) {
        self.count += 1;
        if self.kept.len() < Self::KEPT {
            self.kept.push((item, reference));
        }
    }

    pub(super) fn first(&self) -> Option<Reference> {
        self.kept.first().map(|&(_, reference)| reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_ref_and_a_version_4_uuid() {
        assert_eq!(Reference::from_random([0; 16]).to_string(), "ref_00000000-0000-4000-8000-000000000000");
        assert_eq!(Reference::from_random([0xff; 16]).to_string(), "ref_ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn what_is_written_is_what_is_displayed() {
        let reference = Reference::from_random(*b"0123456789abcdef");
        let mut out = Vec::new();
        reference.write(&mut out);
        assert_eq!(out, reference.to_string().into_bytes());
        assert_eq!(out.len(), Reference::LENGTH);
    }

    #[test]
    fn a_reference_made_here_reads_back_and_repeats() {
        let reference = Reference::from_random(*b"0123456789abcdef");
        assert_eq!(reference.to_string().parse(), Ok(reference));
        assert_eq!(Reference::from_random(reference.into_random()), reference);
    }

    #[test]
    fn a_reference_of_another_kind_is_not_one_made_here() {
        for text in [
            "",
            "ref_",
            "00000000-0000-4000-8000-000000000000",
            "ref_00000000-0000-1000-8000-000000000000",
            "ref_000000000000400080000000000000aa",
            "ref_{00000000-0000-4000-8000-000000000000}",
            "ref_A0000000-0000-4000-8000-000000000000",
        ] {
            assert_eq!(text.parse::<Reference>(), Err(NotAReference), "{text}");
        }
    }

    #[test]
    fn only_the_first_thousand_are_kept_but_all_are_counted() {
        let mut made = Made::default();
        for item in 0..1_500 {
            made.add(item, Reference::from_random([1; 16]));
        }
        assert_eq!(made.count(), 1_500);
        assert_eq!(made.kept().map(|(item, _)| item).collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    }
}
