//! Which headers pass, each way.

use crate::idempotency::message::REPORT;

/// Up, an allow list: what a caller's header of this name says is sent to Core as it is. Core reads nothing else of a
/// caller, so no other header can be a trick. Content-Length comes with the body.
pub const FORWARDED: [&str; 9] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "baggage",
    "content-encoding",
    "content-type",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// Down, a deny list: everything else that Core sends is passed on.
///
/// Hop-by-hop headers (RFC 9110 section 7.6.1); two of Core's that publish addresses; cookies, of which Core sets none
/// but Cloudflare Access does, and its cookie opens Core's host to whoever holds it; headers that speak for the edge's
/// whole origin, not for this answer; and those that only the proxy itself may say.
pub const NEVER_RETURNED: [&str; 20] = [
    "alt-svc",
    "clear-site-data",
    "connection",
    REPLAYED,
    "keep-alive",
    "nel",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "report-to",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    BOOKED,
    REPORT,
    REFERENCE,
    "x-rate-limit-request-forwarded-for",
    "x-rate-limit-request-remote-addr",
];

/// Set on the way up, never appended to: the instance's key.
pub const BLNK_KEY: &str = "x-blnk-key";
/// Set both ways: the request's id.
pub const REQUEST_ID: &str = "x-request-id";
/// Set on the way down where the proxy made a single create's reference.
pub const REFERENCE: &str = "x-blnk-reference";
/// Set on the way down where an answer was given before, or is what a look-up found.
pub const REPLAYED: &str = "idempotent-replayed";
/// Set on the way down behind a refusal of Core's: how many of how many parts stand all the same.
pub const BOOKED: &str = "x-blnk-booked";

/// Whether a Content-Type says multipart, whatever its case, its kind and the white space before it; of several in one
/// header, whether one of them does. Core takes bodies of any size where its own, narrower look at it finds a form.
#[must_use]
pub fn is_multipart(content_type: &str) -> bool {
    content_type.split(',').any(|one| {
        let one = one.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
        one.split_at_checked(MULTIPART.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(MULTIPART))
    })
}

const MULTIPART: &str = "multipart/";

/// A caller's request id, where it is 1 to 128 of `[A-Za-z0-9._-]`.
#[must_use]
pub fn request_id(sent: Option<&str>) -> Option<&str> {
    sent.filter(|id| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    })
}

/// The trace id of a `traceparent` (W3C Trace Context section 3.2), for the log; the header itself passes unchanged.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let version = parts.next()?;
    let trace_id = parts.next()?;
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let valid = version.len() == 2
        && is_hex(version)
        && trace_id.len() == 32
        && is_hex(trace_id)
        && trace_id.bytes().any(|b| b != b'0');
    valid.then_some(trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_cookie_or_address_of_the_caller_is_forwarded() {
        for name in [
            "authorization",
            "cookie",
            "x-blnk-key",
            "x-forwarded-for",
            "x-forwarded-prefix",
            "x-forwarded-proto",
            "x-real-ip",
            "forwarded",
            "host",
            "connection",
            "content-length",
            "transfer-encoding",
            "expect",
            "cf-access-client-secret",
            "idempotency-key",
            "x-http-method-override",
        ] {
            assert!(!FORWARDED.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted_lower_case_and_without_repetition() {
        for list in [FORWARDED.as_slice(), NEVER_RETURNED.as_slice()] {
            assert!(list.is_sorted());
            assert!(list.windows(2).all(|pair| pair[0] != pair[1]));
            assert!(list.iter().all(|name| *name == name.to_ascii_lowercase()));
        }
    }

    #[test]
    fn content_headers_of_an_answer_are_returned() {
        for name in ["content-type", "content-length", "content-encoding", "cache-control", "ratelimit-limit"] {
            assert!(!NEVER_RETURNED.contains(&name), "{name}");
        }
    }

    #[test]
    fn multipart_is_known_in_any_spelling() {
        for multipart in [
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "Multipart/Form-Data;boundary=x",
            " \t multipart/form-data",
            "\u{b}multipart/form-data",
            "multipart/mixed",
            "multipart/",
            "application/json, multipart/form-data",
            ",multipart/form-data",
        ] {
            assert!(is_multipart(multipart), "{multipart:?}");
        }
        for other in
            ["", "application/json", "text/plain; x=multipart/form-data", "multipart", "xmultipart/form-data", "é"]
        {
            assert!(!is_multipart(other), "{other:?}");
        }
    }

    #[test]
    fn a_callers_request_id_is_taken_only_where_it_is_plain() {
        assert_eq!(request_id(Some("req-1.A_b")), Some("req-1.A_b"));
        let long = "a".repeat(129);
        for bad in ["", "a b", "a,b", "é", "a\"b", long.as_str()] {
            assert_eq!(request_id(Some(bad)), None, "{bad}");
        }
        assert_eq!(request_id(None), None);
    }

    #[test]
    fn a_trace_id_is_read_of_a_valid_traceparent_only() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), Some(id));
        for bad in ["", "00", &format!("00-{}-x-01", "0".repeat(32)), "00-XYZ-1-1", &format!("000-{id}-1-1")] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
