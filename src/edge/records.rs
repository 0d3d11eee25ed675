//! Step 3: reading records from KV, those that are needed together at once.

use std::time::Duration;

use futures_util::future::{Either, join, select};
use worker::{Delay, Env};

use super::state::State;
use crate::clock::Timestamp;
use crate::config::names;
use crate::proxy::{Known, Need};
use crate::registry::{CredentialRecord, InstanceRecord, Lookup, Revised, publication};

/// How long KV is waited for, in milliseconds.
const DEADLINE_MS: u64 = 2_000;

/// A record that could not be used, in words for the log: the record's key and what is wrong, nothing of its content.
pub struct Unreadable(pub String);

/// Reads what is needed, keeps it in the caches, and fills it in.
///
/// # Errors
/// Where KV fails or is late, or a record cannot be used.
pub async fn read(env: &Env, state: &State, need: &Need, known: &mut Known, now: Timestamp) -> Result<(), Unreadable> {
    let credential = need.credential.as_deref().map(|id| (id, publication::credential_key(id)));
    let instance = need.instance.as_deref().map(|id| (id, publication::instance_key(id)));
    let (credential_json, instance_json) = join(
        text(env, names::CREDENTIALS, credential.as_ref().map(|(_, key)| key.as_str())),
        text(env, names::INSTANCES, instance.as_ref().map(|(_, key)| key.as_str())),
    )
    .await;
    if let Some((id, key)) = credential {
        let record = credential_json?.map(|json| CredentialRecord::from_json(&json)).transpose();
        let record = record.map_err(|error| Unreadable(format!("{key}: {error}")))?;
        let kept = state.credentials.borrow_mut().keep(id, record.filter(|record| &*record.id == id), now);
        known.credential = lookup(kept);
    }
    if let Some((id, key)) = instance {
        let config = &state.config;
        let record = instance_json?.map(|json| InstanceRecord::from_json(&json)).transpose();
        let record = record.map_err(|error| Unreadable(format!("{key}: {error}")))?;
        let opened = record
            .filter(|record| &*record.id == id)
            .map(|record| record.open(&config.sealer, config.allow_insecure_core))
            .transpose()
            .map_err(|error| Unreadable(format!("{key}: {error}")))?;
        known.instance = lookup(state.instances.borrow_mut().keep(id, opened, now));
    }
    Ok(())
}

fn lookup<T: Revised>(kept: Option<std::rc::Rc<T>>) -> Lookup<T> {
    kept.map_or(Lookup::Missing, Lookup::Found)
}

async fn text(env: &Env, namespace: &str, key: Option<&str>) -> Result<Option<String>, Unreadable> {
    let Some(key) = key else { return Ok(None) };
    let failed = |error: String| Unreadable(format!("{key}: KV failed: {error}"));
    let store = env.kv(namespace).map_err(|error| failed(error.to_string()))?;
    let deadline = Delay::from(Duration::from_millis(DEADLINE_MS));
    match select(Box::pin(store.get(key).text()), deadline).await {
        Either::Left((read, _)) => read.map_err(|error| failed(error.to_string())),
        Either::Right(_) => Err(Unreadable(format!("{key}: KV did not answer within {DEADLINE_MS} ms"))),
    }
}
