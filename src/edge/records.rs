//! Step 3: reading records from KV, those that are needed together at once.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::platform::Env;
use super::promises::{kv_texts, settled};
use super::state::State;
use crate::clock::Timestamp;
use crate::config::names;
use crate::proxy::{Known, Need};
use crate::registry::{CredentialRecord, InstanceRecord, Lookup, RecordError, Revised, publication};

/// How long KV is waited for, in milliseconds.
const DEADLINE_MS: u32 = 2_000;

/// A record that could not be used, in words for the log: the record's key and what is wrong, nothing of its content.
pub struct Unreadable(pub String);

/// Reads what is needed, keeps it in the caches, and fills it in.
///
/// # Errors
/// Where KV fails or is late, or a record cannot be used.
pub async fn read(env: &Env, state: &State, need: &Need, known: &mut Known, now: Timestamp) -> Result<(), Unreadable> {
    let credential = need.credential.as_deref().map(|id| (id, publication::credential_key(id)));
    let instance = need.instance.as_deref().map(|id| (id, publication::instance_key(id)));
    let mut wanted = Vec::new();
    for (namespace, record) in [(names::CREDENTIALS, &credential), (names::INSTANCES, &instance)] {
        if let Some((_, key)) = record {
            wanted.extend([namespace.to_owned(), key.clone()]);
        }
    }
    let texts = settled(kv_texts(env, wanted, DEADLINE_MS)).await.map_err(Unreadable)?;
    let texts = Array::from(&texts);
    if let Some((id, key)) = credential {
        let record = record(&key, &texts.shift(), CredentialRecord::from_json)?;
        let kept = state.credentials.borrow_mut().keep(id, record.filter(|record| &*record.id == id), now);
        known.credential = lookup(kept);
    }
    if let Some((id, key)) = instance {
        let config = &state.config;
        let opened = record(&key, &texts.shift(), InstanceRecord::from_json)?
            .filter(|record| &*record.id == id)
            .map(|record| record.open(&config.sealer, config.allow_insecure_core))
            .transpose()
            .map_err(|error| Unreadable(format!("{key}: {error}")))?;
        known.instance = lookup(state.instances.borrow_mut().keep(id, opened, now));
    }
    Ok(())
}

fn lookup<T: Revised>(kept: Option<Rc<T>>) -> Lookup<T> {
    kept.map_or(Lookup::Missing, Lookup::Found)
}

/// The record of what KV answered; `None` where it has none.
fn record<T>(
    key: &str,
    answer: &JsValue,
    from_json: fn(&str) -> Result<T, RecordError>,
) -> Result<Option<T>, Unreadable> {
    match text(answer) {
        Ok(Some(json)) => from_json(&json).map(Some).map_err(|error| Unreadable(format!("{key}: {error}"))),
        Ok(None) => Ok(None),
        Err(why) => Err(Unreadable(format!("{key}: {why}"))),
    }
}

/// Reads what `kvTexts` gives of a record.
fn text(answer: &JsValue) -> Result<Option<String>, String> {
    if answer.is_undefined() {
        Err(format!("KV did not answer within {DEADLINE_MS} ms"))
    } else if answer.is_null() {
        Ok(None)
    } else if let Some(array) = answer.dyn_ref::<Array>() {
        Ok(array.get(0).as_string())
    } else {
        Err(format!("KV failed: {}", answer.as_string().unwrap_or_default()))
    }
}
