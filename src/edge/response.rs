//! What we answer ourselves: refusals and errors, each with its log line.

use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use super::bindings;
use super::incoming::Incoming;
use super::state::State;
use crate::error::Error;
use crate::http::Method;
use crate::log::{CacheState, Level, Line};
use crate::outcome::WriteOutcome;
use crate::proxy::headers::REFERENCE;
use crate::proxy::{Known, could_write};

/// A request that ends before there is a plan.
pub struct Rejection<'a> {
    /// The request.
    pub incoming: &'a Incoming,
    /// Where its records came from, if any were read.
    pub cache: Option<CacheState>,
    /// The records that were read.
    pub known: Option<&'a Known>,
    /// What an operator needs to know more.
    pub detail: Option<&'a str>,
}

impl<'a> Rejection<'a> {
    /// A refusal of which nothing more is known.
    pub fn of(incoming: &'a Incoming) -> Self {
        Self { incoming, cache: None, known: None, detail: None }
    }

    /// Writes the log line and gives the answer. Failures are kept by every setting of `LOG`.
    pub fn respond(&self, error: &Error) -> JsValue {
        // Who called is only said once it is known to be true.
        let known = self.known.filter(|_| error.status() != 401);
        let credential = known.and_then(|known| known.credential.record());
        let line = Line {
            level: Level::of(error).with_cache(self.cache),
            status: error.status(),
            code: Some(error.code()),
            credential: credential.map(|credential| &*credential.id),
            workspace: credential.map(|credential| &*credential.workspace),
            cache: self.cache,
            detail: self.detail,
            ..self.incoming.line()
        };
        bindings::log_line(&line.to_json());
        let Incoming { request, request_id, .. } = self.incoming;
        let lines = self.incoming.lines();
        let outcome = could_write(Method::parse(lines.method), lines.url).then_some(WriteOutcome::NOT_SENT);
        drain_then(request, error_response(error, request_id, outcome.as_ref(), None))
    }
}

/// Writes the line of a request that went to Core, if the setting keeps it.
pub fn write_log(state: &State, line: &Line<'_>, writes: bool) {
    // What an operator should look at leaves a line by every setting.
    if line.level >= Level::Warn || keeps_line(state, line.status, writes) {
        bindings::log_line(&line.to_json());
    }
}

/// Whether the setting keeps the line of an answer with this status.
pub fn keeps_line(state: &State, status: u16, writes: bool) -> bool {
    state.config.log.keeps(status, writes, js_sys::Math::random)
}

/// An error as an answer.
pub fn error_response(
    error: &Error,
    request_id: &str,
    outcome: Option<&WriteOutcome>,
    reference: Option<&str>,
) -> Response {
    let mut extra = Vec::new();
    for (name, value) in error.headers() {
        extra.extend([name.to_owned(), value]);
    }
    if let Some(reference) = reference {
        extra.extend([REFERENCE.to_owned(), reference.to_owned()]);
    }
    bindings::respond(error.status(), &error.body(request_id, outcome), request_id, &extra.join("\n"))
}

/// The answer, once a body that is not used was read to its end.
pub fn drain_then(request: &Request, response: Response) -> JsValue {
    if request.body().is_some() { bindings::drained(request, response).into() } else { response.into() }
}
