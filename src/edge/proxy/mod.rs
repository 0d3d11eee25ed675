//! Requests to `/proxy/…`: decided from the caches where they suffice, from KV where they do not.

mod forward;
pub mod settle;

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::Env;

use super::incoming::{Incoming, Lines};
use super::kv::Reader;
use super::limiter::{self, Rate};
use super::now;
use super::promises::into_promise;
use super::response::Rejection;
use super::state::State;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::log::CacheState;
use crate::proxy::{Decision, Known, Need, Plan, Records, decide};
use crate::registry::{Cached, CredentialRecord, Instance};
use forward::Forward;

/// Serves a request: gives a response, or the promise of one. Where everything is cached nothing is awaited before
/// `fetch`.
pub fn serve(incoming: Incoming, env: Env, state: Rc<State>) -> JsValue {
    let mut known = Known { credential: Cached::Unknown, instance: Cached::Unknown };
    match decide_from_cache(&incoming.lines(), &state, &mut known, now()) {
        Decision::Forward(plan) => {
            let (cache, warning) = source(&known, CacheState::Hit, None);
            if state.limiter.is_none() {
                return Forward::start(plan, incoming, cache, warning, &state);
            }
            into_promise(async move { Ok(start_limited(plan, incoming, cache, warning, &state).await) }).into()
        }
        Decision::Refuse(error) => {
            let cache = known.is_stale().then_some(CacheState::Stale);
            let detail = cache.map(|_| FAILED_BEFORE);
            Rejection { known: Some(&known), cache, detail, ..Rejection::of(&incoming) }.respond(&error)
        }
        // What the future gives may be a promise itself: a promise takes over another's value.
        Decision::Need(need) => {
            into_promise(async move { Ok(serve_cold(incoming, &env, &state, known, need).await) }).into()
        }
    }
}

fn decide_from_cache(lines: &Lines<'_>, state: &State, known: &mut Known, now: Timestamp) -> Decision {
    decide(&lines.head(), &mut CachedRecords { state, known, now }, state.config.signer.as_ref(), now)
}

/// What the log says where nothing was asked because KV failed shortly before.
pub const FAILED_BEFORE: &str = "KV failed or was late a moment ago; a record is used as it was last read";

/// Where the records came from, and a warning where KV failed; `otherwise` where it did not.
fn source(known: &Known, otherwise: CacheState, why: Option<String>) -> (CacheState, Option<String>) {
    if known.is_stale() {
        return (CacheState::Stale, Some(why.unwrap_or_else(|| FAILED_BEFORE.to_owned())));
    }
    (otherwise, None)
}

/// The records of a request: what was read for it, else what the caches know. What they know is noted.
pub struct CachedRecords<'a> {
    /// The isolate's.
    pub state: &'a State,
    /// Those of this request.
    pub known: &'a mut Known,
    /// The time.
    pub now: Timestamp,
}

impl Records for CachedRecords<'_> {
    fn credential(&mut self, id: &str) -> Cached<CredentialRecord> {
        if matches!(self.known.credential, Cached::Unknown) {
            self.known.credential = self.state.credentials.borrow_mut().look(id, self.now);
        }
        self.known.credential.clone()
    }

    fn instance(&mut self, id: &str) -> Cached<Instance> {
        if matches!(self.known.instance, Cached::Unknown) {
            self.known.instance = self.state.instances.borrow_mut().look(id, self.now);
        }
        self.known.instance.clone()
    }
}

/// The way of a request whose records are not all cached.
async fn serve_cold(incoming: Incoming, env: &Env, state: &Rc<State>, mut known: Known, mut need: Need) -> JsValue {
    let mut reader = Reader::new(env);
    loop {
        if let Err(unreadable) = reader.read(&need, &mut known).await {
            let refusal = Rejection { detail: Some(&unreadable.0), ..Rejection::of(&incoming) };
            return refusal.respond(&Error::RegistryUnavailable);
        }
        // The time after the wait: a record may have expired meanwhile.
        match decide_from_cache(&incoming.lines(), state, &mut known, now()) {
            Decision::Forward(plan) => {
                let (cache, warning) = source(&known, CacheState::Miss, reader.fell_back);
                return start_limited(plan, incoming, cache, warning, state).await;
            }
            Decision::Need(more) => need = more,
            Decision::Refuse(error) => {
                let (cache, warning) = source(&known, CacheState::Miss, reader.fell_back);
                let (cache, detail) = (Some(cache), warning.as_deref());
                return Rejection { known: Some(&known), cache, detail, ..Rejection::of(&incoming) }.respond(&error);
            }
        }
    }
}

/// Step 8: asks the limiter, where there is one; it answers with a promise. A limiter that fails lets the request
/// through, and the log says so.
async fn start_limited(
    plan: Plan,
    incoming: Incoming,
    cache: CacheState,
    mut warning: Option<String>,
    state: &Rc<State>,
) -> JsValue {
    match limiter::count(state, &plan.credential.id).await {
        Rate::Within => {}
        Rate::Unknown(failed) => {
            warning = Some(warning.map_or(failed.clone(), |warning| format!("{failed}; {warning}")));
        }
        Rate::UsedUp => {
            let known = Known { credential: Cached::Found(plan.credential), instance: Cached::Unknown };
            let refusal = Rejection { known: Some(&known), cache: Some(cache), ..Rejection::of(&incoming) };
            return refusal.respond(&Error::RateLimited);
        }
    }
    Forward::start(plan, incoming, cache, warning, state)
}
