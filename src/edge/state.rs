//! What an isolate keeps between requests: its configuration, its caches, and how many bytes of bodies it holds.
//!
//! All of it is plain data. Nothing is borrowed across an await, and no future is shared between requests: the runtime
//! cancels those.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::{DurableObjectNamespace, RateLimiter};
use worker::{Delay, Env};

use super::bindings::{self, KvNamespace};
use crate::budget::{Budget, Hold, Limits};
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
    /// The KV namespace of credentials.
    pub published_credentials: KvNamespace,
    /// The KV namespace of instances.
    pub published_instances: KvNamespace,
    /// The rate limiter, where one is bound.
    pub limiter: Option<RateLimiter>,
    /// The namespace of the idempotency keys' objects.
    pub idempotency: DurableObjectNamespace,
    held: Held,
}

/// What is held of each [`Memory`].
struct Held {
    bodies: Rc<RefCell<Budget>>,
    keyed: Rc<RefCell<Budget>>,
    rows: Rc<RefCell<Budget>>,
    answers: Rc<RefCell<Budget>>,
    own: Rc<RefCell<Budget>>,
}

/// What memory is held for. Each kind has a budget of its own. A request may hold one kind and wait for another without
/// deadlock. Unauthenticated requests cannot use up the memory for bodies.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// Bodies that the Worker reads.
    Body,
    /// The same in the objects of keys, which mostly live in another isolate. A Worker's body waits for its object's,
    /// and that one for Core alone.
    KeyedBody,
    /// The rows that a look at Core looks for.
    Rows,
    /// What Core answers to it. Rows wait for answers, and answers for Core alone.
    Answers,
    /// Bodies to the Worker's own surfaces, which may come from anybody.
    Own,
}

/// For the rows of looks: those of the largest bulk, in a queue, are 20 MB.
const ROWS: Limits = Limits { total: 32 << 20, credential: 8 << 20, workspace: 16 << 20 };
/// For answers: a page of 2 MiB, held twice, is one Core's part.
const ANSWERS: Limits = Limits { total: 16 << 20, credential: 4 << 20, workspace: 8 << 20 };
/// For `/oauth` and `/admin`: an address has a part, and a surface.
const OWN: Limits = Limits { total: 8 << 20, credential: 1 << 20, workspace: 6 << 20 };

/// The state, or the faults of the configuration.
type Made = Result<Rc<State>, Rc<[String]>>;

thread_local! {
    static STATE: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// How long a body waits for its turn, and how often it asks, in milliseconds.
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
        bindings::configure(&FORWARDED.join("\n"), &NEVER_RETURNED.join("\n"), TURN_MS, ASK_MS);
        bindings::limit_flights(config.max_in_flight);
        Ok(Rc::new(Self {
            credentials: RefCell::new(Cache::new(config.cache)),
            instances: RefCell::new(Cache::new(config.cache)),
            published_credentials: kv_namespace(env, names::CREDENTIALS),
            published_instances: kv_namespace(env, names::INSTANCES),
            held: Held::new(config.bodies),
            config: Rc::new(config),
            // Unchecked: the crate asks for the name of its class, which a stand-in of a local platform need not have.
            limiter: EnvVars(env).property(names::RATE_LIMITER).map(JsCast::unchecked_into),
            idempotency: EnvVars(env).property(names::IDEMPOTENCY).unwrap_or(JsValue::NULL).unchecked_into(),
        }))
    }

    /// Holds `bytes` for a request of this credential and workspace; `None` where there is no room.
    pub fn hold(&self, memory: Memory, credential: &str, workspace: &str, bytes: usize) -> Option<Reservation> {
        let budget = self.held.of(memory);
        let hold = budget.borrow_mut().begin(credential, workspace, bytes)?;
        Some(Reservation { budget: Rc::clone(budget), hold })
    }

    /// The same, after a moment if need be. It asks again and again: a promise that another request fulfils is one that
    /// the runtime may cancel.
    pub async fn hold_in_turn(
        &self,
        memory: Memory,
        credential: &str,
        workspace: &str,
        bytes: usize,
    ) -> Option<Reservation> {
        for _ in 0..TURN_MS / ASK_MS {
            if let Some(reservation) = self.hold(memory, credential, workspace, bytes) {
                return Some(reservation);
            }
            Delay::from(Duration::from_millis(ASK_MS.into())).await;
        }
        self.hold(memory, credential, workspace, bytes)
    }

    /// Holds the body of a request to one of the Worker's own surfaces, which is no larger than `limit`. Each has a
    /// share of its own, like a workspace, and each of those who ask one like a credential.
    pub async fn hold_own(
        &self,
        surface: &str,
        who: &str,
        declared: Option<usize>,
        limit: usize,
    ) -> Option<Reservation> {
        let who = [surface, " ", who].concat();
        self.hold_in_turn(Memory::Own, &who, surface, declared.unwrap_or(limit).min(limit)).await
    }
}

impl Held {
    fn new(bodies: Limits) -> Self {
        let [bodies, keyed, rows, answers, own] =
            [bodies, bodies, ROWS, ANSWERS, OWN].map(|limits| Rc::new(RefCell::new(Budget::new(limits))));
        Self { bodies, keyed, rows, answers, own }
    }

    fn of(&self, memory: Memory) -> &Rc<RefCell<Budget>> {
        match memory {
            Memory::Body => &self.bodies,
            Memory::KeyedBody => &self.keyed,
            Memory::Rows => &self.rows,
            Memory::Answers => &self.answers,
            Memory::Own => &self.own,
        }
    }
}

/// A part of a budget; given back when it is dropped, on whatever way out.
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

/// A KV namespace. Where it is not bound the configuration has said so, and a call of it fails.
pub fn kv_namespace(env: &Env, name: &str) -> KvNamespace {
    EnvVars(env).property(name).unwrap_or(JsValue::NULL).unchecked_into()
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

    fn string(&self, name: &str) -> Option<String> {
        self.property(name)?.as_string()
    }

    fn has_binding(&self, name: &str) -> bool {
        self.property(name).is_some_and(|binding| binding.is_object())
    }
}
