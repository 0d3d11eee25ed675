//! The platform: the only folder that names it. It carries decisions out.
//!
//! [`Edge::fetch`] is the Worker. A warm request to `/proxy` is decided without awaiting anything and goes straight to
//! Core; a cold one reads its records first, in parallel. In reading order:
//!
//! - [`incoming`]: a request as it crosses from JavaScript, and [`response`]: what we answer ourselves.
//! - [`proxy`]: a request to Core, from the decision to the answer.
//! - [`idempotency`]: the object of a key; [`inquiry`]: the outcome of a key.
//! - [`state`]: what an isolate keeps; [`kv`]: the records that it reads; [`limiter`].
//! - [`admin`] and [`registry`]: the management surface, at the Worker and in the Durable Object behind it; [`oauth`]:
//!   that of clients; [`own_body`]: the bodies that are sent to these.
//! - [`bindings`], [`promises`] and [`sql`]: platform calls that the `worker` crate lacks, or makes expensive.

mod admin;
mod bindings;
mod idempotency;
mod incoming;
mod inquiry;
mod kv;
mod limiter;
mod oauth;
mod own_body;
mod promises;
mod proxy;
mod registry;
mod response;
mod sql;
mod state;

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};
use worker::Env;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::Target;
use crate::log::Line;
use crate::oauth::Endpoint;
use crate::proxy::inquiry::PREFIX;

use incoming::Incoming;
use proxy::settle::{self, FetchResult};
use response::Rejection;
use state::State;

/// The Worker, as `entry.js` calls it.
#[wasm_bindgen]
pub struct Edge;

#[wasm_bindgen]
impl Edge {
    /// Serves a request: gives a response, or the promise of one.
    ///
    /// It takes and gives the platform's own objects: the `worker` crate, which wraps each answer in a promise and
    /// converts requests and responses, makes a pass-through cost 1.4 to 1.5 times as much.
    #[must_use]
    pub fn fetch(request: Request, env: Env) -> JsValue {
        serve(Incoming::of(request), env)
    }

    /// Finishes a request that was sent and whose result is not a plain 2xx. `sending` is the text that was sent;
    /// `status` the answer's, or one of those in [`proxy::settle`] where there is none; `core_ms` how long it took.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over what JavaScript passes")]
    pub fn settle(sending: &str, status: u16, core_ms: f64, answer: Option<Response>) -> JsValue {
        settle::conclude(sending, &FetchResult { status, core_ms, answer: answer.as_ref() }, None)
    }

    /// A number of the instance's own. An instance that has trapped is replaced before a call like this reaches it, so
    /// what JavaScript holds of one with another number was dropped.
    #[must_use]
    pub fn generation() -> f64 {
        thread_local!(static GENERATION: f64 = js_sys::Math::random());
        GENERATION.with(|generation| *generation)
    }

    /// Hands the two functions above over to `forward.js`, once, as the members of an object.
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen hands over what JavaScript passes")]
    pub fn connect(edge: js_sys::Object) {
        bindings::connect(&edge);
    }
}

fn serve(incoming: Incoming, env: Env) -> JsValue {
    let surface = match Target::split(incoming.lines().url) {
        Ok(target) => surface(target.path),
        Err(too_long) => return Rejection::of(&incoming).respond(&too_long.into()),
    };
    match surface {
        Surface::None => return Rejection::of(&incoming).respond(&Error::RouteNotFound),
        Surface::Health => return health(&incoming),
        Surface::Proxy | Surface::Inquiry | Surface::Admin | Surface::OAuth(_) => {}
    }
    match (State::of(&env), surface) {
        (Ok(state), Surface::Admin) => manage(incoming, env, state),
        // Without a key to sign with there is no such surface.
        (Ok(state), Surface::OAuth(_)) if state.config.signer.is_none() => {
            Rejection::of(&incoming).respond(&Error::RouteNotFound)
        }
        (Ok(state), Surface::OAuth(endpoint)) => oauth::serve(endpoint, incoming, env, state),
        (Ok(state), Surface::Inquiry) => inquiry::serve(incoming, env, state),
        (Ok(state), _) => proxy::serve(incoming, env, state),
        (Err(faults), Surface::OAuth(endpoint)) => oauth::refuse(endpoint, incoming, faults.join("; ")),
        (Err(faults), _) => {
            let detail = faults.join("; ");
            let error = Error::Misconfigured { faults: faults.to_vec() };
            Rejection { detail: Some(&detail), ..Rejection::of(&incoming) }.respond(&error)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Proxy,
    Inquiry,
    Admin,
    OAuth(Endpoint),
    Health,
    None,
}

fn surface(path: &str) -> Surface {
    if path.starts_with("/proxy/") {
        Surface::Proxy
    } else if path.starts_with(PREFIX) {
        Surface::Inquiry
    } else if path == "/admin" || path.starts_with("/admin/") {
        Surface::Admin
    } else if path == "/healthz" {
        Surface::Health
    } else {
        Endpoint::of(path).map_or(Surface::None, Surface::OAuth)
    }
}

/// Says that the Worker runs, and which version of it. It looks at nothing else: no record, no Core.
fn health(incoming: &Incoming) -> JsValue {
    let body = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}");
    bindings::log_line(&Line { route: Some("/healthz"), status: 200, ..incoming.line() }.to_json());
    bindings::respond(200, body, &incoming.request_id, "").into()
}

fn manage(incoming: Incoming, env: Env, state: Rc<State>) -> JsValue {
    promises::into_promise(async move { Ok(admin::serve(&incoming, &env, &state).await?.into()) }).into()
}

/// The platform's clock. It stands still while the Worker computes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of milliseconds since 1970")]
fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// 16 bytes of the platform's randomness, each given out once. They are fetched by the page: a call of its own for each
/// reference is a tenth of what a large bulk costs.
fn random_bytes() -> [u8; 16] {
    thread_local! {
        static PAGE: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
    }
    PAGE.with_borrow_mut(|page| {
        if page.is_empty() {
            let mut fresh = [[0; 16]; 128];
            // The platform's generator does not fail inside a request; if it did, a trap would be better than no
            // randomness.
            getrandom::fill(fresh.as_flattened_mut()).unwrap_throw();
            page.extend(fresh);
        }
        page.pop().unwrap_throw()
    })
}
