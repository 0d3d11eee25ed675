//! What an isolate keeps between requests: its configuration, its caches, and how many bytes of bodies it holds.
//!
//! All of it is plain data. Nothing is borrowed across an await, and no future is shared between requests: the runtime
//! cancels those.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::platform::{self, Env};
use super::promises::{settled, sleep};
use crate::budget::{Budget, Hold};
use crate::config::{Config, Vars, names};
use crate::proxy::headers::{FORWARDED, NEVER_RETURNED};
use crate::registry::{Cache, CredentialRecord, Instance};

/// The isolate's state; made at its first request.
pub struct State {
    /// What is configured.
    pub config: Rc<Config>,
    /// The credentials that were read.
    pub credentials: RefCell<Cache<CredentialRecord>>,
    /// The instances that were read, opened.
    pub instances: RefCell<Cache<Instance>>,
    /// The rate limiter, where one is bound.
    pub limiter: Option<JsValue>,
    /// The namespace of the idempotency keys' objects.
    pub idempotency: JsValue,
    /// How many bytes of bodies are held.
    bodies: Rc<RefCell<Budget>>,
}

/// The state, or the faults of the configuration.
type Made = Result<Rc<State>, Rc<[String]>>;

thread_local! {
    static STATE: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// How long a body waits for its turn, and how often it asks, in milliseconds; those of `glue.js` too.
const TURN_MS: u32 = 1_000;
const ASK_MS: u32 = 25;

impl State {
    /// The isolate's state. The environment of an isolate does not change: a new setting is a new deployment.
    ///
    /// # Errors
    /// The faults of the configuration.
    pub fn of(env: &Env) -> Made {
        STATE.with_borrow_mut(|state| state.get_or_insert_with(|| Self::new(env)).clone())
    }

    fn new(env: &Env) -> Made {
        let config = Config::from_vars(&EnvVars(env)).map_err(Rc::from)?;
        platform::configure(&FORWARDED.join("\n"), &NEVER_RETURNED.join("\n"));
        platform::limit_flights(config.max_in_flight);
        Ok(Rc::new(Self {
            credentials: RefCell::new(Cache::new(config.cache)),
            instances: RefCell::new(Cache::new(config.cache)),
            bodies: Rc::new(RefCell::new(Budget::new(config.bodies))),
            config: Rc::new(config),
            limiter: EnvVars(env).property(names::RATE_LIMITER),
            idempotency: EnvVars(env).property(names::IDEMPOTENCY).unwrap_or(JsValue::NULL),
        }))
    }

    /// Holds `bytes` of bodies for a request of this credential and workspace; `None` where there is no room.
    pub fn hold(&self, credential: &str, workspace: &str, bytes: usize) -> Option<Reservation> {
        let hold = self.bodies.borrow_mut().begin(credential, workspace, bytes)?;
        Some(Reservation { budget: Rc::clone(&self.bodies), hold })
    }

    /// The same, after a moment if need be. It asks again and again: a promise that another request fulfils is one that the
    /// runtime may cancel.
    pub async fn hold_in_turn(&self, credential: &str, workspace: &str, bytes: usize) -> Option<Reservation> {
        for _ in 0..TURN_MS / ASK_MS {
            if let Some(reservation) = self.hold(credential, workspace, bytes) {
                return Some(reservation);
            }
            let _ = settled(sleep(ASK_MS)).await;
        }
        self.hold(credential, workspace, bytes)
    }

    /// Holds the body of a request to one of the Worker's own surfaces, which is no larger than `limit`. Each has a share of its
    /// own, like a workspace, and each of those who ask one like a credential.
    pub async fn hold_own(
        &self,
        surface: &str,
        who: &str,
        declared: Option<usize>,
        limit: usize,
    ) -> Option<Reservation> {
        let who = [surface, " ", who].concat();
        self.hold_in_turn(&who, surface, declared.unwrap_or(limit).min(limit)).await
    }
}

/// A part of the budget of bodies; given back when it is dropped, on whatever way out.
pub struct Reservation {
    budget: Rc<RefCell<Budget>>,
    hold: Hold,
}

impl Reservation {
    /// Holds `bytes` from now on; `false`, and no change, where there is no room for them.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        self.budget.borrow_mut().resize(&mut self.hold, bytes)
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.hold.bytes()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.borrow_mut().release(&self.hold);
    }
}

/// Variables, secrets and bindings are properties of one object.
struct EnvVars<'a>(&'a Env);

impl EnvVars<'_> {
    fn property(&self, name: &str) -> Option<JsValue> {
        js_sys::Reflect::get(self.0, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
    }
}

impl Vars for EnvVars<'_> {
    fn text(&self, name: &str) -> Option<String> {
        // A variable can also be JSON, `true` or a number, where it was set on a command line.
        let value = self.property(name)?;
        value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok().and_then(|json| json.as_string()))
    }

    fn has_binding(&self, name: &str) -> bool {
        self.property(name).is_some_and(|binding| binding.is_object())
    }
}
