//! What goes back to the Worker: Core's answer, what is left of it, or an error of ours; each with its report.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::Response;

use super::Result;
use super::platform::{reported, with_report};
use crate::edge::answer::error_response;
use crate::error::{Error, Outcome, WriteFate};
use crate::idempotency::message::{Job, Report};
use crate::idempotency::{Kept, Record};

/// An answer to one job.
pub struct Reply<'a> {
    job: &'a Job,
    record: Option<&'a Record>,
    core_ms: Option<u64>,
}

impl<'a> Reply<'a> {
    /// An answer of which nothing is known but the job.
    pub fn to(job: &'a Job) -> Self {
        Self { job, record: None, core_ms: None }
    }

    /// The same, about what is stored.
    pub fn about(self, record: &'a Record) -> Self {
        Self { record: Some(record), ..self }
    }

    /// The same, after Core took so long.
    pub fn after(self, core_ms: Option<u64>) -> Self {
        Self { core_ms, ..self }
    }

    /// An answer of Core's; `headers` is name and value in turn.
    pub fn answer(
        &self,
        said: &str,
        replayed: bool,
        status: u16,
        headers: Vec<String>,
        body: &JsValue,
    ) -> Result<Response> {
        let report = Report { replayed, ..self.report(said) };
        reported(status, headers, body, &report.to_header())
    }

    /// What is left of the answer to an earlier request.
    pub fn replay(&self, kept: &Kept, body: impl FnOnce() -> Result<Vec<u8>>) -> Result<Response> {
        let status = match kept {
            Kept::Whole { status, headers } => {
                let headers = headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
                let body = Uint8Array::from(body()?.as_slice());
                return self.answer("replayed", true, *status, headers, &body);
            }
            Kept::Status { status } => Some(*status),
            Kept::Booked => None,
        };
        Ok(self.refusal("replay_unavailable", &Error::IdempotencyReplayUnavailable { status }, Outcome::Done))
    }

    /// An error of ours.
    pub fn refusal(&self, said: &str, error: &Error, outcome: Outcome) -> Response {
        let upstream_status = match error {
            Error::CoreUnreachable { upstream_status } => *upstream_status,
            Error::CoreRedirect { upstream_status } => Some(*upstream_status),
            _ => None,
        };
        let report = Report { code: Some(error.code().to_owned()), upstream_status, ..self.report(said) };
        let response = error_response(error, &self.job.request_id, Some(&self.fate(outcome)), None);
        with_report(&response, &report.to_header())
    }

    fn report(&self, said: &str) -> Report {
        let create = self.record.and_then(|record| record.create.as_ref());
        Report {
            said: said.to_owned(),
            made_reference: create.filter(|create| create.made).and_then(|create| create.reference.clone()),
            reference: create.map(|create| if create.made { "made" } else { "given" }.to_owned()),
            core_ms: self.core_ms,
            ..Report::default()
        }
    }

    fn fate(&self, outcome: Outcome) -> WriteFate {
        let create = self.record.and_then(|record| record.create.as_ref());
        WriteFate {
            outcome,
            reference: create.and_then(|create| create.reference.clone()),
            references: self.record.map(|record| record.references.clone()).unwrap_or_default(),
        }
    }
}
