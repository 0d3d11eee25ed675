//! What a request asks Core to do, as far as Core's records can tell afterwards whether it was done.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::enrich::{Made, Reference, Rule, Shape, asked, options};

/// The most bytes that the list of a create's items may take in storage. An object stores up to 2 MB in one value.
const LARGEST_LIST: usize = 1_500_000;
/// What an item takes beside its texts, in bytes.
const ITEM_OVERHEAD: usize = 80;
/// The longest reference that is looked for, in bytes. Core's index takes about 2,700 of what does not compress.
const LONGEST_REFERENCE: usize = 4_096;
/// The most rows that are looked for: a batch has up to 10,000 items, each of which may have legs.
const MOST_ROWS: usize = 20_000;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// To book transactions.
    Create(Create),
    /// To give transactions back.
    Refund {
        /// Of a transaction, of several with one parent, or of a batch.
        id: String,
    },
    /// To commit or void all that is left of holds.
    Inflight {
        /// Of a transaction, of several with one parent, or of a batch.
        id: String,
        /// What to do with them.
        action: InflightAction,
    },
    /// Anything else: nothing tells afterwards whether it was done.
    Other {
        /// The first references that were made for a bulk that is too large to be looked for, by index.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        made: Vec<(usize, String)>,
    },
}

/// What is done with a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InflightAction {
    /// The money moves.
    Commit,
    /// It is released.
    Void,
}

/// Transactions to be booked: what it takes to find them, and to send them once more just as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "Core's own switches")]
pub struct Create {
    /// Whether it is a batch, which has an answer of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bulk: bool,
    /// Whether Core books after it has answered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queued: bool,
    /// Whether Core takes back what it booked when another part fails.
    #[serde(default, skip_serializing_if = "is_false")]
    pub atomic: bool,
    /// Whether the batch is to be held.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inflight: bool,
    /// The precision rule under which the body was completed.
    pub rule: Rule,
    /// The transactions, in their order.
    pub items: Vec<Item>,
}

/// One transaction to be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its reference.
    pub reference: String,
    /// Whether that was made here, so that no other request can have used it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub made: bool,
    /// Into how many legs Core splits it at the most; 0 where it does not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub legs: usize,
    /// Its currency.
    pub currency: String,
    /// Its amount in units, as decimal digits.
    pub units: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(truth: &bool) -> bool {
    !truth
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Work {
    /// What a create asks for, by its completed body; `made` are the references that were added to it, in their order.
    #[must_use]
    pub fn of_create(body: &[u8], shape: Shape, rule: Rule, made: &[Reference]) -> Self {
        let mut made = made.iter().map(Reference::to_string).peekable();
        let Some(asked) = asked(body, shape) else { return Self::Other { made: Vec::new() } };
        let (mut items, mut first_made, mut traceable) = (Vec::new(), Vec::new(), true);
        let (mut size, mut rows) = (0, 0);
        for (index, transaction) in asked.transactions.into_iter().enumerate() {
            let (Some(reference), Some(currency), Some(units)) =
                (transaction.reference, transaction.currency, transaction.units)
            else {
                // Core refuses it, and a batch with it.
                traceable = false;
                continue;
            };
            let made = made.next_if_eq(&reference).is_some();
            if made && first_made.len() < Made::KEPT {
                first_made.push((index, reference.clone()));
            }
            size += reference.len() + currency.len() + units.len() + ITEM_OVERHEAD;
            // No text with a NUL is ever stored.
            traceable &= reference.len() <= LONGEST_REFERENCE && !reference.contains('\0');
            rows += transaction.legs.max(1);
            traceable &= rows <= MOST_ROWS && size <= LARGEST_LIST;
            if traceable {
                items.push(Item { reference, made, legs: transaction.legs, currency, units });
            }
        }
        if !traceable || items.is_empty() {
            return Self::Other { made: first_made };
        }
        let bulk = shape == Shape::Bulk;
        let (queued, atomic, inflight) = (!asked.skip_queue, asked.atomic, asked.inflight);
        Self::Create(Create { bulk, queued, atomic, inflight, rule, items })
    }

    /// What any other request asks for, by its route's pattern.
    #[must_use]
    pub fn of_other(pattern: &str, path: &str, body: &[u8]) -> Self {
        let other = Self::Other { made: Vec::new() };
        let (Some(id), Some(options)) = (path.rsplit('/').next().map(str::to_owned), options(body)) else {
            return other;
        };
        match pattern {
            "/refund-transaction/:id" => Self::Refund { id },
            // With an amount it may be one of several parts: none of them tells whose it is.
            "/transactions/inflight/:id" if !options.amount => match options.status.as_deref() {
                Some("commit") => Self::Inflight { id, action: InflightAction::Commit },
                Some("void") => Self::Inflight { id, action: InflightAction::Void },
                _ => other,
            },
            _ => other,
        }
    }

    /// Whether Core may do one part of it and not another.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        match self {
            Self::Create(create) => create.bulk || create.items.iter().any(|item| item.legs > 0),
            Self::Refund { .. } | Self::Inflight { .. } => true,
            Self::Other { .. } => false,
        }
    }

    /// What is claimed for this request alone before it is sent (see [`super::claims`]): the references under which
    /// Core would store what the caller names itself, or the transaction that is refunded.
    #[must_use]
    pub fn claims(&self) -> Vec<String> {
        match self {
            Self::Create(create) => create.claims(|item| !item.made),
            Self::Refund { id } => vec![refund_claim(id)],
            Self::Inflight { .. } | Self::Other { .. } => Vec::new(),
        }
    }

    /// Those of a create's claims that are on these references.
    #[must_use]
    pub fn claims_on(&self, references: &[String]) -> Vec<String> {
        let Self::Create(create) = self else { return Vec::new() };
        let references: BTreeSet<&str> = references.iter().map(String::as_str).collect();
        create.claims(|item| !item.made && references.contains(item.reference.as_str()))
    }

    /// How many rows are looked for.
    #[must_use]
    pub fn rows(&self) -> usize {
        let Self::Create(create) = self else { return 1 };
        let rows: usize = create.items.iter().map(|item| item.legs.max(1)).sum();
        if create.queued { 2 * rows } else { rows }
    }
}

/// Whether a request with these [claims](Work::claims) contains a reference twice, directly or among those that Core
/// derives for legs and for queued transactions: Core would book one of them, and drop the other or stop there.
#[must_use]
pub fn names_twice(claims: &[String]) -> bool {
    let distinct: BTreeSet<&String> = claims.iter().collect();
    distinct.len() < claims.len()
}

/// The claim on the refund of a transaction.
#[must_use]
pub fn refund_claim(id: &str) -> String {
    format!("refund:{id}")
}

impl Create {
    /// The references that the caller brought.
    pub fn own_references(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter(|item| !item.made).map(|item| item.reference.as_str())
    }

    /// The references that were made here, in the order in which they were added.
    pub fn made_references(&self) -> impl Iterator<Item = Reference> {
        self.items.iter().filter(|item| item.made).filter_map(|item| item.reference.parse().ok())
    }

    fn claims(&self, meant: impl Fn(&Item) -> bool) -> Vec<String> {
        let claim = |name: String| format!("reference:{name}");
        let of_item = |item: &Item| {
            // Legs of one reference are other rows when they are booked the other way, so that it is claimed itself
            // too.
            let own = (item.legs > 0).then(|| item.reference.clone());
            own.into_iter().chain(item.names(self.queued)).map(claim).collect::<Vec<_>>()
        };
        self.items.iter().filter(|item| meant(item)).flat_map(of_item).collect()
    }

    /// The reference of a single create.
    #[must_use]
    pub fn single(&self) -> Option<&Item> {
        self.items.first().filter(|_| !self.bulk)
    }
}

impl Item {
    /// Every reference under which something of it may be found: those that it is stored as and, of queued ones, those
    /// of their outcomes.
    #[must_use]
    pub fn names(&self, queued: bool) -> Vec<String> {
        let mut names = self.stored_as(queued);
        if queued {
            names.extend(names.clone().iter().map(|name| format!("{name}_q")));
        }
        names
    }

    /// The references under which Core stores it: its own, or those of its legs, whose names say whether it was queued.
    #[must_use]
    pub fn stored_as(&self, queued: bool) -> Vec<String> {
        let mark = if queued { '_' } else { '-' };
        match self.legs {
            0 => vec![self.reference.clone()],
            legs => (1..=legs).map(|leg| format!("{}{mark}{leg}", self.reference)).collect(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
