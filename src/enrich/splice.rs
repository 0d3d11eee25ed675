//! The additions, put between the caller's own bytes.

use std::num::NonZeroU64;

use super::reference::{Made, Reference};
use super::scan::Found;

const PRECISION: &[u8] = b"\"precision\":";
const REFERENCE: &[u8] = b"\"reference\":";
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

/// A body with its additions, and the references that were made for it.
pub(super) struct Splice {
    pub(super) body: Option<Vec<u8>>,
    pub(super) made: Made,
}

/// Copies `body` into one buffer of the exact size, with the edits that were found for it.
pub(super) fn splice(body: &[u8], found: &Found, mut random: impl FnMut() -> [u8; 16]) -> Splice {
    let mut made = Made::default();
    if found.edits.is_empty() {
        return Splice { body: None, made };
    }
    let precision = found.precision_added.map(|precision| precision.to_string()).unwrap_or_default();
    let mut out = Vec::with_capacity(found.size);
    let mut copied = 0;
    for edit in &found.edits {
        out.extend_from_slice(body.get(copied..edit.start).unwrap_or_default());
        copied = edit.end;
        let mut reference = |out: &mut Vec<u8>| {
            let reference = Reference::from_random(random());
            made.add(edit.item, reference);
            out.push(b'"');
            reference.write(out);
            out.push(b'"');
        };
        match edit.addition {
            Addition::Precision => out.extend_from_slice(precision.as_bytes()),
            Addition::Reference => reference(&mut out),
            Addition::Members { comma, precision: add_precision, reference: add_reference } => {
                if add_precision {
                    if comma {
                        out.push(b',');
                    }
                    out.extend_from_slice(PRECISION);
                    out.extend_from_slice(precision.as_bytes());
                }
                if add_reference {
                    if comma || add_precision {
                        out.push(b',');
                    }
                    out.extend_from_slice(REFERENCE);
                    reference(&mut out);
                }
            }
        }
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    Splice { body: Some(out), made }
}
