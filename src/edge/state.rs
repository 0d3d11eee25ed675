//! What an isolate keeps between requests: its configuration, its caches, and how many bytes of bodies it holds.
//!
//! All of it is plain data. Nothing is borrowed across an await, and no future is shared between requests: the runtime
//! cancels those.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::platform::{self, Env};
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
    /// Bytes of bodies that are held or promised.
    bodies: Rc<Cell<usize>>,
}

/// The state, or the faults of the configuration.
type Made = Result<Rc<State>, Rc<[String]>>;

thread_local! {
    static STATE: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// The most bytes of bodies that an isolate holds at once, in and out. A Worker has 128 MB in all.
const BODY_BUDGET: usize = 32 << 20;

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
        platform::configure(&FORWARDED.join("\n"), &NEVER_RETURNED.join("\n"), config.max_in_flight);
        Ok(Rc::new(Self {
            credentials: RefCell::new(Cache::new(config.cache)),
            instances: RefCell::new(Cache::new(config.cache)),
            config: Rc::new(config),
            limiter: EnvVars(env).property(names::RATE_LIMITER),
            idempotency: EnvVars(env).property(names::IDEMPOTENCY).unwrap_or(JsValue::NULL),
            bodies: Rc::default(),
        }))
    }

    /// Sets `bytes` of the budget aside; `None` where it does not have them.
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let held = self.bodies.get().checked_add(bytes).filter(|held| *held <= BODY_BUDGET)?;
        self.bodies.set(held);
        Some(Reservation { budget: Rc::clone(&self.bodies), bytes })
    }
}

/// A part of the budget of bodies; given back when it is dropped, on whatever way out.
pub struct Reservation {
    budget: Rc<Cell<usize>>,
    bytes: usize,
}

impl Reservation {
    /// Holds `bytes` from now on; `false`, and no change, where the budget does not have them.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        let others = self.budget.get().saturating_sub(self.bytes);
        let Some(held) = others.checked_add(bytes).filter(|held| *held <= BODY_BUDGET) else { return false };
        self.budget.set(held);
        self.bytes = bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.set(self.budget.get().saturating_sub(self.bytes));
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
