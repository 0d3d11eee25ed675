//! The one row of an object: the record, and the body of the answer beside it.

use worker::{Result, SqlStorageValue as Value, Storage};

use crate::edge::sql::Database;
use crate::idempotency::KeyRecord;

/// The row, which may not be there. Every call is synchronous, so that a state is judged and changed in one turn.
pub struct KeyStorage(Database);

impl KeyStorage {
    /// The row of an object with this storage.
    pub fn of(storage: &Storage) -> Self {
        Self(Database::of(storage))
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
        let Value::String(json) = record else { return Err("a record that is no text".into()) };
        KeyRecord::from_json(&json).map(Some).ok_or_else(|| "a record that cannot be read".into())
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn body(&self) -> Result<Vec<u8>> {
        match self.first("SELECT body FROM answer")? {
            Some(Value::Blob(body)) => Ok(body),
            _ => Err("an answer without its body".into()),
        }
    }

    /// Stores the record, and the body where there is one. What is sent after this call leaves the object only once it
    /// is on disk: the platform holds it back until then.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn save(&self, record: &KeyRecord, body: Option<Vec<u8>>) -> Result<()> {
        let table = "CREATE TABLE IF NOT EXISTS answer (id INTEGER PRIMARY KEY, record TEXT NOT NULL, body BLOB)";
        self.0.query(table, Vec::new())?;
        let values = vec![record.to_json().into(), body.into()];
        self.0.query("INSERT OR REPLACE INTO answer (id, record, body) VALUES (1, ?, ?)", values).map(|_| ())
    }

    /// Forgets the record. The table goes with the alarm.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn clear(&self) -> Result<()> {
        self.0.query("DELETE FROM answer", Vec::new()).map(|_| ())
    }

    /// The first column of the first row.
    fn first(&self, query: &str) -> Result<Option<Value>> {
        Ok(self.0.query(query, Vec::new())?.into_iter().flatten().next())
    }
}
