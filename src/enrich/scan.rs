//! One pass over a body: which transactions lack what, and where the additions go.

use super::edit::{Addition, Edit, Found, digits};
use super::json::{Closed, Cursor, JsonKind, Magnitude, Malformed, Value};
use super::sent::{Field, GivenReference, SentFields};
use super::{BodyRefusal, DefaultPrecision, Rule, Shape, ZeroPrecision};

/// Reads the whole of `body`, which is not larger than `limit`.
pub(super) fn scan(body: &[u8], shape: Shape, rule: Rule, limit: usize) -> Result<Found, BodyRefusal> {
    let mut cursor = Cursor::new(body);
    let mut scan = Scan::new(body, rule, limit);
    let read = match shape {
        Shape::Transaction => scan.single(&mut cursor),
        Shape::Bulk => scan.bulk(&mut cursor),
    };
    read.and_then(|()| cursor.end())
        .map_err(|Malformed { offset, expected }| BodyRefusal::Malformed { offset, expected })?;
    match scan.refusal {
        Some(refusal) => Err(refusal),
        None if scan.found.size > limit => Err(BodyRefusal::TooLarge { limit }),
        None => Ok(scan.found),
    }
}

struct Scan<'a> {
    body: &'a [u8],
    rule: Rule,
    limit: usize,
    found: Found,
    /// The first reason to refuse a body that is well formed; the pass goes on, as it may not be.
    refusal: Option<BodyRefusal>,
    /// Whether no edit that may follow can bring the size back under the limit.
    too_large: bool,
}

impl<'a> Scan<'a> {
    fn new(body: &'a [u8], rule: Rule, limit: usize) -> Self {
        Self {
            body,
            rule,
            limit,
            found: Found {
                edits: Vec::new(),
                size: body.len(),
                precision_added: None,
                reference: GivenReference::Missing,
            },
            refusal: None,
            too_large: false,
        }
    }

    fn single(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Malformed> {
        only_object(cursor)?;
        let sent = self.transaction(cursor, None)?;
        self.found.reference = GivenReference::of(&sent, self.body);
        Ok(())
    }

    fn bulk(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Malformed> {
        only_object(cursor)?;
        let mut seen = false;
        cursor.object(|cursor, key| {
            if Field::of(key) != Some(Field::Transactions) {
                return cursor.value().map(|_| ());
            }
            if seen {
                // It outranks what an item did: with two lists it is not clear what an item is.
                if !matches!(self.refusal, Some(BodyRefusal::Ambiguous { .. })) {
                    self.refusal = Some(BodyRefusal::Ambiguous { offset: key.start });
                }
                return cursor.value().map(|_| ());
            }
            seen = true;
            self.transactions(cursor)
        })?;
        Ok(())
    }

    /// The value of `transactions`. Core refuses it where it is no list, and a list with an item that is no object.
    fn transactions(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Malformed> {
        if cursor.kind()? != JsonKind::Array {
            return cursor.value().map(|_| ());
        }
        let mut item = 0;
        cursor.array(|cursor| {
            if cursor.kind()? == JsonKind::Object {
                self.transaction(cursor, Some(item))?;
            } else {
                cursor.value()?;
            }
            item += 1;
            Ok(())
        })
    }

    fn transaction(&mut self, cursor: &mut Cursor<'a>, item: Option<usize>) -> Result<SentFields, Malformed> {
        let mut sent = SentFields::default();
        let closed = cursor.object(|cursor, key| {
            let field = Field::of(key);
            let value = cursor.value()?;
            if let Some(field) = field {
                sent.note(field, value);
            }
            Ok(())
        })?;
        self.settle(&sent, closed, item)?;
        Ok(sent)
    }

    /// Decides what one transaction gets.
    fn settle(&mut self, sent: &SentFields, closed: Closed, item: Option<usize>) -> Result<(), Malformed> {
        let zero = match sent.number(self.body) {
            Some((number, Magnitude::TooLong)) => {
                return Err(Malformed { offset: number.start, expected: "a precision of at most 800 characters" });
            }
            Some((number, Magnitude::Zero)) => Some(number),
            Some((_, Magnitude::Other)) | None => None,
        };
        if zero.is_some() && self.rule.zero_precision == ZeroPrecision::Refuse {
            self.refusal.get_or_insert(BodyRefusal::ZeroPrecision { item });
            return Ok(());
        }
        let zero = zero.filter(|_| self.rule.zero_precision == ZeroPrecision::Default);
        let lacks_precision = sent.precision.value.is_none() || zero.is_some();
        if lacks_precision {
            match self.rule.default_precision {
                DefaultPrecision::Add(precision) => self.found.precision_added = Some(precision),
                DefaultPrecision::Require => {
                    self.refusal.get_or_insert(BodyRefusal::PrecisionRequired { item });
                    return Ok(());
                }
            }
        }
        // A zero that counts is replaced where it stands: what comes after it can only be null,
        // and stays without effect. Of several nulls the last is replaced, so that a reader who
        // takes the last member agrees.
        let precision = Lack::of(lacks_precision, zero.or(sent.precision.null));
        let reference = Lack::of(sent.reference.value.is_none(), sent.reference.null);
        self.add(closed, item.unwrap_or_default(), precision, reference);
        Ok(())
    }

    /// Adds to one transaction what it lacks.
    fn add(&mut self, closed: Closed, item: usize, precision: Lack, reference: Lack) {
        let in_place = |lack: Lack, addition| match lack {
            Lack::Value(Value { start, end, .. }) => Some(Edit { start, end, item, addition }),
            Lack::Member | Lack::Nothing => None,
        };
        let members = Edit {
            start: closed.brace,
            end: closed.brace,
            item,
            addition: Addition::Members {
                comma: !closed.empty,
                precision: precision == Lack::Member,
                reference: reference == Lack::Member,
            },
        };
        let mut edits =
            [in_place(precision, Addition::Precision), in_place(reference, Addition::Reference), Some(members)];
        edits.sort_unstable_by_key(|edit| edit.map(|edit| edit.start));
        for edit in edits.into_iter().flatten() {
            self.push(edit);
        }
    }

    fn push(&mut self, edit: Edit) {
        let digits = self.found.precision_added.map_or(0, digits);
        let length = edit.addition.length(digits);
        if length == 0 || self.too_large {
            return;
        }
        self.found.size = self.found.size.saturating_add(length).saturating_sub(edit.end - edit.start);
        // Even if all that is left of the body were replaced by nothing. So the list of edits stays bounded.
        let removable = self.body.len().saturating_sub(edit.end);
        self.too_large = self.found.size.saturating_sub(removable) > self.limit;
        self.found.edits.push(edit);
    }
}

/// Whether a transaction lacks a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    Nothing,
    /// It is there, but with this value, which has to give way.
    Value(Value),
    /// It is not there.
    Member,
}

impl Lack {
    fn of(lacks: bool, instead_of: Option<Value>) -> Self {
        match (lacks, instead_of) {
            (false, _) => Self::Nothing,
            (true, Some(value)) => Self::Value(value),
            (true, None) => Self::Member,
        }
    }
}

/// Makes sure that the body begins with an object.
fn only_object(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    match cursor.kind() {
        Ok(JsonKind::Object) => Ok(()),
        _ => Err(cursor.expected("an object")),
    }
}
