//! The platform: the only folder that names it. It carries decisions out.
//!
//! [`fetch`] is the Worker. A warm request to `/proxy` is decided without awaiting anything and goes straight to Core; a
//! cold one reads its records first, in parallel. In reading order: [`head`] (what crosses from JavaScript), [`state`]
//! (what an isolate keeps), [`records`] (KV), [`call`] (a request under way), [`platform`] (the calls themselves).

mod admin;
mod call;
mod head;
mod platform;
mod records;
mod registry;
mod sql_store;
mod state;

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Request, Response};
use worker::Env;

use crate::clock::Timestamp;
use crate::error::{Error, WriteFate};
use crate::log::{CacheState, Level, Line};
use crate::proxy::headers::REFERENCE;
use crate::proxy::target::Target;
use crate::proxy::{Decision, Known, Method, Need, Plan, could_write, decide};
use crate::registry::Lookup;

use call::{Call, Context};
use head::Lines;
use state::State;

/// The Worker's `fetch` handler: gives a response, or the promise of one.
///
/// It is exported as it stands, without the `worker` crate's `event` macro, because a handler that may return without a
/// promise of its own costs less: measured at 1.18 times a bare pass-through against 1.40 to 1.50.
#[wasm_bindgen]
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over what JavaScript passes")]
pub fn fetch(request: Request, env: Env, context: JsValue) -> JsValue {
    let text = platform::head(&request);
    let lines = Lines::split(&text);
    let writes = lines.method != "GET";
    let answer = serve(request, &text, &lines, env);
    // A caller who hangs up must neither cancel a write nor lose its log line.
    match answer.dyn_into::<Promise>() {
        Ok(promise) if writes => platform::keep_alive(&context, promise).into(),
        Ok(promise) => promise.into(),
        Err(response) => response,
    }
}

fn serve(request: Request, text: &str, lines: &Lines<'_>, env: Env) -> JsValue {
    let request_id = lines.request_id().map_or_else(new_request_id, str::to_owned);
    let surface = match Target::split(lines.url) {
        Ok(target) => surface(target.path),
        Err(error) => return Refusal::new(lines, &request_id).respond(&request, &error, None),
    };
    match surface {
        Surface::None => return Refusal::new(lines, &request_id).respond(&request, &Error::RouteNotFound, None),
        Surface::Health => return health(lines, &request_id),
        Surface::Proxy | Surface::Admin => {}
    }
    let state = match State::of(&env) {
        Ok(state) => state,
        Err(faults) => {
            let error = Error::Misconfigured { faults: faults.to_vec() };
            return Refusal::new(lines, &request_id).respond(&request, &error, Some(&faults.join("; ")));
        }
    };
    if surface == Surface::Admin {
        return admin_promise(request, text.to_owned(), request_id, env, state);
    }
    let mut known = Known { credential: Lookup::Unknown, instance: Lookup::Unknown };
    match decide_from_cache(lines, &state, &mut known, now()) {
        Decision::Forward(plan) if state.limiter.is_none() => {
            Call::start(plan, context(request, lines, request_id, CacheState::Hit), &state)
        }
        Decision::Forward(plan) => limited_promise(plan, request, text.to_owned(), request_id, CacheState::Hit, state),
        Decision::Refuse(error) => Refusal::new(lines, &request_id).known(&known).respond(&request, &error, None),
        Decision::Need(need) => cold_promise(request, text.to_owned(), request_id, env, state, known, need),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Proxy,
    Admin,
    Health,
    None,
}

fn surface(path: &str) -> Surface {
    if path.starts_with("/proxy/") {
        Surface::Proxy
    } else if path == "/admin" || path.starts_with("/admin/") {
        Surface::Admin
    } else if path == "/healthz" {
        Surface::Health
    } else {
        Surface::None
    }
}

/// Says that the Worker runs, and which version of it. It looks at nothing else: no record, no Core.
fn health(lines: &Lines<'_>, request_id: &str) -> JsValue {
    let body = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}");
    let line = Line {
        request_id,
        trace_id: lines.trace_id(),
        method: Method::parse(lines.method).as_str(),
        route: Some("/healthz"),
        status: 200,
        ..Line::default()
    };
    platform::log_line(&line.to_json());
    platform::respond(200, body, request_id, "").into()
}

/// Decides, as often as the caches have what is needed.
fn decide_from_cache(lines: &Lines<'_>, state: &State, known: &mut Known, now: Timestamp) -> Decision {
    loop {
        match decide(&lines.head(), known, now) {
            Decision::Need(need) if state.recall(&need, known, now) => {}
            decision => return decision,
        }
    }
}

fn context(request: Request, lines: &Lines<'_>, request_id: String, cache: CacheState) -> Context {
    Context {
        request,
        request_id,
        trace_id: lines.trace_id().map(str::to_owned),
        cache,
        declared_length: lines.declared_length(),
        encoded: lines.is_encoded(),
        warning: None,
    }
}

/// The way of a request whose records are not all cached.
fn cold_promise(
    request: Request,
    text: String,
    request_id: String,
    env: Env,
    state: Rc<State>,
    mut known: Known,
    mut need: Need,
) -> JsValue {
    let answer = async move {
        let lines = Lines::split(&text);
        loop {
            let now = now();
            if let Err(unreadable) = records::read(&env, &state, &need, &mut known, now).await {
                let refusal = Refusal::new(&lines, &request_id);
                return refusal.respond(&request, &Error::RegistryUnavailable, Some(&unreadable.0));
            }
            match decide_from_cache(&lines, &state, &mut known, now) {
                Decision::Forward(plan) => {
                    return start_limited(plan, request, &lines, request_id, CacheState::Miss, &state).await;
                }
                Decision::Refuse(error) => {
                    let refusal = Refusal { cache: Some(CacheState::Miss), ..Refusal::new(&lines, &request_id) };
                    return refusal.known(&known).respond(&request, &error, None);
                }
                Decision::Need(more) => need = more,
            }
        }
    };
    // What `answer` gives may be a promise itself; a promise takes over another's value.
    future_to_promise(async move { Ok(answer.await) }).into()
}

/// The way of a request whose credential's rate is asked for; the binding answers with a promise.
fn limited_promise(
    plan: Plan,
    request: Request,
    text: String,
    request_id: String,
    cache: CacheState,
    state: Rc<State>,
) -> JsValue {
    future_to_promise(async move {
        Ok(start_limited(plan, request, &Lines::split(&text), request_id, cache, &state).await)
    })
    .into()
}

/// Step 8: asks the limiter, where there is one. A limiter that fails lets the request through, and the log says so.
async fn start_limited(
    plan: Plan,
    request: Request,
    lines: &Lines<'_>,
    request_id: String,
    cache: CacheState,
    state: &Rc<State>,
) -> JsValue {
    let mut warning = None;
    if let Some(limiter) = &state.limiter {
        match limiter.limit(plan.credential.id.to_string()).await {
            Ok(outcome) if !outcome.success => {
                let known =
                    Known { credential: Lookup::Found(Rc::clone(&plan.credential)), instance: Lookup::Unknown };
                let refusal = Refusal { cache: Some(cache), ..Refusal::new(lines, &request_id) };
                return refusal.known(&known).respond(&request, &Error::RateLimited, None);
            }
            Ok(_) => {}
            Err(error) => warning = Some(format!("the rate limiter failed, and the request was let through: {error}")),
        }
    }
    let context = context(request, lines, request_id, cache);
    Call::start(plan, Context { warning, ..context }, state)
}

fn admin_promise(request: Request, text: String, request_id: String, env: Env, state: Rc<State>) -> JsValue {
    future_to_promise(async move {
        let lines = Lines::split(&text);
        let (trace_id, method) = (lines.trace_id(), Method::parse(lines.method).as_str());
        let served = admin::serve(request, env, Rc::clone(&state.config), request_id.clone(), now()).await;
        let line = Line {
            level: if served.status >= 500 { Level::Error } else { Level::Info },
            request_id: &request_id,
            trace_id,
            method,
            route: Some(&served.route),
            status: served.status,
            code: served.code.as_deref(),
            actor: served.actor.as_deref(),
            detail: served.detail.as_deref(),
            ..Line::default()
        };
        platform::log_line(&line.to_json());
        Ok(served.response.into())
    })
    .into()
}

/// Writes the line of a request, if the setting keeps it.
fn write_log(state: &State, line: &Line<'_>, writes: bool) {
    if state.config.log.keeps(line.status, writes, js_sys::Math::random) {
        platform::log_line(&line.to_json());
    }
}

/// A request that ends before there is a plan.
struct Refusal<'a> {
    lines: &'a Lines<'a>,
    request_id: &'a str,
    cache: Option<CacheState>,
    known: Option<&'a Known>,
}

impl<'a> Refusal<'a> {
    fn new(lines: &'a Lines<'a>, request_id: &'a str) -> Self {
        Self { lines, request_id, cache: None, known: None }
    }

    fn known(self, known: &'a Known) -> Self {
        Self { known: Some(known), ..self }
    }

    fn respond(&self, request: &Request, error: &Error, detail: Option<&str>) -> JsValue {
        let method = Method::parse(self.lines.method);
        // Who called is only said once it is known to be true.
        let credential = match self.known.map(|known| &known.credential) {
            Some(Lookup::Found(credential)) if error.status() != 401 => Some(credential),
            _ => None,
        };
        let line = Line {
            level: if error.status() >= 500 { Level::Error } else { Level::Info },
            request_id: self.request_id,
            trace_id: self.lines.trace_id(),
            method: method.as_str(),
            status: error.status(),
            code: Some(error.code()),
            credential: credential.map(|credential| &*credential.id),
            workspace: credential.map(|credential| &*credential.workspace),
            cache: self.cache,
            detail,
            ..Line::default()
        };
        platform::log_line(&line.to_json());
        let fate = could_write(method, self.lines.url).then_some(WriteFate::NOT_SENT);
        drain_then(request, error_response(error, self.request_id, fate.as_ref(), None))
    }
}

/// An error as an answer.
fn error_response(error: &Error, request_id: &str, fate: Option<&WriteFate>, reference: Option<&str>) -> Response {
    let mut extra = Vec::new();
    for (name, value) in error.headers() {
        extra.extend([name.to_owned(), value]);
    }
    if let Some(reference) = reference {
        extra.extend([REFERENCE.to_owned(), reference.to_owned()]);
    }
    platform::respond(error.status(), &error.body(request_id, fate), request_id, &extra.join("\n"))
}

/// The answer, once a body that nobody wants was read.
fn drain_then(request: &Request, response: Response) -> JsValue {
    if request.body().is_some() { platform::drained(request, response).into() } else { response.into() }
}

/// The platform's clock. It stands still while the Worker computes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of milliseconds since 1970")]
fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// 16 bytes of the platform's randomness.
fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    // The platform's generator does not fail inside a request; a failure would trap rather than give what is not random.
    getrandom::fill(&mut bytes).unwrap_throw();
    bytes
}

fn new_request_id() -> String {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid().to_string()
}
