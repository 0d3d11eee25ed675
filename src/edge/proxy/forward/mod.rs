//! A request that was let through, from its plan to its answer.

mod idempotent;

use std::rc::Rc;

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::budget::FIRST_BYTES;
use crate::clock::Timestamp;
use crate::edge::bindings;
use crate::edge::incoming::Incoming;
use crate::edge::proxy::settle::{FetchResult, conclude};
use crate::edge::response::{drain_then, error_response, keeps_line, write_log};
use crate::edge::state::{Memory, Reservation, State};
use crate::edge::{now, random_bytes};
use crate::enrich::{self, BodyRefusal, Enriched, Shape};
use crate::error::Error;
use crate::http::Method;
use crate::log::{CacheState, Level, Line};
use crate::outcome::WriteOutcome;
use crate::proxy::headers::{BLNK_KEY, REFERENCE, REQUEST_ID};
use crate::proxy::routes::Body;
use crate::proxy::settle::reference_origin;
use crate::proxy::{Plan, UpstreamBody, UpstreamRequest};

/// The most of an unused body, in bytes, that the platform's HTTP server itself reads to its end.
const PLATFORM_DRAINS: usize = 64 << 10;

#[wasm_bindgen(module = "/src/edge/proxy/forward.js")]
extern "C" {
    /// Reads the body and goes on with [`Forward::complete`] or, where it is `keyed`, [`Forward::hand_over`]. Of the
    /// budget the `first` bytes may be `held` already. Nothing may stay away for longer than `idle_ms`, and all must be
    /// there within `whole_ms`.
    #[wasm_bindgen(js_name = withBody)]
    pub fn with_body(
        forward: Forward,
        request: &Request,
        keyed: bool,
        declared: Option<u32>,
        limit: u32,
        first: u32,
        held: bool,
        idle_ms: u32,
        whole_ms: u32,
    ) -> Promise;
}

/// A request that was let through. Where its body must be read first, JavaScript holds it between the turns; every
/// other is sent at once, and nothing of it is kept here.
#[wasm_bindgen]
pub struct Forward {
    plan: Plan,
    incoming: Incoming,
    state: Rc<State>,
    cache: CacheState,
    /// Something that went wrong on the way and did not stop the request.
    warning: Option<String>,
    /// When the request was handed to the object of its key; none before that.
    sent_at: Option<Timestamp>,
    enriched: Option<Enriched>,
    /// What the body has of the budget, given back when the call is over.
    body: Option<Reservation>,
}

impl Forward {
    /// Carries a plan out: reads the body first where it must be completed or kept, else sends the request at once.
    /// Gives a response or the promise of one.
    pub fn start(
        plan: Plan,
        incoming: Incoming,
        cache: CacheState,
        warning: Option<String>,
        state: &Rc<State>,
    ) -> JsValue {
        let body = plan.route.body;
        let call =
            Self { plan, incoming, state: Rc::clone(state), cache, warning, sent_at: None, enriched: None, body: None };
        let keyed = call.plan.idempotency.is_some();
        match body {
            Body::Nothing if keyed => call.ask(&Uint8Array::new_with_length(0)),
            Body::Nothing if !call.plan.route.writes() => call.send(UpstreamBody::Nothing),
            Body::Nothing => call.send(UpstreamBody::Empty),
            Body::Upload if !keyed => call.send(call.stream()),
            Body::Streamed if !keyed => match call.check_declared() {
                Ok(_) => call.send(call.stream()),
                Err(error) => call.refuse(&error),
            },
            Body::Streamed | Body::Upload | Body::Enriched(_) => match call.prepare_body() {
                Ok(declared) => call.read(keyed, declared),
                Err(error) => call.refuse(&error),
            },
        }
    }

    /// How a body that passes unread goes up.
    fn stream(&self) -> UpstreamBody {
        let declared = self.incoming.lines().declared_length();
        let nothing = declared == Some(0) || self.incoming.request.body().is_none();
        match declared {
            _ if nothing && self.plan.route.method == Method::Put => UpstreamBody::Empty,
            _ if nothing => UpstreamBody::Own,
            Some(..=PLATFORM_DRAINS) => UpstreamBody::Own,
            _ => UpstreamBody::Guarded,
        }
    }

    /// The length that a body declares that is to be read, where nothing speaks against reading it.
    fn prepare_body(&self) -> Result<Option<usize>, Error> {
        if self.incoming.lines().is_encoded() && matches!(self.plan.route.body, Body::Enriched(_)) {
            return Err(Error::UnsupportedEncoding);
        }
        self.check_declared()
    }

    /// Reads the body, and goes on in another turn. Of the budget it has what has come, and a little to begin with.
    fn read(mut self, keyed: bool, declared: Option<usize>) -> JsValue {
        let limit = self.state.config.max_transaction_bytes;
        let first = declared.unwrap_or(limit).min(FIRST_BYTES);
        let held = self.hold(first);
        let size = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (declared, limit, first) = (declared.map(size), size(limit), size(first));
        let (idle_ms, whole_ms) = (self.state.config.body_idle_ms, self.plan.timeout().millis());
        // Another handle on the same request; its own method `clone` would split the body in two.
        let request = Clone::clone(&self.incoming.request);
        with_body(self, &request, keyed, declared, limit, first, held, idle_ms, whole_ms).into()
    }

    /// The length that is declared, where it is not over the limit.
    fn check_declared(&self) -> Result<Option<usize>, Error> {
        let limit = self.state.config.max_transaction_bytes;
        match self.incoming.lines().declared_length() {
            Some(length) if length > limit => Err(Error::Body(BodyRefusal::TooLarge { limit })),
            declared => Ok(declared),
        }
    }

    fn send(&self, body: UpstreamBody) -> JsValue {
        bindings::forward(&self.incoming.request, &self.sending(body))
    }

    /// All that sending takes, as [`UpstreamRequest::to_text`] gives it.
    fn sending(&self, body: UpstreamBody) -> String {
        let (plan, made) = (&self.plan, self.made_reference());
        // A pipe for a declared length takes no more than that; of chunks it is not known how many come.
        let counted = body == UpstreamBody::Guarded && plan.route.body == Body::Streamed;
        let counted = counted && self.incoming.lines().declared_length().is_none();
        let sending = UpstreamRequest {
            url: &plan.url,
            body,
            limit: counted.then_some(self.state.config.max_transaction_bytes),
            timeout: plan.timeout(),
            request_id: &self.incoming.request_id,
            reference: made.as_deref().unwrap_or_default(),
            begun: &self.line(0, Level::Info, None, None).begun(),
            logged: self.warning.is_some() || keeps_line(&self.state, 200, plan.route.writes()),
            writes: plan.route.writes(),
            credential: &plan.credential.id,
            warning: self.warning.as_deref().unwrap_or_default(),
        };
        sending.to_text(&self.upstream_headers())
    }

    /// What is set on the way up, name and value in turn.
    fn upstream_headers(&self) -> Vec<&str> {
        let core = &self.plan.core;
        let proto = if self.plan.https { "https" } else { "http" };
        let mut set = Vec::with_capacity(10);
        set.extend([BLNK_KEY, core.key.expose(), REQUEST_ID, &self.incoming.request_id, "x-forwarded-proto", proto]);
        set.extend(core.access_headers().flatten());
        set
    }

    fn refuse(&self, error: &Error) -> JsValue {
        let outcome = self.plan.route.writes().then_some(WriteOutcome::NOT_SENT);
        let response = self.error(error, outcome.as_ref());
        drain_then(&self.incoming.request, response)
    }

    fn error(&self, error: &Error, outcome: Option<&WriteOutcome>) -> Response {
        self.log(error.status(), Level::of(error), Some(error), None);
        error_response(error, &self.incoming.request_id, outcome, self.made_reference().as_deref())
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
        Line {
            level: level.with_warning(self.warning.as_deref()),
            route: Some(plan.route.pattern),
            status,
            code: error.map(Error::code),
            credential: Some(&plan.credential.id),
            workspace: Some(&plan.credential.workspace),
            instance: Some(&plan.instance.id),
            cache: Some(self.cache),
            reference: self.enriched.as_ref().map(reference_origin),
            detail: detail.or(self.warning.as_deref()),
            ..self.incoming.line()
        }
    }
}

/// The turns in which JavaScript goes on with the call.
#[wasm_bindgen]
impl Forward {
    /// Holds so many bytes more of the body; `false` where there is no room for them.
    pub fn hold(&mut self, bytes: usize) -> bool {
        if let Some(held) = &mut self.body {
            return held.resize(held.bytes().saturating_add(bytes));
        }
        let credential = &self.plan.credential;
        self.body = self.state.hold(Memory::Body, &credential.id, &credential.workspace, bytes);
        self.body.is_some()
    }

    /// There was no room for the body, for as long as it waited.
    pub fn busy(self) -> JsValue {
        self.refuse(&Error::Busy)
    }

    /// The body is there: completes it. What it gives is sent with [`Forward::completed`], unless it is a response, a
    /// refusal, or a number: of the bytes that must be held before.
    pub fn complete(&mut self, body: &Uint8Array) -> JsValue {
        let Body::Enriched(shape) = self.plan.route.body else { return self.refuse(&Error::Internal) };
        match self.enrich(body, shape) {
            Ok(Completed::Whole) => self.sending(UpstreamBody::Bytes).into(),
            Ok(Completed::Lacks(bytes)) => bytes.into(),
            Err(error) => self.refuse(&error),
        }
    }

    /// The completed body, once; none where the caller's own goes on.
    pub fn completed(&mut self) -> Option<Uint8Array> {
        let body = self.enriched.as_mut()?.body.take()?;
        Some(bindings::bytes_out(&body))
    }

    /// The body is there: hands the request over to the object of its key.
    pub fn hand_over(self, body: &Uint8Array) -> JsValue {
        self.ask(body)
    }

    /// The body grew over the limit while it was read.
    pub fn body_too_large(self) -> JsValue {
        let limit = self.state.config.max_transaction_bytes;
        self.refuse(&Error::Body(BodyRefusal::TooLarge { limit }))
    }

    /// The body broke off.
    pub fn body_failed(self) -> JsValue {
        self.refuse(&Error::BodyIncomplete)
    }

    /// It is over, and gives back what it holds. Not `free`: that one does not look whether the object is of this
    /// instance.
    pub fn done(self) {
        drop(self);
    }

    /// It ended in something other than an ordinary answer; the arguments are those of [`crate::edge::Edge::settle`].
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over owned texts")]
    pub fn settle(self, sending: &str, outcome: u16, core_ms: f64, answer: Option<Response>) -> JsValue {
        let references = self.enriched.as_ref().map(|enriched| &enriched.references);
        conclude(sending, &FetchResult { status: outcome, core_ms, answer: answer.as_ref() }, references)
    }
}

impl Forward {
    fn enrich(&mut self, body: &Uint8Array, shape: Shape) -> Result<Completed, Error> {
        let limit = self.state.config.max_transaction_bytes;
        let bytes = body.to_vec();
        let understood = enrich::understand(&bytes, shape, self.plan.core.rule, limit).map_err(Error::Body)?;
        // Reserved before it is built. The input is freed in the same turn, so only the output counts.
        let size = understood.size();
        if let Some(held) = &mut self.body
            && !held.resize(size)
        {
            return Ok(Completed::Lacks(u32::try_from(size - held.bytes()).unwrap_or(u32::MAX)));
        }
        self.enriched = Some(understood.complete(random_bytes));
        Ok(Completed::Whole)
    }
}

/// Whether a body could be completed.
enum Completed {
    Whole,
    /// There is no room for so many bytes.
    Lacks(u32),
}

// The name is part of the answers' contract: `forward.js` sets it where a reference was made.
const _: () = assert!(matches!(REFERENCE.as_bytes(), b"x-blnk-reference"));
