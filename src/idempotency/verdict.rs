//! What Core's answers mean for a key.

use super::Work;
use crate::json::Object;

/// What Core's answer to a write says about whether it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was; this is the answer.
    Done,
    /// It was not, and this says what it would do: a dry run.
    Previewed,
    /// It was taken in, to be booked later; the id that it names is stored only if nothing else took the reference.
    Queued,
    /// Of this request something was not carried out: a reference is booked already.
    Duplicate,
    /// It is already refunded, says Core: also now and then of a refund that it has just booked itself.
    Refunded,
    /// It was refused. Of what Core does in parts some may have been done before.
    Refused,
    /// A batch was refused on its way, and what of it was queued before is stored after the answer.
    Stopped,
    /// It was not looked at: who sent it may send it again.
    NotActed,
    /// It may have been carried out, in whole or in part.
    Unclear,
}

/// Judges an answer that is Core's own. `body` is what was read of it; none where it was too large to be kept.
///
/// That Core did not act is only taken from what its middleware says before any handler runs: no key or a wrong one, a
/// key that may not, too many requests. A 423 says that one balance was locked, and nothing of the parts before.
#[must_use]
pub fn verdict(status: u16, work: &Work, body: Option<&[u8]>) -> Verdict {
    let code = error_code(body).unwrap_or_default();
    let (queued, bulk) = if let Work::Create(create) = work { (create.queued, create.bulk) } else { (false, false) };
    match status {
        // What is booked is answered with 201.
        200 if matches!(work, Work::Create(_) | Work::Refund { .. }) => Verdict::Previewed,
        202 => Verdict::Queued,
        201 if queued && !is_settled(body) => Verdict::Queued,
        200..=299 => Verdict::Done,
        401 | 403 if code.starts_with("AUTH_") => Verdict::NotActed,
        429 if code == "GEN_RATE_LIMITED" => Verdict::NotActed,
        401 | 403 | 408 | 423 | 425 | 429 => Verdict::Unclear,
        // Core gives a bulk its `batch_id` after validating the items.
        400..=499 if queued && bulk && member(body, &["batch_id"]).is_some() => Verdict::Stopped,
        409 if code == "TXN_DUPLICATE_REFERENCE" => Verdict::Duplicate,
        409 if code == "GEN_CONFLICT" => Verdict::Refunded,
        400..=499 => Verdict::Refused,
        _ => Verdict::Unclear,
    }
}

/// The headers of an answer that are kept with its body.
#[must_use]
pub fn is_content_header(name: &str) -> bool {
    name.starts_with("content-") && name != "content-length" || name == "cache-control"
}

/// Whether a 201 names a transaction that is stored already.
fn is_settled(body: Option<&[u8]>) -> bool {
    // Of a batch Core says "applied" before anything is booked; of a transaction it says so in capitals.
    member(body, &["status"]).is_some_and(|status| matches!(status.as_str(), "APPLIED" | "INFLIGHT"))
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
        object = Object::parse(object.get(name)?)?;
    }
    serde_json::from_str(object.get(last)?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::work::Create;
    use super::super::work::tests::create;
    use super::*;

    fn error(code: &str) -> String {
        format!(r#"{{"error":"x","error_detail":{{"code":"{code}","message":"x"}}}}"#)
    }

    fn other() -> Work {
        Work::Other { made: Vec::new() }
    }

    fn batch(queued: bool) -> Work {
        Work::Create(Create { bulk: true, ..create("r", true, 0, queued) })
    }

    #[test]
    fn every_status_has_its_verdict() {
        let queued = Work::Create(create("r", true, 0, true));
        for (status, body, expected) in [
            (201, r#"{"status":"APPLIED"}"#.to_owned(), Verdict::Done),
            (201, r#"{"status":"INFLIGHT"}"#.to_owned(), Verdict::Done),
            (201, r#"{"status":"QUEUED"}"#.to_owned(), Verdict::Queued),
            (201, r#"{"status":"SCHEDULED"}"#.to_owned(), Verdict::Queued),
            (201, r#"{"batch_id":"bulk_1","status":"applied"}"#.to_owned(), Verdict::Queued),
            (202, r#"{"batch_id":"bulk_1","status":"processing"}"#.to_owned(), Verdict::Queued),
            (201, "{}".to_owned(), Verdict::Queued),
            (201, "not json".to_owned(), Verdict::Queued),
            (200, r#"{"dry_run":true}"#.to_owned(), Verdict::Previewed),
            (204, String::new(), Verdict::Done),
            (400, String::new(), Verdict::Refused),
            (404, String::new(), Verdict::Refused),
            (409, String::new(), Verdict::Refused),
            (409, error("TXN_ALREADY_VOIDED"), Verdict::Refused),
            (409, error("TXN_DUPLICATE_REFERENCE"), Verdict::Duplicate),
            (409, error("GEN_CONFLICT"), Verdict::Refunded),
            (422, String::new(), Verdict::Refused),
            (304, String::new(), Verdict::Unclear),
            (500, String::new(), Verdict::Unclear),
            (503, error("QUEUE_BACKPRESSURE"), Verdict::Unclear),
        ] {
            assert_eq!(verdict(status, &queued, Some(body.as_bytes())), expected, "{status} {body}");
        }
        assert_eq!(verdict(201, &queued, None), Verdict::Queued);
        for body in [None, Some(b"{}".as_slice())] {
            assert_eq!(verdict(201, &batch(false), body), Verdict::Done);
            assert_eq!(verdict(200, &other(), body), Verdict::Done);
        }
    }

    #[test]
    fn a_batch_that_was_refused_on_its_way_has_an_id() {
        let stopped =
            br#"{"batch_id":"bulk_1","error":"x","error_detail":{"code":"TXN_DUPLICATE_REFERENCE"}}"#.as_slice();
        assert_eq!(verdict(400, &batch(true), Some(stopped)), Verdict::Stopped);
        assert_eq!(verdict(409, &batch(true), Some(stopped)), Verdict::Stopped);
        assert_eq!(verdict(409, &batch(false), Some(stopped)), Verdict::Duplicate);
        assert_eq!(verdict(400, &batch(true), Some(error("TXN_VALIDATION_ERROR").as_bytes())), Verdict::Refused);
    }

    #[test]
    fn only_what_core_refuses_before_it_looks_counts_as_not_acted() {
        let verdict = |status, body: Option<&[u8]>| verdict(status, &other(), body);
        for (status, code) in [
            (401, "AUTH_INVALID_API_KEY"),
            (401, "AUTH_MISSING_API_KEY"),
            (403, "AUTH_INSUFFICIENT_PERMISSIONS"),
            (429, "GEN_RATE_LIMITED"),
        ] {
            assert_eq!(verdict(status, Some(error(code).as_bytes())), Verdict::NotActed, "{status} {code}");
        }
        for (status, code) in [
            (401, "GEN_INTERNAL"),
            (403, ""),
            (429, "GEN_INTERNAL"),
            (408, "GEN_RATE_LIMITED"),
            (423, "GEN_RESOURCE_LOCKED"),
            (423, "AUTH_INVALID_API_KEY"),
            (425, "GEN_RATE_LIMITED"),
        ] {
            assert_eq!(verdict(status, Some(error(code).as_bytes())), Verdict::Unclear, "{status} {code}");
        }
        for status in [401, 403, 408, 423, 425, 429] {
            assert_eq!(verdict(status, Some(b"<html>")), Verdict::Unclear, "{status}");
            assert_eq!(verdict(status, None), Verdict::Unclear, "{status}");
        }
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
