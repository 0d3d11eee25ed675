//! Claims: asking the objects that keep them, and those objects themselves. The rules are
//! [`crate::idempotency::claims`].

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};
use worker::Env;

use super::{Result, float};
use crate::config::names;
use crate::edge::now;
use crate::edge::promises::{ObjectState, ask_object, delete_all, exec, into_promise, set_alarm, settled, thrown};
use crate::edge::state::State;
use crate::idempotency::attempt::Claimed;
use crate::idempotency::claims::{ClaimRequest, ClaimResponse, shards};

/// How long one object of claims is waited for, in milliseconds.
const CLAIM_MS: u32 = 5_000;
/// How much longer than its key a claim is kept, in milliseconds: the key is stored, and its time begins, after it.
const LONGER_MS: u64 = 3_600_000;

/// Takes claims of an instance. Where some are another key's the rest may be taken all the same: what the attempt's
/// ending says is given back then.
pub async fn take(state: &State, env: &Env, instance: &str, claims: &[String], owner: &str) -> Claimed {
    let keep_ms = state.config.idempotency_ms.saturating_add(LONGER_MS);
    for (name, claims) in shards(instance, claims) {
        match ask(env, &name, true, owner, keep_ms, claims).await {
            Some(true) => {}
            Some(false) => return Claimed::Taken,
            None => return Claimed::Failed,
        }
    }
    Claimed::Granted
}

/// Gives claims back. What fails is left to expire.
pub async fn give_back(env: &Env, instance: &str, owner: &str, claims: &[String]) {
    for (name, claims) in shards(instance, claims) {
        let _ = ask(env, &name, false, owner, 0, claims).await;
    }
}

async fn ask(env: &Env, name: &str, take: bool, owner: &str, keep_ms: u64, claims: Vec<String>) -> Option<bool> {
    let request = ClaimRequest { take, owner: owner.to_owned(), keep_ms, claims };
    let request = serde_json::to_string(&request).ok()?;
    let answer = settled(ask_object(env, names::CLAIMS, name, &request, CLAIM_MS)).await.ok()?;
    let answer = answer.dyn_into::<Array>().ok()?;
    let text = answer.get(1).as_string().filter(|_| answer.get(0).as_f64() == Some(200.0))?;
    serde_json::from_str::<ClaimResponse>(&text).ok().map(|response| response.granted)
}

/// One of the objects that keep the claims of an instance, as the platform calls it.
#[wasm_bindgen]
pub struct Claims(Rc<Table>);

struct Table {
    state: ObjectState,
    /// Whether an alarm is set, as far as this object knows.
    alarmed: Cell<bool>,
}

#[wasm_bindgen]
impl Claims {
    /// The object; nothing is read yet.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::needless_pass_by_value, reason = "entry.js makes every object alike")]
    pub fn new(state: ObjectState, env: Env) -> Self {
        let _ = env;
        Self(Rc::new(Table { state, alarmed: Cell::new(false) }))
    }

    /// Answers a [`ClaimRequest`].
    pub fn fetch(&self, request: Request) -> Promise {
        let table = Rc::clone(&self.0);
        into_promise(async move {
            let text = settled(request.text()?).await.map_err(|why| thrown(&why))?;
            let request = text.as_string().and_then(|text| serde_json::from_str::<ClaimRequest>(&text).ok());
            let request = request.ok_or_else(|| thrown("not a claim"))?;
            let granted = table.answer(&request)?;
            table.set_alarm(&request).await?;
            let response = serde_json::to_string(&ClaimResponse { granted }).unwrap_or_default();
            Response::new_with_opt_str(Some(&response)).map(JsValue::from)
        })
    }

    /// Forgets what has expired, and everything once nothing is left.
    pub fn alarm(&self) -> Promise {
        let table = Rc::clone(&self.0);
        into_promise(async move {
            table.alarmed.set(false);
            table.prune()?;
            let storage = table.state.storage();
            let last = exec(&storage, "SELECT max(expires_at) FROM claim", &Array::new())?.get(0);
            let last = last.dyn_into::<Array>().ok().and_then(|row| row.get(0).as_f64());
            let done = match last {
                Some(last) => set_alarm(&storage, (last - float(now().millis())).max(0.0)),
                None => delete_all(&storage),
            };
            settled(done).await.map_err(|why| thrown(&why))
        })
    }
}

impl Table {
    /// Takes the claims or gives them back: one turn, so that nothing comes between.
    fn answer(&self, request: &ClaimRequest) -> Result<bool> {
        let storage = self.state.storage();
        let run = |sql: &str, bindings: &[JsValue]| exec(&storage, sql, &bindings.iter().collect());
        run(
            "CREATE TABLE IF NOT EXISTS claim (id TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INTEGER NOT NULL)",
            &[],
        )?;
        run("CREATE INDEX IF NOT EXISTS claim_expiry ON claim (expires_at)", &[])?;
        self.prune()?;
        let ids = JsValue::from(serde_json::to_string(&request.claims).unwrap_or_default());
        let owner = JsValue::from(&request.owner);
        if !request.take {
            run("DELETE FROM claim WHERE owner = ? AND id IN (SELECT value FROM json_each(?))", &[owner, ids])?;
            return Ok(true);
        }
        let others = "SELECT 1 FROM claim WHERE owner <> ? AND id IN (SELECT value FROM json_each(?)) LIMIT 1";
        if run(others, &[owner.clone(), ids.clone()])?.length() > 0 {
            return Ok(false);
        }
        let until = JsValue::from_f64(float(now().millis().saturating_add(request.keep_ms)));
        let take = "INSERT INTO claim (id, owner, expires_at) SELECT value, ?, ? FROM json_each(?) WHERE true \
                    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at";
        run(take, &[owner, until, ids])?;
        Ok(true)
    }

    fn prune(&self) -> Result<()> {
        let now = JsValue::from_f64(float(now().millis()));
        exec(&self.state.storage(), "DELETE FROM claim WHERE expires_at <= ?", &Array::of1(&now)).map(|_| ())
    }

    async fn set_alarm(&self, request: &ClaimRequest) -> Result<()> {
        if self.alarmed.replace(true) {
            return Ok(());
        }
        let set = set_alarm(&self.state.storage(), float(request.keep_ms.max(1)));
        settled(set).await.map(|_| ()).map_err(|why| thrown(&why))
    }
}
