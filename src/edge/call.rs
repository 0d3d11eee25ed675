//! A request that was let through, from its plan to its answer.

mod keyed;

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use super::answer::{drain_then, error_response, keeps_line, level, write_log};
use super::arrival::Arrival;
use super::platform;
use super::state::{Reservation, State};
use super::{now, random_bytes};
use crate::clock::Timestamp;
use crate::enrich::{self, Enriched, Refusal, Shape};
use crate::error::{Error, WriteFate};
use crate::log::{CacheState, Level, Line};
use crate::proxy::headers::{BLNK_KEY, REFERENCE, REQUEST_ID};
use crate::proxy::outcome::{is_html, reference_origin, unknown_fate};
use crate::proxy::routes::Body;
use crate::proxy::{Method, Plan, Upstream, settle};

/// The most of a body, in bytes, that the platform itself reads on when nobody wants it: its HTTP server's grace.
const PLATFORM_DRAINS: usize = 64 << 10;

/// Everything that is kept of a request while Core is asked. JavaScript holds it between the turns, and hands it back once.
#[wasm_bindgen]
pub struct Call {
    plan: Plan,
    arrival: Arrival,
    state: Rc<State>,
    cache: CacheState,
    /// Something that went wrong on the way and did not stop the request.
    warning: Option<String>,
    /// When the request was handed to `fetch`; none before that.
    sent_at: Option<Timestamp>,
    enriched: Option<Enriched>,
    /// The body's part of the budget, given back when the call is over.
    body: Option<Reservation>,
}

impl Call {
    /// Carries a plan out: reads the body first where it must be completed or kept, else sends the request at once. Gives
    /// a response or the promise of one.
    pub fn start(
        plan: Plan,
        arrival: Arrival,
        cache: CacheState,
        warning: Option<String>,
        state: &Rc<State>,
    ) -> JsValue {
        let body = plan.route.body;
        let mut call =
            Self { plan, arrival, state: Rc::clone(state), cache, warning, sent_at: None, enriched: None, body: None };
        let keyed = call.plan.idempotency.is_some();
        match body {
            Body::Nothing if keyed => call.ask(&Uint8Array::new_with_length(0)),
            Body::Nothing if !call.plan.route.writes() => call.send(JsValue::NULL),
            Body::Nothing => call.send("empty".into()),
            Body::Streamed | Body::Upload if !keyed => {
                let stream = call.stream();
                call.send(stream.into())
            }
            Body::Streamed | Body::Upload | Body::Enriched(_) => match call.prepare_body() {
                Ok(limit) => {
                    let (request, declared) = (call.request(), call.arrival.lines().declared_length());
                    // A slow one would keep its part of the budget from others. Small ones are not worth a timer each.
                    let small = declared.is_some_and(|length| length <= PLATFORM_DRAINS);
                    let timeout_ms = if small { 0 } else { call.plan.timeout().millis() };
                    platform::with_body(call, &request, limit, declared.is_some(), timeout_ms).into()
                }
                Err(error) => call.refuse(&error),
            },
        }
    }

    /// How a body that passes unread goes up; the kinds are those of `glue.js`.
    fn stream(&self) -> &'static str {
        let declared = self.arrival.lines().declared_length();
        let nothing = declared == Some(0) || self.arrival.request.body().is_none();
        match declared {
            _ if nothing && self.plan.route.method == Method::Put => "empty",
            _ if nothing => "own",
            Some(..=PLATFORM_DRAINS) => "own",
            _ => "guarded",
        }
    }

    /// Sets the body's part of the budget aside: twice its size, for what comes in and what goes out.
    fn prepare_body(&mut self) -> Result<u32, Error> {
        let limit = self.state.config.max_transaction_bytes;
        let (declared, encoded) = {
            let lines = self.arrival.lines();
            (lines.declared_length(), lines.is_encoded())
        };
        if encoded && matches!(self.plan.route.body, Body::Enriched(_)) {
            return Err(Error::UnsupportedEncoding);
        }
        if declared.is_some_and(|length| length > limit) {
            return Err(Error::Body(Refusal::TooLarge { limit }));
        }
        let reserved = self.state.reserve(declared.unwrap_or(limit).saturating_mul(2));
        self.body = Some(reserved.ok_or(Error::Busy)?);
        Ok(u32::try_from(limit).unwrap_or(u32::MAX))
    }

    fn send(mut self, body: JsValue) -> JsValue {
        self.sent_at = Some(now());
        let set = self.upstream_headers();
        let (request, url, timeout) = (self.request(), std::mem::take(&mut self.plan.url), self.plan.timeout());
        let (line, request_id, reference) =
            (self.ordinary_line(), self.arrival.request_id.clone(), self.made_reference());
        platform::forward(self, &request, &url, &set, timeout.millis(), body, &line, &request_id, reference.as_deref())
    }

    /// The log line of an answer with a 2xx, up to where JavaScript writes its status and the time that it took; empty where
    /// the setting keeps none. Written ahead, it spares such an answer the way through wasm: 4 to 6 % of a request.
    fn ordinary_line(&self) -> String {
        if !keeps_line(&self.state, 200, self.plan.route.writes()) {
            return String::new();
        }
        let mut json = self.line(0, Level::Info, None, None).to_json();
        json.truncate(json.len().saturating_sub(1));
        json.push(',');
        json
    }

    /// Another handle on the same request; its own method `clone` would split the body in two.
    fn request(&self) -> Request {
        Clone::clone(&self.arrival.request)
    }

    /// What is set on the way up, name and value a line each.
    fn upstream_headers(&self) -> String {
        let core = &self.plan.core;
        let proto = if self.plan.https { "https" } else { "http" };
        let mut lines =
            vec![BLNK_KEY, core.key.expose(), REQUEST_ID, &self.arrival.request_id, "x-forwarded-proto", proto];
        if let Some(access) = &core.access {
            lines.extend(["cf-access-client-id", access.client_id.expose()]);
            lines.extend(["cf-access-client-secret", access.client_secret.expose()]);
        }
        lines.join("\n")
    }

    fn refuse(self, error: &Error) -> JsValue {
        let fate = self.plan.route.writes().then_some(WriteFate::NOT_SENT);
        let response = self.error(error, fate.as_ref());
        drain_then(&self.arrival.request, response)
    }

    fn error(&self, error: &Error, fate: Option<&WriteFate>) -> Response {
        self.log(error.status(), level(error), Some(error), None);
        error_response(error, &self.arrival.request_id, fate, self.made_reference().as_deref())
    }

    fn made_reference(&self) -> Option<String> {
        self.enriched.as_ref()?.references.made().map(|reference| reference.to_string())
    }

    fn log(&self, status: u16, level: Level, error: Option<&Error>, detail: Option<&str>) {
        let line =
            Line { core_ms: self.sent_at.map(|sent| now().since(sent)), ..self.line(status, level, error, detail) };
        write_log(&self.state, &line, self.plan.route.writes());
    }

    fn line<'a>(&'a self, status: u16, level: Level, error: Option<&'a Error>, detail: Option<&'a str>) -> Line<'a> {
        let plan = &self.plan;
        let upstream_status = match error {
            Some(Error::CoreUnreachable { upstream_status }) => *upstream_status,
            Some(Error::CoreRedirect { upstream_status }) => Some(*upstream_status),
            _ => None,
        };
        Line {
            level: if self.warning.is_some() { level.max(Level::Warn) } else { level },
            route: Some(plan.route.pattern),
            status,
            code: error.map(Error::code),
            credential: Some(&plan.credential.id),
            workspace: Some(&plan.credential.workspace),
            instance: Some(&plan.instance.id),
            upstream_status,
            cache: Some(self.cache),
            reference: self.enriched.as_ref().map(reference_origin),
            detail: detail.or(self.warning.as_deref()),
            ..self.arrival.line()
        }
    }
}

/// The turns in which JavaScript hands the call back.
#[wasm_bindgen]
impl Call {
    /// The body is there: complete it and send it, or have it sent.
    pub fn body_read(mut self, body: &Uint8Array) -> JsValue {
        if self.plan.idempotency.is_some() {
            return self.ask(body);
        }
        let Body::Enriched(shape) = self.plan.route.body else { return self.refuse(&Error::Internal) };
        match self.enrich(body, shape) {
            Ok(body) => self.send(body.into()),
            Err(error) => self.refuse(&error),
        }
    }

    /// The body grew over the limit while it was read.
    pub fn body_too_large(self) -> JsValue {
        let limit = self.state.config.max_transaction_bytes;
        self.refuse(&Error::Body(Refusal::TooLarge { limit }))
    }

    /// The body broke off.
    pub fn body_failed(self) -> JsValue {
        self.refuse(&Error::BodyIncomplete)
    }

    /// Something answered. `content_type` is only looked at where the status leaves it open whose answer this is.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over an owned text")]
    pub fn answered(self, answer: &Response, status: u16, content_type: Option<String>) -> JsValue {
        let html = content_type.as_deref().is_some_and(is_html);
        if let Err(error) = settle(Upstream::Answered { status, html }, self.plan.timeout()) {
            return self.failed_with(&error);
        }
        let (level, detail) = match status {
            401 => (Level::Error, Some("Core refused the instance's own key")),
            _ => (Level::Info, None),
        };
        match platform::pass_on(answer, &self.arrival.request_id, self.made_reference().as_deref()) {
            Ok(response) => {
                self.log(status, level, None, detail);
                response.into()
            }
            Err(_) => self.failed_with(&Error::Internal),
        }
    }

    /// The platform would not make the request.
    pub fn not_sent(self) -> JsValue {
        self.refuse(&Error::Internal)
    }

    /// `fetch` failed.
    pub fn failed(self, timed_out: bool) -> JsValue {
        let upstream = if timed_out { Upstream::TimedOut } else { Upstream::Failed };
        match settle(upstream, self.plan.timeout()) {
            Err(error) => self.failed_with(&error),
            Ok(()) => self.failed_with(&Error::Internal),
        }
    }
}

impl Call {
    fn enrich(&mut self, body: &Uint8Array, shape: Shape) -> Result<Uint8Array, Error> {
        let limit = self.state.config.max_transaction_bytes;
        let bytes = body.to_vec();
        let enriched = enrich::enrich(&bytes, shape, self.plan.core.rule, limit, random_bytes).map_err(Error::Body)?;
        let sent = enriched.body.as_deref().map_or_else(|| body.clone(), platform::bytes_out);
        // From here on only what goes out is held, and what came in until it is collected.
        if let Some(reservation) = &mut self.body
            && !reservation.resize(bytes.len() + sent.length() as usize)
        {
            return Err(Error::Busy);
        }
        self.enriched = Some(Enriched { body: None, ..enriched });
        Ok(sent)
    }

    fn failed_with(self, error: &Error) -> JsValue {
        let references = self.enriched.as_ref().map(|enriched| &enriched.references);
        let fate = self.plan.route.writes().then(|| unknown_fate(references));
        self.error(error, fate.as_ref()).into()
    }
}

// The name is part of the answers' contract: `glue.js` sets it where a reference was made.
const _: () = assert!(matches!(REFERENCE.as_bytes(), b"x-blnk-reference"));
