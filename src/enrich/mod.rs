//! What is added to a transaction body, and how.
//!
//! Core books a transaction without `precision` at 1 (12.5 becomes 13 units, and the answer is 201) and refuses one
//! without `reference`. So a create that leaves one out, or sends null, gets the instance's default precision and a
//! reference of its own; whatever else was sent stays as it was, byte for byte.
//!
//! That is only safe where the proxy reads a body exactly as Core does. In reading order:
//!
//! - `rule`: what an instance wants done.
//! - `sent`: what counts as sent, which is what Core's decoder (Go's `encoding/json`) would see.
//! - `edit`: an addition, and its place in the body.
//! - `scan`: one pass over the body, which finds every transaction and what it lacks.
//! - `reference`: the references that are made, and those that were given.
//! - `splice`: the additions, put between the caller's own bytes.
//! - `asked`: what a completed body asks Core to book, to find it there again; `units`: an amount as Core books it.
//! - `refusal`: why a body is not forwarded.
//! - `json`: the strict reader below them; no recursion, no allocation, linear time.

mod asked;
mod edit;
mod json;
mod reference;
mod refusal;
mod rule;
mod scan;
mod sent;
mod splice;
mod units;

use std::num::NonZeroU64;

use self::edit::Found;
use self::sent::GivenReference;
use self::splice::Splice;

pub use self::asked::{Asked, AskedTransaction, Options, asked, options};
pub use self::reference::{Made, NotAReference, Reference, References};
pub use self::refusal::BodyRefusal;
pub use self::rule::{DefaultPrecision, MAX_DEFAULT_PRECISION, Rule, ZeroPrecision};

/// Where the transactions are in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The top object is the transaction: `POST /transactions`.
    Transaction,
    /// Every object in the top object's `transactions`: `POST /transactions/bulk`.
    Bulk,
}

/// A body that may be forwarded, and what was added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enriched {
    /// The body with the additions; `None` where nothing was added, so that the caller's own bytes go on.
    pub body: Option<Vec<u8>>,
    /// The reference of a single create, or those that were made for a bulk.
    pub references: References,
    /// The default precision, where at least one transaction got it.
    pub precision_added: Option<NonZeroU64>,
}

/// Reads `body` as Core would and adds what its transactions lack.
///
/// `limit` is in bytes and holds before and after the additions. `random` is called once for each reference that is
/// made, in the order of the transactions, and must be unpredictable: a reference is unique only as far as it is.
///
/// # Errors
/// A body that was not understood to its last byte, or that the rule refuses, must not be forwarded. Where several
/// reasons hold, the first of this order is given: too large as sent, malformed, ambiguous, a precision that is
/// required or zero, too large with the additions.
pub fn enrich(
    body: &[u8],
    shape: Shape,
    rule: Rule,
    limit: usize,
    random: impl FnMut() -> [u8; 16],
) -> Result<Enriched, BodyRefusal> {
    Ok(understand(body, shape, rule, limit)?.complete(random))
}

/// The first half of [`enrich`]: reads the body, and builds nothing yet.
///
/// # Errors
/// As [`enrich`].
pub fn understand(body: &[u8], shape: Shape, rule: Rule, limit: usize) -> Result<Understood<'_>, BodyRefusal> {
    if body.len() > limit {
        return Err(BodyRefusal::TooLarge { limit });
    }
    let found = scan::scan(body, shape, rule, limit)?;
    Ok(Understood { body, shape, found })
}

/// A body that may be forwarded once it is completed.
pub struct Understood<'a> {
    body: &'a [u8],
    shape: Shape,
    found: Found,
}

impl Understood<'_> {
    /// How large the completed body will be, in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.found.size
    }

    /// Makes the additions.
    #[must_use]
    pub fn complete(self, random: impl FnMut() -> [u8; 16]) -> Enriched {
        let Self { body, shape, found } = self;
        let Splice { body, made } = splice::splice(body, &found, random);
        let references = match (shape, found.reference) {
            (Shape::Bulk, _) => References::Bulk(made),
            (Shape::Transaction, GivenReference::Missing) => {
                made.first().map_or(References::Unreadable, References::Made)
            }
            (Shape::Transaction, GivenReference::Text(text)) => References::Given(text),
            (Shape::Transaction, GivenReference::Unreadable) => References::Unreadable,
        };
        Enriched { body, references, precision_added: found.precision_added }
    }
}

#[cfg(test)]
mod tests;
