//! Step 11: the result of a request to Core.

use super::upstream::UpstreamRequest;
use crate::enrich::{BodyRefusal, Enriched, References};
use crate::error::Error;
use crate::outcome::{Outcome, WriteOutcome};
use crate::registry::TimeoutMs;

/// What happened upstream, up to the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamResult {
    /// Something answered.
    Answered {
        /// Its status.
        status: u16,
        /// Whether its Content-Type is `text/html`.
        html: bool,
    },
    /// `fetch` failed. Refused, reset and half an answer look alike: whether Core acted cannot be told.
    Failed,
    /// The deadline passed first.
    TimedOut,
    /// The platform would not make the request.
    NotSent,
    /// The body grew over its limit on the way up, and the request was ended.
    TooLarge,
    /// It was not sent: too many of its credential are under way.
    TooMany,
}

impl UpstreamResult {
    /// Reads the status of an answer or, where there is none, the number in its place (`edge/no_answer.js`). `html`
    /// says whether the answer's Content-Type is `text/html`, and is asked only of an answer.
    pub fn of(status: u16, html: impl FnOnce() -> bool) -> Self {
        match status {
            0 => Self::Failed,
            1 => Self::TimedOut,
            2 => Self::NotSent,
            3 => Self::TooLarge,
            4 => Self::TooMany,
            status => Self::Answered { status, html: html() },
        }
    }
}

/// Whether the answer is Core's, to be passed on as it is.
///
/// # Errors
/// [`Error::CoreUnreachable`] for a failure and for what did not come from Core: a status below 200, Cloudflare's own
/// 520 to 527 and 530, and a 403 or 5xx in HTML, which tunnels, Access and load balancers send and Core never does;
/// [`Error::CoreRedirect`]; [`Error::CoreTimeout`].
pub fn settle(upstream: UpstreamResult, timeout: TimeoutMs) -> Result<(), Error> {
    match upstream {
        UpstreamResult::Answered { status, html } => match status {
            ..200 | 520..=527 | 530 => Err(Error::CoreUnreachable { upstream_status: Some(status) }),
            403 | 500.. if html => Err(Error::CoreUnreachable { upstream_status: Some(status) }),
            301..=303 | 307 | 308 => Err(Error::CoreRedirect { upstream_status: status }),
            _ => Ok(()),
        },
        UpstreamResult::Failed => Err(Error::CoreUnreachable { upstream_status: None }),
        UpstreamResult::TimedOut => Err(Error::CoreTimeout { timeout_ms: timeout.millis() }),
        UpstreamResult::TooMany => Err(Error::TooManyInFlight),
        UpstreamResult::NotSent | UpstreamResult::TooLarge => Err(Error::Internal),
    }
}

/// Whether the answer to a request is passed on; else the error, and what it says of the write, where it was one.
///
/// # Errors
/// Those of [`settle()`], and a body that was too large.
pub fn conclude(
    request: &UpstreamRequest<'_>,
    result: UpstreamResult,
    references: Option<&References>,
) -> Result<(), (Error, Option<WriteOutcome>)> {
    let error = match (result, settle(result, request.timeout)) {
        (_, Ok(())) => return Ok(()),
        // Core acts on the first JSON value that it has read, whatever comes behind it.
        (UpstreamResult::TooLarge, _) => {
            Error::Body(BodyRefusal::TooLarge { limit: request.limit.unwrap_or_default() })
        }
        (_, Err(error)) => error,
    };
    let outcome = match result {
        UpstreamResult::NotSent | UpstreamResult::TooMany => WriteOutcome::NOT_SENT,
        _ => unknown_outcome(references),
    };
    Err((error, Some(outcome).filter(|_| request.writes)))
}

/// Whether a Content-Type is `text/html`, with or without parameters.
#[must_use]
pub fn is_html(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html")
}

/// What a caller is told about a write that was sent and ended in an error of ours.
#[must_use]
pub fn unknown_outcome(references: Option<&References>) -> WriteOutcome {
    let (reference, references) = match references {
        None | Some(References::Unreadable) => (None, Vec::new()),
        Some(References::Made(reference)) => (Some(reference.to_string()), Vec::new()),
        Some(References::Given(text)) => (Some(text.clone()), Vec::new()),
        Some(References::Bulk(made)) => {
            (None, made.kept().map(|(item, reference)| (item, reference.to_string())).collect())
        }
    };
    WriteOutcome { outcome: Outcome::Unknown, reference, references }
}

/// Whose reference a single create has, for the log.
#[must_use]
pub fn reference_origin(enriched: &Enriched) -> &'static str {
    match &enriched.references {
        References::Made(_) => "made",
        References::Given(_) | References::Unreadable => "given",
        References::Bulk(made) => {
            if made.count() == 0 {
                "given"
            } else {
                "made"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::upstream::UpstreamBody;
    use super::*;

    fn settled(status: u16, html: bool) -> Result<(), Error> {
        settle(UpstreamResult::Answered { status, html }, TimeoutMs::DEFAULT)
    }

    #[test]
    fn core_s_own_answers_pass_whatever_their_status() {
        for status in [200, 201, 202, 204, 300, 304, 400, 401, 403, 404, 409, 413, 423, 429, 500, 503, 599] {
            assert_eq!(settled(status, false), Ok(()), "{status}");
        }
        assert_eq!(settled(404, true), Ok(()));
    }

    #[test]
    fn what_did_not_come_from_core_is_unreachable() {
        for (status, html) in
            [(100, false), (103, false), (520, false), (527, true), (530, false), (403, true), (500, true), (502, true)]
        {
            let expected = Err(Error::CoreUnreachable { upstream_status: Some(status) });
            assert_eq!(settled(status, html), expected, "{status}");
        }
        assert_eq!(
            settle(UpstreamResult::Failed, TimeoutMs::DEFAULT),
            Err(Error::CoreUnreachable { upstream_status: None })
        );
    }

    #[test]
    fn redirects_and_deadlines_have_errors_of_their_own() {
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(settled(status, false), Err(Error::CoreRedirect { upstream_status: status }));
        }
        assert_eq!(
            settle(UpstreamResult::TimedOut, TimeoutMs::DEFAULT),
            Err(Error::CoreTimeout { timeout_ms: 30_000 })
        );
    }

    #[test]
    fn the_numbers_of_what_has_no_answer_are_those_of_the_javascript() {
        let script = include_str!("../edge/no_answer.js");
        let number = |name: &str| -> u16 {
            let (_, after) = script.split_once(&format!("export const {name} = ")).unwrap();
            after.split_once(';').unwrap().0.parse().unwrap()
        };
        for (name, result) in [
            ("FAILED", UpstreamResult::Failed),
            ("TIMED_OUT", UpstreamResult::TimedOut),
            ("NOT_SENT", UpstreamResult::NotSent),
            ("TOO_LARGE", UpstreamResult::TooLarge),
            ("TOO_MANY", UpstreamResult::TooMany),
        ] {
            assert_eq!(UpstreamResult::of(number(name), || panic!("there is no answer")), result, "{name}");
        }
        assert_eq!(UpstreamResult::of(404, || true), UpstreamResult::Answered { status: 404, html: true });
    }

    #[test]
    fn an_error_on_a_write_says_whether_core_may_have_acted_and_on_a_read_nothing() {
        let request = |writes| UpstreamRequest {
            url: "https://core.example/transactions",
            body: UpstreamBody::Guarded,
            limit: Some(7),
            timeout: TimeoutMs::DEFAULT,
            request_id: "r1",
            reference: "",
            begun: "",
            logged: true,
            writes,
            credential: "Abcdefghijklmnop",
            warning: "",
        };
        let too_large = Error::Body(BodyRefusal::TooLarge { limit: 7 });
        for (result, error, outcome) in [
            (UpstreamResult::Failed, Error::CoreUnreachable { upstream_status: None }, Outcome::Unknown),
            (UpstreamResult::TimedOut, Error::CoreTimeout { timeout_ms: 30_000 }, Outcome::Unknown),
            (UpstreamResult::TooLarge, too_large, Outcome::Unknown),
            (UpstreamResult::NotSent, Error::Internal, Outcome::NotSent),
            (UpstreamResult::TooMany, Error::TooManyInFlight, Outcome::NotSent),
        ] {
            let (told, said) = conclude(&request(true), result, None).unwrap_err();
            assert_eq!((told, said.map(|said| said.outcome)), (error.clone(), Some(outcome)), "{result:?}");
            assert_eq!(conclude(&request(false), result, None), Err((error, None)), "{result:?}");
        }
        assert_eq!(conclude(&request(true), UpstreamResult::of(404, || false), None), Ok(()));
    }

    #[test]
    fn html_is_known_by_its_type_alone() {
        assert!(is_html("text/html"));
        assert!(is_html("Text/HTML; charset=utf-8"));
        assert!(!is_html("application/json; text/html"));
        assert!(!is_html(""));
    }
}
