//! What Core's answers mean for a key.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Create;
use crate::json::Object;

/// What Core's answer to a write says about whether it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was; this is the answer.
    Done,
    /// It was taken in, to be booked later; the id that it names is stored only if nothing else took the reference.
    Queued,
    /// It was not: the reference is booked already.
    Duplicate,
    /// It was not, and would not be if it came again.
    Refused,
    /// It was not looked at: who sent it may send it again.
    NotActed,
    /// It may have been.
    Unclear,
}

/// Judges an answer that is Core's own. `body` is what was read of it; none where it was too large to be kept.
#[must_use]
pub fn verdict(status: u16, body: Option<&[u8]>) -> Verdict {
    match status {
        201 if !is_settled(body) => Verdict::Queued,
        200..=299 => Verdict::Done,
        401 | 403 | 408 | 423 | 425 | 429 => Verdict::NotActed,
        409 if is_duplicate(body) => Verdict::Duplicate,
        400..=499 => Verdict::Refused,
        _ => Verdict::Unclear,
    }
}

/// What a look-up by reference gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// The transaction.
    Found,
    /// Core's word that there is none.
    NotFound,
    /// Neither: it is not known whether there is one.
    Failed,
}

/// Judges the answer to a look-up. What is not plainly Core's own is a failure: a 404 of something in front of Core must
/// not pass for its word that nothing was booked.
#[must_use]
pub fn looked_up(reference: &str, status: u16, body: Option<&[u8]>) -> LookedUp {
    match status {
        200 => {
            let id = member(body, &["transaction_id"]).filter(|id| !id.is_empty());
            let shown = member(body, &["reference"]).filter(|shown| shown == reference);
            if id.is_some() && shown.is_some() { LookedUp::Found } else { LookedUp::Failed }
        }
        404 if error_code(body).is_some_and(|code| code.ends_with("_NOT_FOUND")) => LookedUp::NotFound,
        _ => LookedUp::Failed,
    }
}

/// The references under which Core would show what was booked of a create, in the order in which to ask. Empty where it
/// cannot show it.
///
/// Of a transaction with legs only these are stored, under names that depend on whether it was queued.
#[must_use]
pub fn stored_references(create: &Create) -> Vec<String> {
    let Some(reference) = create.reference.as_deref().filter(|reference| can_be_read_back(reference)) else {
        return Vec::new();
    };
    if create.multi_leg { vec![format!("{reference}-1"), format!("{reference}_1")] } else { vec![reference.to_owned()] }
}

/// Core's path for a look-up by reference.
#[must_use]
pub fn reference_path(reference: &str) -> String {
    /// RFC 3986 section 2.3.
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    format!("/transactions/reference/{}", utf8_percent_encode(reference, ESCAPED))
}

/// Core decodes a path before it routes, so a slash makes another route of it; dot segments are cleaned away on the way;
/// and no text with a NUL is ever stored.
fn can_be_read_back(reference: &str) -> bool {
    !matches!(reference, "" | "." | "..") && !reference.contains(['/', '\0'])
}

/// The headers of an answer that are kept with its body.
#[must_use]
pub fn is_content_header(name: &str) -> bool {
    name.starts_with("content-") && name != "content-length" || name == "cache-control"
}

/// Whether a 201 names a transaction that is stored already.
fn is_settled(body: Option<&[u8]>) -> bool {
    member(body, &["status"]).is_some_and(|status| !matches!(status.as_str(), "QUEUED" | "SCHEDULED"))
}

fn is_duplicate(body: Option<&[u8]>) -> bool {
    error_code(body).is_some_and(|code| code == "TXN_DUPLICATE_REFERENCE")
}

fn error_code(body: Option<&[u8]>) -> Option<String> {
    member(body, &["error_detail", "code"])
}

/// A text in Core's answer, by the names on the way to it. Of what stands beside it nothing is read but its extent.
fn member(body: Option<&[u8]>, path: &[&str]) -> Option<String> {
    let (last, way) = path.split_last()?;
    // Go writes what is no UTF-8 as U+FFFD too.
    let text = String::from_utf8_lossy(body?);
    let mut object = Object::parse(&text)?;
    for name in way {
        object = object.get(name)?.object()?;
    }
    object.text(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(reference: &str, multi_leg: bool) -> Create {
        Create { reference: Some(reference.to_owned()), made: false, multi_leg, precision_added: None }
    }

    #[test]
    fn every_status_has_its_verdict() {
        for (status, body, expected) in [
            (201, r#"{"status":"APPLIED"}"#, Verdict::Done),
            (201, r#"{"status":"INFLIGHT"}"#, Verdict::Done),
            (201, r#"{"status":"QUEUED"}"#, Verdict::Queued),
            (201, r#"{"status":"SCHEDULED"}"#, Verdict::Queued),
            (201, "{}", Verdict::Queued),
            (201, "not json", Verdict::Queued),
            (200, r#"{"status":"QUEUED"}"#, Verdict::Done),
            (202, "", Verdict::Done),
            (204, "", Verdict::Done),
            (400, "", Verdict::Refused),
            (404, "", Verdict::Refused),
            (409, "", Verdict::Refused),
            (409, r#"{"error_detail":{"code":"TXN_ALREADY_VOIDED"}}"#, Verdict::Refused),
            (409, r#"{"error":"x","error_detail":{"code":"TXN_DUPLICATE_REFERENCE"}}"#, Verdict::Duplicate),
            (422, "", Verdict::Refused),
            (304, "", Verdict::Unclear),
            (500, "", Verdict::Unclear),
            (503, r#"{"error_detail":{"code":"QUEUE_BACKPRESSURE"}}"#, Verdict::Unclear),
        ] {
            assert_eq!(verdict(status, Some(body.as_bytes())), expected, "{status} {body}");
        }
        for status in [401, 403, 408, 423, 425, 429] {
            assert_eq!(verdict(status, Some(b"")), Verdict::NotActed, "{status}");
        }
        assert_eq!(verdict(201, None), Verdict::Queued);
    }

    #[test]
    fn only_core_s_own_word_counts_in_a_look_up() {
        let not_found = br#"{"error":"x","error_detail":{"code":"TXN_NOT_FOUND","message":"x"}}"#.as_slice();
        for (status, body, expected) in [
            (200, br#"{"transaction_id":"txn_1","reference":"r","amount":1e999}"#.as_slice(), LookedUp::Found),
            (200, br#"{"transaction_id":"txn_1","reference":"R"}"#, LookedUp::Failed),
            (200, br#"{"transaction_id":"","reference":"r"}"#, LookedUp::Failed),
            (200, b"<html>", LookedUp::Failed),
            (404, not_found, LookedUp::NotFound),
            (404, b"404 page not found", LookedUp::Failed),
            (404, br#"{"error":"Not Found"}"#, LookedUp::Failed),
            (401, not_found, LookedUp::Failed),
            (500, b"", LookedUp::Failed),
            (301, b"", LookedUp::Failed),
        ] {
            assert_eq!(looked_up("r", status, Some(body)), expected, "{status} {}", String::from_utf8_lossy(body));
        }
        assert_eq!(looked_up("r", 200, None), LookedUp::Failed);
    }

    #[test]
    fn a_transaction_with_legs_is_looked_for_under_its_first_leg() {
        assert_eq!(stored_references(&create("r", false)), ["r"]);
        assert_eq!(stored_references(&create("r", true)), ["r-1", "r_1"]);
    }

    #[test]
    fn a_reference_that_cannot_be_read_back_is_not_looked_for() {
        for reference in ["", ".", "..", "a/b", "a\0"] {
            assert!(stored_references(&create(reference, false)).is_empty(), "{reference:?}");
        }
        let none = Create { reference: None, ..create("r", false) };
        assert!(stored_references(&none).is_empty());
    }

    #[test]
    fn a_reference_is_one_segment_of_its_path() {
        assert_eq!(reference_path("a b?#%/é~"), "/transactions/reference/a%20b%3F%23%25%2F%C3%A9~");
    }

    #[test]
    fn only_what_describes_the_content_is_kept() {
        for name in ["content-type", "content-language", "content-encoding", "cache-control"] {
            assert!(is_content_header(name), "{name}");
        }
        for name in ["content-length", "set-cookie", "x-rate-limit-limit", "date", "connection"] {
            assert!(!is_content_header(name), "{name}");
        }
    }
}
