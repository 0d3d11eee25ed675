//! Claims: asking the objects that keep them, and those objects themselves. The rules are
//! [`crate::idempotency::claims`].

use std::cell::{Cell, RefCell};
use std::time::Duration;

use worker::{DurableObject, Env, Request, Response, Result, SqlStorageValue as Value, durable_object};

use crate::config::names;
use crate::edge::now;
use crate::edge::promises::call_object;
use crate::edge::sql::{Database, number};
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
    let (status, text) = call_object(env, names::CLAIMS, name, &request, CLAIM_MS).await.ok()??;
    if status != 200 {
        return None;
    }
    serde_json::from_str::<ClaimResponse>(&text).ok().map(|response| response.granted)
}

/// One of the objects that keep the claims of an instance, as the platform calls it.
#[durable_object(alarm)]
pub struct Claims {
    state: worker::State,
    /// The table, once this object has seen to it that there is one.
    table: RefCell<Option<Database>>,
    /// Whether an alarm is set, as far as this object knows.
    alarmed: Cell<bool>,
}

impl DurableObject for Claims {
    fn new(state: worker::State, _env: Env) -> Self {
        Self { state, table: RefCell::default(), alarmed: Cell::new(false) }
    }

    /// Answers a [`ClaimRequest`].
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let request: ClaimRequest = serde_json::from_str(&request.text().await?)?;
        let granted = self.answer(&request)?;
        self.set_alarm(&request).await?;
        Response::ok(serde_json::to_string(&ClaimResponse { granted })?)
    }

    /// Forgets what has expired, and everything once nothing is left.
    async fn alarm(&self) -> Result<Response> {
        self.alarmed.set(false);
        let table = self.table()?;
        prune(&table)?;
        let last = table.query("SELECT max(expires_at) FROM claim", Vec::new())?;
        let storage = self.state.storage();
        if let Some(Value::Integer(last)) = last.into_iter().flatten().next() {
            let left_ms = u64::try_from(last).unwrap_or_default().saturating_sub(now().millis());
            storage.set_alarm(Duration::from_millis(left_ms)).await?;
        } else {
            self.table.take();
            storage.delete_all().await?;
        }
        Response::empty()
    }
}

impl Claims {
    /// Takes the claims or gives them back: one turn, so that nothing comes between.
    fn answer(&self, request: &ClaimRequest) -> Result<bool> {
        let table = self.table()?;
        prune(&table)?;
        let ids: Value = serde_json::to_string(&request.claims)?.into();
        let owner: Value = request.owner.as_str().into();
        if !request.take {
            let give_back = "DELETE FROM claim WHERE owner = ? AND id IN (SELECT value FROM json_each(?))";
            table.query(give_back, vec![owner, ids])?;
            return Ok(true);
        }
        let others = "SELECT 1 FROM claim WHERE owner <> ? AND id IN (SELECT value FROM json_each(?)) LIMIT 1";
        if !table.query(others, vec![owner.clone(), ids.clone()])?.is_empty() {
            return Ok(false);
        }
        let until = number(now().plus_millis(request.keep_ms).millis());
        let take = "INSERT INTO claim (id, owner, expires_at) SELECT value, ?, ? FROM json_each(?) WHERE true \
                    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at";
        table.query(take, vec![owner, until, ids])?;
        Ok(true)
    }

    /// The table; made once in an object's life, and again where it was forgotten.
    fn table(&self) -> Result<Database> {
        if let Some(table) = &*self.table.borrow() {
            return Ok(table.clone());
        }
        let table = Database::of(&self.state.storage());
        for sql in [
            "CREATE TABLE IF NOT EXISTS claim (id TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INTEGER NOT NULL)",
            "CREATE INDEX IF NOT EXISTS claim_expiry ON claim (expires_at)",
        ] {
            table.query(sql, Vec::new())?;
        }
        self.table.replace(Some(table.clone()));
        Ok(table)
    }

    async fn set_alarm(&self, request: &ClaimRequest) -> Result<()> {
        if self.alarmed.replace(true) {
            return Ok(());
        }
        self.state.storage().set_alarm(Duration::from_millis(request.keep_ms.max(1))).await
    }
}

fn prune(table: &Database) -> Result<()> {
    table.query("DELETE FROM claim WHERE expires_at <= ?", vec![number(now().millis())]).map(|_| ())
}
