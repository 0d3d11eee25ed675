//! What came of a request that was sent, where it is anything but a 2xx: those `forward.js` passes on itself.

use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::edge::bindings;
use crate::edge::response::{CORE_REFUSED_KEY, error_response, level};
use crate::enrich::{References, Refusal};
use crate::error::Error;
use crate::log::{Level, Line};
use crate::outcome::WriteOutcome;
use crate::proxy::settle::{is_html, unknown_outcome};
use crate::proxy::{UpstreamRequest, UpstreamResult, settle};

/// What came of it, as JavaScript tells it.
pub struct FetchResult<'a> {
    /// The status of the answer; where there is none, one of those below.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub core_ms: f64,
    /// The answer.
    pub answer: Option<&'a Response>,
}

/// `fetch` failed.
const FAILED: u16 = 0;
/// The deadline passed first.
const TIMED_OUT: u16 = 1;
/// The platform would not make the request.
const NOT_SENT: u16 = 2;
/// The body grew over its limit on the way up, and the request was ended.
const TOO_LARGE: u16 = 3;
/// It was not sent, as too many of its credential are under way.
const TOO_MANY: u16 = 4;

/// Gives the answer to the caller, and writes the log line. `text` is what was sent, as [`UpstreamRequest::to_text`]
/// gave it.
pub fn conclude(text: &str, outcome: &FetchResult<'_>, references: Option<&References>) -> JsValue {
    let Some(sending) = UpstreamRequest::parse(text) else {
        return error_response(&Error::Internal, "", None, None).into();
    };
    let failed = |error: &Error, fate: Option<WriteOutcome>| {
        let upstream_status = match error {
            Error::CoreUnreachable { upstream_status } => *upstream_status,
            Error::CoreRedirect { upstream_status } => Some(*upstream_status),
            _ => None,
        };
        let line = Line { code: Some(error.code()), upstream_status, ..Line::default() };
        write_line(&sending, outcome, &Line { level: level(error), status: error.status(), ..line });
        let reference = Some(sending.reference).filter(|made| !made.is_empty());
        let fate = fate.filter(|_| sending.writes);
        error_response(error, sending.request_id, fate.as_ref(), reference).into()
    };
    let unknown = || Some(unknown_outcome(references));
    let upstream = match (outcome.status, outcome.answer) {
        (NOT_SENT, _) => return failed(&Error::Internal, Some(WriteOutcome::NOT_SENT)),
        (TOO_MANY, _) => return failed(&Error::TooManyInFlight, Some(WriteOutcome::NOT_SENT)),
        (TOO_LARGE, _) => {
            let limit = sending.limit.unwrap_or_default();
            // Core acts on the first JSON value that it has read, whatever comes behind it.
            return failed(&Error::Body(Refusal::TooLarge { limit }), unknown());
        }
        (TIMED_OUT, _) => UpstreamResult::TimedOut,
        (FAILED, _) | (_, None) => UpstreamResult::Failed,
        (status, Some(answer)) => UpstreamResult::Answered { status, html: is_html_answer(answer) },
    };
    match (settle(upstream, sending.timeout), outcome.answer) {
        (Err(error), _) => failed(&error, unknown()),
        (Ok(()), None) => failed(&Error::Internal, unknown()),
        (Ok(()), Some(answer)) => {
            let reference = Some(sending.reference).filter(|made| !made.is_empty());
            let Ok(response) = bindings::pass_on(answer, sending.request_id, reference) else {
                return failed(&Error::Internal, unknown());
            };
            let (level, detail) = match outcome.status {
                401 => (Level::Error, Some(CORE_REFUSED_KEY)),
                _ => (Level::Info, None),
            };
            write_line(&sending, outcome, &Line { level, status: outcome.status, detail, ..Line::default() });
            response.into()
        }
    }
}

fn is_html_answer(answer: &Response) -> bool {
    answer.headers().get("content-type").ok().flatten().is_some_and(|content_type| is_html(&content_type))
}

/// Failures leave a line by every setting.
fn write_line(sending: &UpstreamRequest<'_>, outcome: &FetchResult<'_>, line: &Line<'_>) {
    if line.status < 400 && !sending.logged {
        return;
    }
    let warning = Some(sending.warning).filter(|warning| !warning.is_empty());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of milliseconds")]
    let core_ms = Some(outcome.core_ms as u64);
    let level = if warning.is_some() { line.level.max(Level::Warn) } else { line.level };
    let line = Line { level, core_ms, detail: line.detail.or(warning), ..line.clone() };
    bindings::log_line(&line.completing(sending.begun));
}
