//! The SQLite of a Durable Object.

use wasm_bindgen::prelude::*;
use worker::{SqlStorage, SqlStorageValue, Storage};

/// A statement, and what stands for its question marks.
pub type Statement<'a> = (&'a str, Vec<SqlStorageValue>);

/// The columns of a row.
pub type SqlRow = Vec<SqlStorageValue>;

#[wasm_bindgen]
extern "C" {
    /// An object's storage with its transactions, of which the `worker` crate has those alone that are waited for.
    #[derive(Clone)]
    type SyncStorage;

    /// What the closure writes is written as a whole, or not at all where it gives an error.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(this: &SyncStorage, closure: &mut dyn FnMut() -> Result<(), JsValue>) -> Result<(), JsValue>;
}

/// A handle on an object's database; clones are handles on the same.
#[derive(Clone)]
pub struct Database {
    sql: SqlStorage,
    storage: SyncStorage,
}

impl Database {
    /// The database of an object with this storage.
    pub fn of(storage: &Storage) -> Self {
        Self { sql: storage.sql(), storage: storage.as_raw().unchecked_ref::<SyncStorage>().clone() }
    }

    /// Executes a statement: its rows, as plain values. The crate's other ways deserialise each row, which is 3 to 11
    /// KB of wasm for each kind of row.
    ///
    /// # Errors
    /// What the database says.
    pub fn query(&self, sql: &str, values: Vec<SqlStorageValue>) -> worker::Result<Vec<SqlRow>> {
        self.sql.exec(sql, values)?.raw().collect()
    }

    /// Executes all statements or, where one fails, none.
    ///
    /// # Errors
    /// What the database says.
    pub fn transact(&self, statements: &[Statement<'_>]) -> worker::Result<()> {
        let mut all = || {
            for (sql, values) in statements {
                self.query(sql, values.clone())?;
            }
            Ok(())
        };
        Ok(self.storage.transaction_sync(&mut all)?)
    }
}

/// The largest integer that JavaScript keeps.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A number as SQLite gets it through JavaScript. Ours are counts and times; what a caller sends may be larger, and
/// means the largest then.
pub fn number(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(value.min(MAX_SAFE_INTEGER).cast_signed())
}
