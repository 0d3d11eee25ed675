//! `GET /idempotency/{key}`: the object of the key is asked what it knows, and then, where that is not the end of it
//! and who asks still reaches the instance, to look at Core.

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::Env;
use worker::worker_sys::DurableObjectNamespace;

use super::bindings::{bytes_out, log_line, respond};
use super::incoming::Incoming;
use super::kv::{Reader, Unreadable};
use super::now;
use super::promises::{into_promise, settled};
use super::proxy::{CachedRecords, FAILED_BEFORE};
use super::response::Rejection;
use super::state::State;
use crate::error::Error;
use crate::idempotency::message::{CoreAddress, KeyRequest, Report, StatusRequest};
use crate::log::{CacheState, Level, Line};
use crate::proxy::headers::{BLNK_KEY, REQUEST_ID};
use crate::proxy::inquiry::{Inquiry, InquiryDecision, decide_inquiry};
use crate::proxy::{Known, Need};
use crate::registry::{Cached, Core};

#[wasm_bindgen(module = "/src/edge/key_object.js")]
extern "C" {
    /// Asks a key's object: an array of report and text of its answer.
    #[wasm_bindgen(js_name = inquire)]
    pub fn ask_object_of_key(
        credential: &str,
        workspace: &str,
        namespace: &DurableObjectNamespace,
        name: &str,
        request_id: &str,
        message: &Uint8Array,
    ) -> Promise;
}

/// The pattern of the route, for the log.
const ROUTE: &str = "/idempotency/:key";

/// Serves a request: gives the promise of a response.
pub fn serve(incoming: Incoming, env: Env, state: Rc<State>) -> JsValue {
    into_promise(async move {
        let mut known = Known { credential: Cached::Unknown, instance: Cached::Unknown };
        let mut reader = Reader::new(&env);
        let answer = match decide(&incoming, &state, &mut reader, &mut known).await {
            Ok(inquiry) => answer(&inquiry, &incoming, &state, &mut reader, &mut known).await,
            Err(failure) => Err(failure),
        };
        let cache = known.is_stale().then_some(CacheState::Stale);
        let warning = cache.map(|_| reader.fell_back.as_deref().unwrap_or(FAILED_BEFORE));
        Ok(match answer {
            Ok(told) => finish(&incoming, &known, cache, warning, &told),
            Err(InquiryFailure { error, detail }) => {
                let detail = detail.as_deref().or(warning);
                Rejection { known: Some(&known), cache, detail, ..Rejection::of(&incoming) }.respond(&error)
            }
        })
    })
    .into()
}

/// What the object told.
struct Told {
    report: Report,
    body: String,
}

/// An error of ours, and what an operator needs to know more.
struct InquiryFailure {
    error: Error,
    detail: Option<String>,
}

impl From<Error> for InquiryFailure {
    fn from(error: Error) -> Self {
        Self { error, detail: None }
    }
}

async fn decide(
    incoming: &Incoming,
    state: &State,
    reader: &mut Reader<'_>,
    known: &mut Known,
) -> Result<Inquiry, InquiryFailure> {
    loop {
        let now = now();
        let mut records = CachedRecords { state, known, now };
        match decide_inquiry(&incoming.lines().head(), &mut records, state.config.signer.as_ref(), now) {
            InquiryDecision::Ask(inquiry) => return Ok(inquiry),
            InquiryDecision::Refuse(error) => return Err(error.into()),
            InquiryDecision::Need(need) => read(reader, &need, known).await?,
        }
    }
}

async fn read(reader: &mut Reader<'_>, need: &Need, known: &mut Known) -> Result<(), InquiryFailure> {
    let unreadable =
        |unreadable: Unreadable| InquiryFailure { error: Error::RegistryUnavailable, detail: Some(unreadable.0) };
    reader.read(need, known).await.map_err(unreadable)
}

async fn answer(
    inquiry: &Inquiry,
    incoming: &Incoming,
    state: &State,
    reader: &mut Reader<'_>,
    known: &mut Known,
) -> Result<Told, InquiryFailure> {
    let told = ask(inquiry, None, incoming, state).await?;
    let Some(instance) = told.report.instance.clone() else { return Ok(told) };
    known.instance = state.instances.borrow_mut().look(&instance, now());
    if matches!(known.instance, Cached::Unknown) {
        read(reader, &Need { credential: None, instance: Some(instance) }, known).await?;
    }
    let core = inquiry.core(known.instance.record())?;
    if told.report.open { ask(inquiry, Some(address(&core, incoming)), incoming, state).await } else { Ok(told) }
}

fn address(core: &Core, incoming: &Incoming) -> CoreAddress {
    let own = [[BLNK_KEY, core.key.expose()], [REQUEST_ID, incoming.request_id.as_str()]];
    let headers = own.into_iter().chain(core.access_headers());
    let headers = headers.map(|[name, value]| (name.to_owned(), value.to_owned())).collect();
    CoreAddress { base_url: core.base_url.as_str().to_owned(), headers }
}

async fn ask(
    inquiry: &Inquiry,
    core: Option<CoreAddress>,
    incoming: &Incoming,
    state: &State,
) -> Result<Told, InquiryFailure> {
    let failed = |why: String| InquiryFailure {
        error: Error::IdempotencyUnavailable,
        detail: Some(format!("the object of the key failed: {why}")),
    };
    let name = inquiry.key.object_name(&inquiry.credential.id);
    let request_id = incoming.request_id.clone();
    let ask = KeyRequest::Inquire(StatusRequest { key: inquiry.key.expose().to_owned(), core, request_id });
    let message = bytes_out(&ask.to_prefix());
    let credential = &inquiry.credential;
    let told = ask_object_of_key(
        &credential.id,
        &credential.workspace,
        &state.idempotency,
        &name,
        &incoming.request_id,
        &message,
    );
    let answer = Array::from(&settled(told).await.map_err(failed)?);
    let text = |at| answer.get(at).as_string().unwrap_or_default();
    let report = Report::from_header(&text(0)).ok_or_else(|| failed("it gave no report".to_owned()))?;
    match report.code.as_deref() {
        None => Ok(Told { report, body: text(1) }),
        Some(said) if said == Error::IdempotencyKeyNotFound.code() => Err(Error::IdempotencyKeyNotFound.into()),
        Some(said) if said == Error::Busy.code() => Err(Error::Busy.into()),
        Some(said) => Err(failed(said.to_owned())),
    }
}

fn finish(
    incoming: &Incoming,
    known: &Known,
    cache: Option<CacheState>,
    warning: Option<&str>,
    told: &Told,
) -> JsValue {
    let credential = known.credential.record();
    let line = Line {
        level: Level::Info.with_cache(cache),
        route: Some(ROUTE),
        status: 200,
        credential: credential.map(|credential| &*credential.id),
        workspace: credential.map(|credential| &*credential.workspace),
        instance: told.report.instance.as_deref(),
        core_ms: told.report.core_ms,
        cache,
        idempotency: Some("asked"),
        detail: warning,
        ..incoming.line()
    };
    log_line(&line.to_json());
    respond(200, &told.body, &incoming.request_id, "").into()
}
