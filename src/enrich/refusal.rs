//! Why a body is not forwarded.

use thiserror::Error;

/// A body that must not reach Core. The text is for the caller.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BodyRefusal {
    /// Not one JSON object in UTF-8 (RFC 8259), nested at most 10,000 deep, with nothing after it; or one with a
    /// precision so long that Core may misread it.
    #[error("the body cannot be read: expected {expected} at byte {offset}")]
    Malformed {
        /// Where, in bytes from the start of the body.
        offset: usize,
        /// What would have been right there.
        expected: &'static str,
    },
    /// A second member that Core reads as `transactions`; Core would mix the two lists.
    #[error("the body has more than one member that reads as \"transactions\": the second is at byte {offset}")]
    Ambiguous {
        /// Where the second member's key begins, in bytes from the start of the body.
        offset: usize,
    },
    /// Larger than allowed, as sent or with the additions.
    #[error("the body is larger than {limit} bytes, as it was sent or with what is added to it")]
    TooLarge {
        /// The largest size allowed, in bytes.
        limit: usize,
    },
    /// A transaction without precision, where the instance requires one.
    #[error("{} has no precision, and this instance requires one", subject(*.item))]
    PrecisionRequired {
        /// Which of a bulk's transactions, from 0.
        item: Option<usize>,
    },
    /// A transaction whose precision is zero, which Core would book at 1.
    #[error("the precision of {} is zero, which Core would book as 1", subject(*.item))]
    ZeroPrecision {
        /// Which of a bulk's transactions, from 0.
        item: Option<usize>,
    },
}

fn subject(item: Option<usize>) -> String {
    item.map_or_else(|| "the transaction".to_owned(), |item| format!("transactions[{item}]"))
}
