//! What counts as sent, which is what Core's decoder sees.
//!
//! Go's `encoding/json` matches a key to a field whatever its case, and takes of several the last one that is not
//! null: a null leaves a number or a string as it was.

use super::json::{JsonKind, Magnitude, Text, Value, decode};

/// A member that decides something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Precision,
    Reference,
    Transactions,
}

/// The longest name of a [`Field`], in letters.
const LONGEST_NAME: usize = 12;
/// The longest escape of one letter: `\u0070`.
const LONGEST_LETTER: usize = 6;

impl Field {
    /// The field that Core would read this key as.
    #[inline]
    pub(super) fn of(key: Text<'_>) -> Option<Self> {
        if key.plain { Self::named(key.raw) } else { Self::folded(key.raw) }
    }

    #[inline]
    fn named(name: &[u8]) -> Option<Self> {
        let is = |field: &[u8]| name.eq_ignore_ascii_case(field);
        match name.len() {
            9 if is(b"precision") => Some(Self::Precision),
            9 if is(b"reference") => Some(Self::Reference),
            12 if is(b"transactions") => Some(Self::Transactions),
            _ => None,
        }
    }

    /// For a key with an escape or beyond ASCII. Of all of Unicode only U+017F (long s) and U+212A (the Kelvin sign)
    /// fold to an ASCII letter, and no name has a k.
    #[cold]
    fn folded(raw: &[u8]) -> Option<Self> {
        if raw.len() > LONGEST_NAME * LONGEST_LETTER {
            return None;
        }
        let mut name = [0; LONGEST_NAME];
        let mut letters = decode(raw);
        let mut length = 0;
        for (place, letter) in name.iter_mut().zip(&mut letters) {
            *place = if letter == '\u{17f}' { b's' } else { u8::try_from(letter).ok()? };
            length += 1;
        }
        if letters.next().is_some() {
            return None;
        }
        Self::named(name.get(..length)?)
    }
}

/// One transaction's members, as far as they decide something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SentFields {
    pub(super) precision: Member,
    pub(super) reference: Member,
}

impl SentFields {
    /// Takes note of one more member, in the order of the document.
    #[inline]
    pub(super) fn note(&mut self, field: Field, value: Value) {
        match field {
            Field::Precision => self.precision.note(value),
            Field::Reference => self.reference.note(value),
            Field::Transactions => {}
        }
    }

    /// The precision that counts, where it is a number, and what Core makes of it.
    pub(super) fn number(&self, body: &[u8]) -> Option<(Value, Magnitude)> {
        let number = self.precision.value.filter(|value| value.kind == JsonKind::Number)?;
        Some((number, Magnitude::of(span(number, body))))
    }
}

/// What was sent for one field of a transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Member {
    /// The one that counts: the last that is not null.
    pub(super) value: Option<Value>,
    /// The last null.
    pub(super) null: Option<Value>,
}

impl Member {
    fn note(&mut self, value: Value) {
        if value.kind == JsonKind::Null {
            self.null = Some(value);
        } else {
            self.value = Some(value);
        }
    }
}

/// The reference that a single create brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenReference {
    /// None, or null.
    Missing,
    /// This text, as Core decodes it.
    Text(String),
    /// Not a string.
    Unreadable,
}

impl GivenReference {
    pub(super) fn of(sent: &SentFields, body: &[u8]) -> Self {
        match sent.reference.value {
            None => Self::Missing,
            Some(value) if value.kind == JsonKind::Text => {
                let quoted = span(value, body);
                Self::Text(decode(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()).collect())
            }
            Some(_) => Self::Unreadable,
        }
    }
}

fn span(value: Value, body: &[u8]) -> &[u8] {
    body.get(value.start..value.end).unwrap_or_default()
}
