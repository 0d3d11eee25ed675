//! Why a request was refused.

use crate::error::Error;
use crate::registry::RecordError;
use crate::store::{RecordRow, StoreError};

/// An error for the caller, and what the log says of it beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the caller is told.
    pub error: Error,
    /// What an operator needs to know more.
    pub detail: Option<String>,
}

impl Failure {
    /// The registry cannot answer, and the log says why.
    #[must_use]
    pub fn unavailable(detail: String) -> Self {
        Self { error: Error::AdminUnavailable, detail: Some(detail) }
    }

    /// A stored record cannot be read. The log names it, and nothing of its content.
    #[must_use]
    pub fn unreadable(row: &RecordRow, why: &RecordError) -> Self {
        Self::unavailable(format!("{} {}: {why}", row.kind.as_str(), row.id))
    }

    /// The record's state does not allow what was asked.
    #[must_use]
    pub fn conflict(reason: impl Into<String>) -> Self {
        Error::AdminConflict { reason: reason.into() }.into()
    }

    /// The record, named by its noun, is revoked or deleted: nothing brings it back.
    #[must_use]
    pub fn ended(noun: &str, status: &str) -> Self {
        Self::conflict(format!("The {noun} is {status}, and that is for good"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, detail: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}
