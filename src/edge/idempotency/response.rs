//! What goes back to the Worker: Core's answer, what is left of it, or an error of ours; each with its report.

use js_sys::{Object, Uint8Array};
use web_sys::Response;
use worker::Result;

use super::bindings::{reported, with_report};
use crate::edge::response::error_response;
use crate::idempotency::message::Report;
use crate::idempotency::response::{KeyRefusal, write_outcome};
use crate::idempotency::{Kept, KeyRecord};

/// An answer to one request.
pub struct KeyResponse<'a> {
    request_id: &'a str,
    record: Option<&'a KeyRecord>,
    core_ms: Option<u64>,
    booked: Option<&'a str>,
    detail: Option<&'a str>,
}

impl<'a> KeyResponse<'a> {
    /// An answer of which nothing is known but the id of the request.
    pub fn to(request_id: &'a str) -> Self {
        Self { request_id, record: None, core_ms: None, booked: None, detail: None }
    }

    /// The same, about what is stored.
    pub fn about(self, record: &'a KeyRecord) -> Self {
        Self { record: Some(record), ..self }
    }

    /// The same, after Core took so long.
    pub fn after(self, core_ms: Option<u64>) -> Self {
        Self { core_ms, ..self }
    }

    /// The same, with what stands behind a refusal.
    pub fn booked(self, booked: Option<&'a str>) -> Self {
        Self { booked, ..self }
    }

    /// The same, with what an operator needs to know more.
    pub fn detail(self, detail: Option<&'a str>) -> Self {
        Self { detail, ..self }
    }

    /// An answer of Core's; `headers` is name and value in turn.
    pub fn answer(
        &self,
        said: &str,
        replayed: bool,
        status: u16,
        headers: Vec<String>,
        body: &Object,
    ) -> Result<Response> {
        let booked = self.booked.map(str::to_owned);
        let report = Report { replayed, booked, ..self.report(said) };
        Ok(reported(status, headers, body, &report.to_header())?)
    }

    /// The answer that was kept.
    pub fn replay(self, kept: &Kept, body: impl FnOnce() -> Result<Vec<u8>>) -> Result<Response> {
        let Kept::Whole { status, headers } = kept else { return Err("nothing to replay".into()) };
        let headers = headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
        let body = Uint8Array::from(body()?.as_slice());
        self.answer("replayed", true, *status, headers, &body)
    }

    /// The state of the key, as JSON.
    pub fn told(&self, body: &str, open: bool) -> Result<Response> {
        let instance = self.record.map(|record| record.instance.clone()).filter(|id| !id.is_empty());
        let report = Report { instance, open, ..self.report("asked") };
        Ok(reported(200, Vec::new(), &Uint8Array::from(body.as_bytes()), &report.to_header())?)
    }

    /// An error of ours.
    pub fn refusal(&self, refused: &KeyRefusal) -> Response {
        let KeyRefusal { said, error, outcome } = refused;
        let code = Some(error.code().to_owned());
        let report = Report { code, upstream_status: error.upstream_status(), ..self.report(said) };
        let outcome = write_outcome(self.record, *outcome);
        let response = error_response(error, self.request_id, Some(&outcome), None);
        with_report(&response, &report.to_header())
    }

    fn report(&self, said: &str) -> Report {
        let detail = self.detail.map(str::to_owned);
        Report { core_ms: self.core_ms, detail, ..Report::about(self.record, said) }
    }
}
