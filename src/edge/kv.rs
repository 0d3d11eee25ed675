//! Step 3: reading records from KV, those that are needed together at once.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use super::bindings::KvNamespace;
use super::now;
use super::promises::{in_time, into_promise, outlive, settled, within, words};
use super::state::State;
use crate::clock::Timestamp;
use crate::proxy::{Known, Need};
use crate::registry::{
    Cache, Cached, CredentialRecord, Instance, InstanceRecord, Revised, credential_key, instance_key,
};

/// How long KV is waited for, in milliseconds, where a request can do nothing without it.
const DEADLINE_MS: u32 = 2_000;

/// How long a request waits for KV in all, in milliseconds, where it has something to fall back on.
const PATIENCE_MS: u32 = 500;

/// A record that could not be used, in words for the log: the record's key and what is wrong, nothing of its content.
pub struct Unreadable(pub String);

/// The reads of one request.
pub struct Reader<'a> {
    env: &'a Env,
    /// What is left of [`PATIENCE_MS`]; none where the request must not go by a stale record.
    patience_ms: Option<u32>,
    /// Why a record is used as it was last read, in words for the log, on one line.
    pub fell_back: Option<String>,
}

/// A record that KV is asked for.
#[derive(Clone)]
struct Asked {
    namespace: fn(&State) -> &KvNamespace,
    id: String,
    key: String,
    /// How long the request waits.
    timeout_ms: u32,
    at: Timestamp,
}

/// A read that was begun. It goes on when the request no longer waits for it, and what it gives is taken in all the
/// same: a caller who hangs up, or a KV that is slow, must not keep a change from being seen.
struct Reading<T> {
    asked: Asked,
    taken: Rc<RefCell<Option<Taken<T>>>>,
    waited: Promise,
}

/// What KV said.
type Taken<T> = Result<Cached<T>, Trouble>;

/// Why a read gave nothing.
enum Trouble {
    /// KV failed.
    Failed(String),
    /// What it holds cannot be used. It may be a change that this Worker cannot read, so nothing else is used either.
    Unusable(String),
}

impl<'a> Reader<'a> {
    /// The reads of a request that takes a stale record where KV fails.
    pub fn new(env: &'a Env) -> Self {
        Self { env, patience_ms: Some(PATIENCE_MS), fell_back: None }
    }

    /// The reads of a request that takes none.
    pub fn strict(env: &'a Env) -> Self {
        Self { patience_ms: None, ..Self::new(env) }
    }

    /// Whether the request takes no stale record.
    pub fn is_strict(&self) -> bool {
        self.patience_ms.is_none()
    }

    /// Reads what is needed, keeps it in the caches, and fills it in.
    ///
    /// # Errors
    /// Where a record cannot be used, or KV fails or is late and there is nothing to fall back on.
    pub async fn read(&mut self, need: &Need, known: &mut Known) -> Result<(), Unreadable> {
        let state = State::of(self.env).map_err(|faults| Unreadable(faults.join("; ")))?;
        let at = now();
        let asked = |namespace: fn(&State) -> &KvNamespace, id: &str, key| Asked {
            namespace,
            id: id.to_owned(),
            key,
            timeout_ms: DEADLINE_MS,
            at,
        };
        let credential = need.credential.as_deref().map(|id| {
            let asked = asked(|state| &state.published_credentials, id, credential_key(id));
            self.begin(
                &state,
                asked,
                |state| &state.credentials,
                |_, json| CredentialRecord::from_json(json).map_err(|error| error.to_string()),
            )
        });
        let instance = need.instance.as_deref().map(|id| {
            let asked = asked(|state| &state.published_instances, id, instance_key(id));
            self.begin(
                &state,
                asked,
                |state| &state.instances,
                |state, json| {
                    let record = InstanceRecord::from_json(json).map_err(|error| error.to_string())?;
                    let opened = record.open(&state.config.sealer, state.config.allow_insecure_core);
                    opened.map_err(|error| error.to_string())
                },
            )
        });
        let mut waited = Array::new();
        waited.extend(credential.iter().map(|reading| reading.waited.clone()));
        waited.extend(instance.iter().map(|reading| reading.waited.clone()));
        settled(Promise::all(&waited)).await.map_err(Unreadable)?;
        // Each is judged before either counts: what KV said of one must not be lost because it failed for the other.
        let credential = credential.map(|reading| self.judge(&state.credentials, &reading));
        let instance = instance.map(|reading| self.judge(&state.instances, &reading));
        if let Some(patience_ms) = &mut self.patience_ms
            && self.fell_back.is_some()
        {
            *patience_ms = patience_ms.saturating_sub(u32::try_from(now().since(at)).unwrap_or(u32::MAX));
        }
        if let Some(credential) = credential {
            known.credential = credential?;
        }
        if let Some(instance) = instance {
            known.instance = instance?;
        }
        Ok(())
    }

    /// Begins to read a record. The request waits less where there is something to fall back on, and still will be when
    /// that time is over.
    fn begin<T: Revised + Identified + 'static>(
        &self,
        state: &Rc<State>,
        mut asked: Asked,
        cache: fn(&State) -> &RefCell<Cache<T>>,
        open: fn(&State, &str) -> Result<T, String>,
    ) -> Reading<T> {
        let over = |patience_ms: u32| asked.at.plus_millis(patience_ms.into());
        if let Some(patience_ms) = self.patience_ms
            && cache(state).borrow().can_fall_back(&asked.id, over(patience_ms))
        {
            asked.timeout_ms = patience_ms;
        }
        let taken = Rc::new(RefCell::new(None));
        let reading = {
            let (state, asked, taken) = (Rc::clone(state), asked.clone(), Rc::clone(&taken));
            into_promise(async move {
                let answer = text_of((asked.namespace)(&state), &asked.key).await;
                let took = take_in(cache(&state), &asked, answer, |json| open(&state, json));
                taken.replace(Some(took));
                Ok(JsValue::UNDEFINED)
            })
        };
        outlive(&reading);
        let waited = within(asked.timeout_ms, &reading);
        Reading { asked, taken, waited }
    }

    /// What to go by, as far as KV has answered.
    fn judge<T: Revised>(&mut self, cache: &RefCell<Cache<T>>, reading: &Reading<T>) -> Result<Cached<T>, Unreadable> {
        let asked = &reading.asked;
        let unreadable = |why: &str| Unreadable(format!("{}: {why}", asked.key));
        let why = match reading.taken.take() {
            Some(Ok(known)) => return Ok(known),
            Some(Err(Trouble::Unusable(why))) => return Err(unreadable(&why)),
            Some(Err(Trouble::Failed(why))) => why,
            None => format!("KV did not answer within {} ms", asked.timeout_ms),
        };
        if self.is_strict() {
            return Err(unreadable(&why));
        }
        match cache.borrow_mut().fall_back(&asked.id, now()) {
            Cached::Unknown => Err(unreadable(&why)),
            known => {
                // On one line, as what is sent beside it is split by lines.
                let why = unreadable(&why).0.replace('\n', " ");
                self.fell_back.get_or_insert_with(|| format!("{why}; it is used as it was last read"));
                Ok(known)
            }
        }
    }
}

/// Takes what KV answered into the cache.
fn take_in<T: Revised + Identified>(
    cache: &RefCell<Cache<T>>,
    asked: &Asked,
    answer: Result<Option<String>, String>,
    open: impl FnOnce(&str) -> Result<T, String>,
) -> Taken<T> {
    let record = match answer.map_err(Trouble::Failed)?.map(|json| open(&json)).transpose() {
        Ok(record) => record.filter(|record| record.id() == asked.id),
        Err(why) => {
            cache.borrow_mut().distrust(&asked.id, asked.at);
            return Err(Trouble::Unusable(why));
        }
    };
    Ok(cache.borrow_mut().keep(&asked.id, record, asked.at).map_or(Cached::Missing, Cached::Found))
}

/// A record that says whose it is.
trait Identified {
    fn id(&self) -> &str;
}

impl Identified for CredentialRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Instance {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Reads the text of a record.
async fn text_of(namespace: &KvNamespace, key: &str) -> Result<Option<String>, String> {
    let read = async { JsFuture::from(namespace.get(key)?).await };
    match in_time(DEADLINE_MS, read).await {
        Some(Ok(text)) => Ok(text.as_string()),
        Some(Err(error)) => Err(format!("KV failed: {}", words(error.into()))),
        None => Err(format!("KV did not answer within {DEADLINE_MS} ms")),
    }
}
