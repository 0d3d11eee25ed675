//! The one row of an object: the record, and the body of the answer beside it.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::Result;
use crate::edge::promises::{exec, thrown};
use crate::idempotency::KeyRecord;

/// The row, which may not be there. Every call is synchronous, so that a state is judged and changed in one turn.
pub struct KeyStorage<'a>(&'a JsValue);

impl<'a> KeyStorage<'a> {
    /// The row of an object with this storage.
    pub fn of(storage: &'a JsValue) -> Self {
        Self(storage)
    }

    /// The record; none where the key is new.
    ///
    /// # Errors
    /// Where the storage fails, or holds what cannot be read: it must not pass for a new key.
    pub fn record(&self) -> Result<Option<KeyRecord>> {
        // Looking must not write: a key that is refused leaves nothing behind.
        if self.first("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'answer'")?.is_none() {
            return Ok(None);
        }
        let Some(record) = self.first("SELECT record FROM answer")? else { return Ok(None) };
        let json = record.as_string().ok_or_else(|| thrown("a record that is no text"))?;
        KeyRecord::from_json(&json).map(Some).ok_or_else(|| thrown("a record that cannot be read"))
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn body(&self) -> Result<Vec<u8>> {
        let body = self.first("SELECT body FROM answer")?.filter(JsValue::is_object);
        body.map(|body| Uint8Array::new(&body).to_vec()).ok_or_else(|| thrown("an answer without its body"))
    }

    /// Stores the record, and the body where there is one. What is sent after this call leaves the object only once it
    /// is on disk: the platform holds it back until then.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn save(&self, record: &KeyRecord, body: Option<Vec<u8>>) -> Result<()> {
        self.exec(
            "CREATE TABLE IF NOT EXISTS answer (id INTEGER PRIMARY KEY, record TEXT NOT NULL, body BLOB)",
            &Array::new(),
        )?;
        let body = body.map_or(JsValue::NULL, |body| Uint8Array::from(body.as_slice()).into());
        let values = Array::of2(&record.to_json().into(), &body);
        self.exec("INSERT OR REPLACE INTO answer (id, record, body) VALUES (1, ?, ?)", &values).map(|_| ())
    }

    /// Forgets the record. The table goes with the alarm.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn clear(&self) -> Result<()> {
        self.exec("DELETE FROM answer", &Array::new()).map(|_| ())
    }

    /// The first column of the first row.
    fn first(&self, query: &str) -> Result<Option<JsValue>> {
        let row = self.exec(query, &Array::new())?.get(0);
        Ok(row.dyn_into::<Array>().ok().map(|row| row.get(0)))
    }

    fn exec(&self, sql: &str, bindings: &Array) -> Result<Array> {
        exec(self.0, sql, bindings)
    }
}
