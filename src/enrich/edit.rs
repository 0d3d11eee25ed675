//! The edits of a body: what is added where, as the scan finds it and the splice carries it out.

use std::num::NonZeroU64;

use super::reference::Reference;
use super::sent::GivenReference;

pub(super) const PRECISION: &[u8] = b"\"precision\":";
pub(super) const REFERENCE: &[u8] = b"\"reference\":";
const QUOTES: usize = 2;

/// One change of a body: the bytes from `start` up to `end` give way to the addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The transaction's place in its list.
    pub(super) item: usize,
    pub(super) addition: Addition,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addition {
    /// The default precision, as a value.
    Precision,
    /// A new reference, as a value.
    Reference,
    /// Whole members, before a closing brace.
    Members {
        /// Whether the object has a member already.
        comma: bool,
        precision: bool,
        reference: bool,
    },
}

impl Addition {
    /// Its size in bytes, for a default precision of `digits` digits.
    pub(super) fn length(self, digits: usize) -> usize {
        match self {
            Self::Precision => digits,
            Self::Reference => Reference::LENGTH + QUOTES,
            Self::Members { comma, precision, reference } => {
                let precision_length = if precision { PRECISION.len() + digits } else { 0 };
                let reference_length = if reference { REFERENCE.len() + Reference::LENGTH + QUOTES } else { 0 };
                let commas = usize::from(precision && comma) + usize::from(reference && (comma || precision));
                precision_length + reference_length + commas
            }
        }
    }
}

/// How many digits a precision has.
pub(super) fn digits(precision: NonZeroU64) -> usize {
    precision.ilog10() as usize + 1
}

/// What a pass over a body has found.
pub(super) struct Found {
    /// What to put where, in the order of the body.
    pub(super) edits: Vec<Edit>,
    /// The size of the body with its additions, in bytes.
    pub(super) size: usize,
    pub(super) precision_added: Option<NonZeroU64>,
    /// Of a single create.
    pub(super) reference: GivenReference,
}
