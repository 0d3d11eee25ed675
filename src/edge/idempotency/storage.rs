//! The one row of an object: the record, and the body of the answer beside it.

use worker::{Result, SqlStorage, SqlStorageValue, Storage};

use crate::idempotency::Record;

/// The row, which may not be there. Every call is synchronous, so that a state is judged and changed in one turn.
pub struct Row(SqlStorage);

impl Row {
    /// The row of an object.
    pub fn of(storage: &Storage) -> Self {
        Self(storage.sql())
    }

    /// The record; none where the key is new.
    ///
    /// # Errors
    /// Where the storage fails, or holds what cannot be read: it must not pass for a new key.
    pub fn record(&self) -> Result<Option<Record>> {
        // Looking must not write: a key that is refused leaves nothing behind.
        if self.first("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'answer'")?.is_none() {
            return Ok(None);
        }
        match self.first("SELECT record FROM answer")? {
            None => Ok(None),
            Some(SqlStorageValue::String(json)) => {
                Record::from_json(&json).map(Some).ok_or_else(|| "a record that cannot be read".into())
            }
            Some(_) => Err("a record that is no text".into()),
        }
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn body(&self) -> Result<Vec<u8>> {
        match self.first("SELECT body FROM answer")? {
            Some(SqlStorageValue::Blob(bytes)) => Ok(bytes),
            _ => Err("an answer without its body".into()),
        }
    }

    /// Stores the record, and the body where there is one. What is sent after this call leaves the object only once it is
    /// on disk: the platform holds it back until then.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn save(&self, record: &Record, body: Option<Vec<u8>>) -> Result<()> {
        self.0.exec(
            "CREATE TABLE IF NOT EXISTS answer (id INTEGER PRIMARY KEY, record TEXT NOT NULL, body BLOB)",
            None,
        )?;
        let values = vec![record.to_json().into(), body.into()];
        self.0.exec("INSERT OR REPLACE INTO answer (id, record, body) VALUES (1, ?, ?)", values)?;
        Ok(())
    }

    /// Forgets the record. The table goes with the alarm.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn clear(&self) -> Result<()> {
        self.0.exec("DELETE FROM answer", None).map(|_| ())
    }

    fn first(&self, query: &str) -> Result<Option<SqlStorageValue>> {
        let mut rows = self.0.exec(query, None)?.raw();
        Ok(rows.next().transpose()?.and_then(|row| row.into_iter().next()))
    }
}
