//! Why a request was refused.

use std::string::FromUtf8Error;

use super::MAX_BODY_BYTES;
use super::body::Faults;
use crate::error::Error;
use crate::http::BodyError;
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

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Faults::one("body", format!("must be at most {MAX_BODY_BYTES} bytes")),
            BodyError::NoRoom => Error::Busy,
            BodyError::Incomplete => Faults::one("body", "broke off or did not come in time"),
        }
        .into()
    }
}

impl From<FromUtf8Error> for Failure {
    fn from(_: FromUtf8Error) -> Self {
        Faults::one("body", "must be JSON in UTF-8").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(failure: impl Into<Failure>) -> String {
        match failure.into().error {
            Error::AdminInvalidRequest { fields } => {
                fields.into_iter().map(|(field, fault)| field + " " + &fault).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_that_cannot_be_read_is_its_senders_fault_but_where_there_is_no_room() {
        assert_eq!(fault(BodyError::TooLarge), "body must be at most 65536 bytes");
        assert_eq!(fault(BodyError::Incomplete), "body broke off or did not come in time");
        assert_eq!(fault(String::from_utf8(vec![0xff]).unwrap_err()), "body must be JSON in UTF-8");
        assert_eq!(Failure::from(BodyError::NoRoom), Error::Busy.into());
    }

    #[test]
    fn a_record_that_is_over_is_named_with_how_it_ended() {
        let reason = "The key is revoked, and that is for good".to_owned();
        assert_eq!(Failure::ended("key", "revoked"), Error::AdminConflict { reason }.into());
    }
}
