//! Step 3: reading records from KV, those that are needed together at once.

use std::cell::RefCell;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::now;
use super::platform::Env;
use super::promises::{kv_texts, settled};
use super::state::State;
use crate::clock::Timestamp;
use crate::config::names;
use crate::proxy::{Known, Need};
use crate::registry::{Cache, CredentialRecord, InstanceRecord, Lookup, Revised, publication};

/// How long KV is waited for, in milliseconds, where a request can do nothing without it.
const DEADLINE_MS: u32 = 2_000;

/// How long a request waits for KV in all, in milliseconds, where it has something to fall back on.
const PATIENCE_MS: u32 = 500;

/// A record that could not be used, in words for the log: the record's key and what is wrong, nothing of its content.
pub struct Unreadable(pub String);

/// The reads of one request.
pub struct Reader<'a> {
    env: &'a Env,
    state: &'a State,
    /// What is left of [`PATIENCE_MS`]; none where the request must not go by a stale record.
    patience_ms: Option<u32>,
    /// Why a record is used as it was last read, in words for the log, on one line.
    pub fell_back: Option<String>,
}

/// A record that KV is asked for.
struct Asked<'a> {
    namespace: &'static str,
    id: &'a str,
    key: String,
    timeout_ms: u32,
    at: Timestamp,
}

impl<'a> Reader<'a> {
    /// The reads of a request that takes a stale record where KV fails.
    pub fn new(env: &'a Env, state: &'a State) -> Self {
        Self { env, state, patience_ms: Some(PATIENCE_MS), fell_back: None }
    }

    /// The reads of a request that takes none.
    pub fn strict(env: &'a Env, state: &'a State) -> Self {
        Self { patience_ms: None, ..Self::new(env, state) }
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
        let State { credentials, instances, config, .. } = self.state;
        let at = now();
        let credential = need
            .credential
            .as_deref()
            .map(|id| self.asked(credentials, Asked::of(names::CREDENTIALS, id, publication::credential_key(id), at)));
        let instance = need
            .instance
            .as_deref()
            .map(|id| self.asked(instances, Asked::of(names::INSTANCES, id, publication::instance_key(id), at)));
        let wanted = || credential.iter().chain(&instance);
        let keys = wanted().flat_map(|asked| [asked.namespace.to_owned(), asked.key.clone()]).collect();
        let timeouts: Vec<u32> = wanted().map(|asked| asked.timeout_ms).collect();
        let texts = settled(kv_texts(self.env, keys, &timeouts)).await.map_err(Unreadable)?;
        let texts = Array::from(&texts);
        // Each is taken in before either counts: what KV said of one must not be lost because it failed for the other.
        let credential = credential.map(|asked| {
            self.take(credentials, &asked, &texts.shift(), |json| {
                let record = CredentialRecord::from_json(json).map_err(|error| error.to_string())?;
                Ok(Some(record).filter(|record| &*record.id == asked.id))
            })
        });
        let instance = instance.map(|asked| {
            self.take(instances, &asked, &texts.shift(), |json| {
                let record = InstanceRecord::from_json(json).map_err(|error| error.to_string())?;
                let record = Some(record).filter(|record| &*record.id == asked.id);
                let opened = record.map(|record| record.open(&config.sealer, config.allow_insecure_core));
                opened.transpose().map_err(|error| error.to_string())
            })
        });
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

    /// The same with less time where there is something to fall back on, and still will be when that time is over.
    fn asked<'b, T: Revised>(&self, cache: &RefCell<Cache<T>>, asked: Asked<'b>) -> Asked<'b> {
        let over = |patience_ms: u32| Timestamp::from_millis(asked.at.millis().saturating_add(patience_ms.into()));
        match self.patience_ms {
            Some(timeout_ms) if cache.borrow().can_fall_back(asked.id, over(timeout_ms)) => {
                Asked { timeout_ms, ..asked }
            }
            _ => asked,
        }
    }

    /// Takes in what KV answered, and gives what to go by.
    fn take<T: Revised>(
        &mut self,
        cache: &RefCell<Cache<T>>,
        asked: &Asked<'_>,
        answer: &JsValue,
        open: impl FnOnce(&str) -> Result<Option<T>, String>,
    ) -> Result<Lookup<T>, Unreadable> {
        let mut cache = cache.borrow_mut();
        let unreadable = |why: String| Unreadable(format!("{}: {why}", asked.key));
        match text(answer, asked.timeout_ms) {
            Ok(json) => match json.map_or(Ok(None), |json| open(&json)) {
                Ok(record) => Ok(cache.keep(asked.id, record, asked.at).map_or(Lookup::Missing, Lookup::Found)),
                // KV has not failed: what it holds may be a change that this Worker cannot read.
                Err(why) => {
                    cache.distrust(asked.id);
                    Err(unreadable(why))
                }
            },
            Err(why) if self.patience_ms.is_some() => match cache.fall_back(asked.id, now()) {
                Lookup::Unknown => Err(unreadable(why)),
                known => {
                    // On one line, as what is sent beside it is split by lines.
                    let why = unreadable(why).0.replace('\n', " ");
                    self.fell_back.get_or_insert_with(|| format!("{why}; it is used as it was last read"));
                    Ok(known)
                }
            },
            Err(why) => Err(unreadable(why)),
        }
    }
}

impl<'a> Asked<'a> {
    fn of(namespace: &'static str, id: &'a str, key: String, at: Timestamp) -> Self {
        Self { namespace, id, key, timeout_ms: DEADLINE_MS, at }
    }
}

/// Reads what `kvTexts` gives of a record.
fn text(answer: &JsValue, timeout_ms: u32) -> Result<Option<String>, String> {
    if answer.is_undefined() {
        Err(format!("KV did not answer within {timeout_ms} ms"))
    } else if answer.is_null() {
        Ok(None)
    } else if let Some(array) = answer.dyn_ref::<Array>() {
        Ok(array.get(0).as_string())
    } else {
        Err(format!("KV failed: {}", answer.as_string().unwrap_or_default()))
    }
}
