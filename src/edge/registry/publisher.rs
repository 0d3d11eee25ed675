//! Carries publication out: puts records to KV by the rules of [`crate::registry::publication`].

use std::cell::RefCell;
use std::rc::Rc;

use worker::Env;

use crate::config::names;
use crate::edge::bindings::log_line;
use crate::edge::now;
use crate::edge::promises::{settled, words};
use crate::edge::registry::sql_store::SqlStore;
use crate::edge::state::kv_namespace;
use crate::json::Writer;
use crate::registry::Kind;
use crate::registry::publication::{Ended, Puts};
use crate::store::{RecordRow, Store, StoreError};

/// After how many failures the rest waits for the alarm: KV is down then.
const FAILURES: u32 = 3;

/// Puts records to KV; clones share what is under way.
#[derive(Clone)]
pub struct Publisher {
    /// The registry's tables.
    pub store: SqlStore,
    env: Env,
    puts: Rc<RefCell<Puts>>,
}

impl Publisher {
    /// A publisher of what is in `store`.
    pub fn new(store: SqlStore, env: Env) -> Self {
        Self { store, env, puts: Rc::default() }
    }

    /// Publishes these records one after the other. `false` where not all are published.
    ///
    /// # Errors
    /// Where the registry's database fails.
    pub async fn publish(mut self, records: Vec<(Kind, String)>) -> Result<bool, StoreError> {
        let (mut all, mut failures) = (true, 0);
        for (kind, id) in records {
            match self.publish_one(kind, &id).await? {
                PutResult::Published => {}
                PutResult::UnderWay => all = false,
                PutResult::Failed(reason) => {
                    log_line(&publication_line(&kind.published_key(&id), &reason));
                    (all, failures) = (false, failures + 1);
                }
            }
            if failures == FAILURES {
                return Ok(false);
            }
        }
        Ok(all)
    }

    async fn publish_one(&mut self, kind: Kind, id: &str) -> Result<PutResult, StoreError> {
        let key = kind.published_key(id);
        loop {
            // Read anew each time: it may have been changed while it was put.
            let Some(row) = self.store.row(kind, id)? else { return Ok(PutResult::Published) };
            if row.is_published() {
                return Ok(PutResult::Published);
            }
            let Some(put) = self.puts.borrow_mut().begin(&key, now()) else { return Ok(PutResult::UnderWay) };
            let result = put_to_kv(&self.env, &key, &row).await;
            let ended = self.puts.borrow_mut().end(put, result.is_ok());
            match (ended, result) {
                (Ended::Landed, _) => self.store.mark_published(kind, id, row.revision)?,
                (Ended::Late, _) => self.store.mark_published(kind, id, 0)?,
                (Ended::Failed, result) => {
                    return Ok(PutResult::Failed(result.err().unwrap_or_default()));
                }
            }
        }
    }
}

enum PutResult {
    Published,
    /// Another event is at it.
    UnderWay,
    Failed(String),
}

async fn put_to_kv(env: &Env, key: &str, row: &RecordRow) -> Result<(), String> {
    let namespace = match row.kind {
        Kind::Instance => names::INSTANCES,
        Kind::ApiKey | Kind::OauthClient => names::CREDENTIALS,
    };
    let put = kv_namespace(env, namespace).put(key, &row.json).map_err(|error| words(error.into()))?;
    settled(put).await.map(|_| ())
}

/// A line for the log about what has no request: the record, or the registry itself, and what went wrong.
pub fn publication_line(record: &str, detail: &str) -> String {
    let mut line = Writer::new();
    line.text("level", "warn").text("event", "publication").text("record", record).text("detail", detail).end()
}
