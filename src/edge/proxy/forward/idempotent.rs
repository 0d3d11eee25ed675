//! A write with an `Idempotency-Key`: its object sends it, and reports the outcome.

use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::Response;
use worker::worker_sys::DurableObjectNamespace;

use super::Forward;
use crate::edge::response::{error_response, write_log};
use crate::edge::{bindings, now};
use crate::error::Error;
use crate::idempotency::message::{CoreAddress, KeyRequest, Report, WriteRequest};
use crate::log::{Level, Line};
use crate::outcome::{Outcome, WriteOutcome};

#[wasm_bindgen(module = "/src/edge/key_object.js")]
extern "C" {
    /// Hands a request of a credential in a workspace to its key's object, and goes on with
    /// [`Forward::object_answered`], [`Forward::object_failed`] or, where the credential has too many under way,
    /// [`Forward::too_many`]. Once it has taken `longest_ms` it no longer counts as under way.
    pub fn carry(
        forward: Forward,
        credential: &str,
        workspace: &str,
        longest_ms: u32,
        namespace: &DurableObjectNamespace,
        name: &str,
        request_id: &str,
        prefix: &Uint8Array,
        body: &Uint8Array,
    ) -> Promise;

    /// The object's answer as the caller gets it.
    #[wasm_bindgen(catch, js_name = passReported)]
    pub fn pass_reported(
        answer: &Response,
        request_id: &str,
        reference: Option<&str>,
        replayed: bool,
        booked: Option<&str>,
    ) -> Result<Response, JsValue>;
}

/// How long the object of a key may look at Core beside sending, as far as what is under way is counted, in
/// milliseconds.
const LOOKS_MS: u32 = 300_000;

impl Forward {
    /// Hands the request over to its object: the plan, the headers and the body.
    pub(super) fn ask(mut self, body: &Uint8Array) -> JsValue {
        let Some(name) = self.plan.idempotency.as_ref().map(|key| key.object_name(&self.plan.credential.id)) else {
            return self.refuse(&Error::Internal);
        };
        self.sent_at = Some(now());
        let credential = Rc::clone(&self.plan.credential);
        let longest_ms = 2 * self.plan.timeout().millis() + LOOKS_MS;
        let prefix = bindings::bytes_out(&KeyRequest::Write(self.job()).to_prefix());
        // The message takes the body's place, which is let go in the same turn.
        let held = prefix.length() as usize + body.length() as usize;
        if self.body.as_mut().is_some_and(|hold| !hold.resize(held)) {
            return self.refuse(&Error::Busy);
        }
        let namespace = self.state.idempotency.clone();
        let request_id = self.incoming.request_id.clone();
        carry(self, &credential.id, &credential.workspace, longest_ms, &namespace, &name, &request_id, &prefix, body)
            .into()
    }

    fn job(&self) -> WriteRequest {
        let (plan, core) = (&self.plan, &self.plan.core);
        let headers = bindings::upstream_headers(&self.incoming.request, &self.upstream_headers().join("\n"));
        let (pairs, _) = headers.as_chunks::<2>();
        let base_url = core.base_url.as_str();
        WriteRequest {
            instance: plan.instance.id.to_string(),
            core: CoreAddress {
                base_url: base_url.to_owned(),
                headers: pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect(),
            },
            method: plan.route.method.as_str().to_owned(),
            target: plan.url.strip_prefix(base_url).unwrap_or_default().to_owned(),
            timeout_ms: plan.timeout().millis(),
            rule: core.rule,
            request_id: self.incoming.request_id.clone(),
        }
    }

    fn log_reported(&self, status: u16, report: &Report) {
        let (level, detail) = report.level(status);
        let line = Line {
            code: report.code.as_deref(),
            core_ms: report.core_ms,
            upstream_status: report.upstream_status,
            reference: report.reference.as_deref(),
            idempotency: Some(&report.said),
            ..self.line(status, level, None, detail)
        };
        write_log(&self.state, &line, true);
    }
}

/// The turns in which JavaScript hands the call back.
#[wasm_bindgen]
impl Forward {
    /// The object answered: what it gives is what the caller gets.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over an owned text")]
    pub fn object_answered(self, answer: &Response, status: u16, report: String) -> JsValue {
        let Some(report) = Report::from_header(&report) else {
            return self.object_failed(format!("it answered {status}"));
        };
        let (reference, booked) = (report.made_reference.as_deref(), report.booked.as_deref());
        match pass_reported(answer, &self.incoming.request_id, reference, report.replayed, booked) {
            Ok(response) => {
                self.log_reported(status, &report);
                response.into()
            }
            Err(_) => self.object_failed(format!("its answer of {status} cannot be passed on")),
        }
    }

    /// It was not asked: the credential has too many requests under way.
    pub fn too_many(self) -> JsValue {
        self.refuse(&Error::TooManyInFlight)
    }

    /// It did not, and why: whether it sent anything is not known here.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over an owned text")]
    pub fn object_failed(self, why: String) -> JsValue {
        let outcome = WriteOutcome { outcome: Outcome::UnknownWithKey, reference: None, references: Vec::new() };
        let error = Error::IdempotencyUnavailable;
        self.log(
            error.status(),
            Level::of(&error),
            Some(&error),
            Some(&format!("the object of the key failed: {why}")),
        );
        error_response(&error, &self.incoming.request_id, Some(&outcome), None).into()
    }
}
