//! Requests to `/proxy/…`: decided from the caches where they suffice, from KV where they do not.

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::answer::Refusal;
use super::arrival::{Arrival, Lines};
use super::call::Call;
use super::limiter::{self, Rate};
use super::now;
use super::platform::Env;
use super::promises::promised;
use super::records::Reader;
use super::state::State;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::log::CacheState;
use crate::proxy::{Decision, Known, Need, Plan, Records, decide};
use crate::registry::{CredentialRecord, Instance, Lookup};

/// Serves a request: gives a response, or the promise of one. Where everything is cached nothing is awaited before
/// `fetch`.
pub fn serve(arrival: Arrival, env: Env, state: Rc<State>) -> JsValue {
    let mut known = Known { credential: Lookup::Unknown, instance: Lookup::Unknown };
    match decide_from_cache(&arrival.lines(), &state, &mut known, now()) {
        Decision::Forward(plan) => {
            let (cache, warning) = source(&known, CacheState::Hit, None);
            if state.limiter.is_none() {
                return Call::start(plan, arrival, cache, warning, &state);
            }
            promised(async move { Ok(start_limited(plan, arrival, cache, warning, &state).await) }).into()
        }
        Decision::Refuse(error) => {
            let cache = known.is_stale().then_some(CacheState::Stale);
            let detail = cache.map(|_| FAILED_BEFORE);
            Refusal { known: Some(&known), cache, detail, ..Refusal::of(&arrival) }.answer(&error)
        }
        // What the future gives may be a promise itself: a promise takes over another's value.
        Decision::Need(need) => {
            promised(async move { Ok(serve_cold(arrival, &env, &state, known, need).await) }).into()
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
    fn credential(&mut self, id: &str) -> Lookup<CredentialRecord> {
        if matches!(self.known.credential, Lookup::Unknown) {
            self.known.credential = self.state.credentials.borrow_mut().look(id, self.now);
        }
        self.known.credential.clone()
    }

    fn instance(&mut self, id: &str) -> Lookup<Instance> {
        if matches!(self.known.instance, Lookup::Unknown) {
            self.known.instance = self.state.instances.borrow_mut().look(id, self.now);
        }
        self.known.instance.clone()
    }
}

/// The way of a request whose records are not all cached.
async fn serve_cold(arrival: Arrival, env: &Env, state: &Rc<State>, mut known: Known, mut need: Need) -> JsValue {
    let mut reader = Reader::new(env);
    loop {
        if let Err(unreadable) = reader.read(&need, &mut known).await {
            let refusal = Refusal { detail: Some(&unreadable.0), ..Refusal::of(&arrival) };
            return refusal.answer(&Error::RegistryUnavailable);
        }
        // The time after the wait: a record may have expired meanwhile.
        match decide_from_cache(&arrival.lines(), state, &mut known, now()) {
            Decision::Forward(plan) => {
                let (cache, warning) = source(&known, CacheState::Miss, reader.fell_back);
                return start_limited(plan, arrival, cache, warning, state).await;
            }
            Decision::Need(more) => need = more,
            Decision::Refuse(error) => {
                let (cache, warning) = source(&known, CacheState::Miss, reader.fell_back);
                let (cache, detail) = (Some(cache), warning.as_deref());
                return Refusal { known: Some(&known), cache, detail, ..Refusal::of(&arrival) }.answer(&error);
            }
        }
    }
}

/// Step 8: asks the limiter, where there is one; it answers with a promise. A limiter that fails lets the request
/// through, and the log says so.
async fn start_limited(
    plan: Plan,
    arrival: Arrival,
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
            let known = Known { credential: Lookup::Found(plan.credential), instance: Lookup::Unknown };
            let refusal = Refusal { known: Some(&known), cache: Some(cache), ..Refusal::of(&arrival) };
            return refusal.answer(&Error::RateLimited);
        }
    }
    Call::start(plan, arrival, cache, warning, state)
}
