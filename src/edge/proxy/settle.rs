//! The end of a request that was sent, where it is anything but a 2xx: those `forward.js` passes on itself.

use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::edge::bindings;
use crate::edge::response::error_response;
use crate::enrich::References;
use crate::error::Error;
use crate::log::{Level, Line};
use crate::proxy::settle::{self, is_html, unknown_outcome};
use crate::proxy::{UpstreamRequest, UpstreamResult};

/// The result of a fetch, as JavaScript tells it.
pub struct FetchResult<'a> {
    /// The status of the answer, or a number of `no_answer.js`.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub core_ms: f64,
    /// The answer.
    pub answer: Option<&'a Response>,
}

/// Gives the answer to the caller, and writes the log line. `text` is what was sent, as [`UpstreamRequest::to_text`]
/// gave it.
pub fn conclude(text: &str, fetched: &FetchResult<'_>, references: Option<&References>) -> JsValue {
    let Some(request) = UpstreamRequest::parse(text) else {
        return error_response(&Error::Internal, "", None, None).into();
    };
    let reference = Some(request.reference).filter(|made| !made.is_empty());
    let result = UpstreamResult::of(fetched.status, || fetched.answer.is_some_and(is_html_answer));
    let passed = settle::conclude(&request, result, references).and_then(|()| {
        let passed = fetched.answer.and_then(|answer| bindings::pass_on(answer, request.request_id, reference).ok());
        passed.ok_or_else(|| (Error::Internal, request.writes.then(|| unknown_outcome(references))))
    });
    match passed {
        Ok(response) => {
            let (level, detail) = Level::of_core_status(fetched.status);
            write_line(&request, fetched, &Line { level, status: fetched.status, detail, ..Line::default() });
            response.into()
        }
        Err((error, outcome)) => {
            let line = Line { code: Some(error.code()), upstream_status: error.upstream_status(), ..Line::default() };
            write_line(&request, fetched, &Line { level: Level::of(&error), status: error.status(), ..line });
            error_response(&error, request.request_id, outcome.as_ref(), reference).into()
        }
    }
}

fn is_html_answer(answer: &Response) -> bool {
    answer.headers().get("content-type").ok().flatten().is_some_and(|content_type| is_html(&content_type))
}

/// Failures leave a line by every setting.
fn write_line(request: &UpstreamRequest<'_>, fetched: &FetchResult<'_>, line: &Line<'_>) {
    if line.status < 400 && !request.logged {
        return;
    }
    let warning = Some(request.warning).filter(|warning| !warning.is_empty());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of milliseconds")]
    let core_ms = Some(fetched.core_ms as u64);
    let level = line.level.with_warning(warning);
    let line = Line { level, core_ms, detail: line.detail.or(warning), ..line.clone() };
    bindings::log_line(&line.completing(request.begun));
}
