//! The registry's tables in the SQLite of a Durable Object.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::*;
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::clock::Timestamp;
use crate::json::Object;
use crate::registry::audit::{Change, Line};
use crate::store::{Filter, Kind, Row, Store, StoreError, schema};

#[wasm_bindgen(module = "/src/edge/registry/glue.js")]
extern "C" {
    /// Executes statements, each an array of its text and its bindings, in one transaction.
    #[wasm_bindgen(catch)]
    fn transact(storage: &JsValue, statements: &Array) -> Result<(), JsValue>;
}

/// A handle on the tables; clones are handles on the same.
#[derive(Clone)]
pub struct SqlStore {
    storage: Rc<Storage>,
    sql: SqlStorage,
}

/// A statement and its bindings.
type Statement<'a> = (&'a str, Vec<SqlStorageValue>);

const ROW: &str = "kind, id, workspace, status, revision, published, created_at, updated_at, json";

impl SqlStore {
    /// Opens the tables, and makes them where they are not there.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn open(storage: Storage) -> Result<Self, StoreError> {
        let store = Self { sql: storage.sql(), storage: Rc::new(storage) };
        store.query(schema::META, vec![])?;
        let version = match store.query(schema::READ_VERSION, vec![])?.first() {
            Some(row) => Columns::of(row.clone()).number()?,
            None => 0,
        };
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        for (next, statements) in schema::pending(version)? {
            let migration = statements.iter().map(|statement| (*statement, vec![]));
            let noted = (schema::WRITE_VERSION, vec![number(next as u64)]);
            store.transact(migration.chain([noted]).collect())?;
        }
        Ok(store)
    }

    fn query(&self, sql: &str, bindings: Vec<SqlStorageValue>) -> Result<Vec<Vec<SqlStorageValue>>, StoreError> {
        let cursor = self.sql.exec(sql, bindings).map_err(failed)?;
        cursor.raw().collect::<worker::Result<_>>().map_err(failed)
    }

    fn rows_of(&self, sql: &str, bindings: Vec<SqlStorageValue>) -> Result<Vec<Row>, StoreError> {
        self.query(sql, bindings)?.into_iter().map(|row| read_row(&mut Columns::of(row))).collect()
    }

    /// All statements or, where one fails, none.
    fn transact(&self, statements: Vec<Statement<'_>>) -> Result<(), StoreError> {
        let array = Array::new();
        for (sql, bindings) in statements {
            let statement = Array::of1(&sql.into());
            for binding in bindings {
                statement.push(&binding.into());
            }
            array.push(&statement);
        }
        transact(self.storage.as_raw(), &array).map_err(|error| failed(worker::Error::from(error)))
    }
}

impl Store for SqlStore {
    fn row(&self, kind: Kind, id: &str) -> Result<Option<Row>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE kind = ? AND id = ?");
        Ok(self.rows_of(&sql, vec![kind.as_str().into(), id.into()])?.pop())
    }

    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, Row)>, StoreError> {
        let mut sql = format!("SELECT seq, {ROW} FROM records WHERE kind = ? AND status <> 'deleted'");
        let mut bindings: Vec<SqlStorageValue> = vec![kind.as_str().into()];
        if let Some(before) = filter.before {
            sql.push_str(" AND seq < ?");
            bindings.push(number(before));
        }
        for (condition, wanted) in [(" AND workspace = ?", &filter.workspace), (" AND status = ?", &filter.status)] {
            if let Some(wanted) = wanted {
                sql.push_str(condition);
                bindings.push(wanted.as_str().into());
            }
        }
        sql.push_str(" ORDER BY seq DESC LIMIT ?");
        bindings.push(number(filter.limit.into()));
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok((columns.number()?, read_row(&mut columns)?))
        };
        self.query(&sql, bindings)?.into_iter().map(read).collect()
    }

    fn write(&mut self, row: &Row, change: &Change) -> Result<(), StoreError> {
        // Nothing else runs between this look and the transaction: both are done without a turn of the event loop.
        let stored = self.row(row.kind, &row.id)?;
        let record = match stored {
            Some(_) if row.revision == 1 => return Err(StoreError::IdInUse),
            Some(stored) if stored.revision + 1 == row.revision => (
                "UPDATE records SET status = ?, revision = ?, updated_at = ?, json = ? WHERE kind = ? AND id = ?",
                vec![
                    row.status.as_str().into(),
                    number(row.revision),
                    number(row.updated_at.millis()),
                    row.json.as_str().into(),
                    row.kind.as_str().into(),
                    row.id.as_str().into(),
                ],
            ),
            None if row.revision == 1 => (
                "INSERT INTO records (kind, id, workspace, status, revision, published, created_at, updated_at, json)
                 VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
                vec![
                    row.kind.as_str().into(),
                    row.id.as_str().into(),
                    row.workspace.as_str().into(),
                    row.status.as_str().into(),
                    number(row.revision),
                    number(row.created_at.millis()),
                    number(row.updated_at.millis()),
                    row.json.as_str().into(),
                ],
            ),
            _ => return Err(StoreError::Changed),
        };
        let audit = (
            "INSERT INTO audit (at, actor, action, kind, id, changes) VALUES (?, ?, ?, ?, ?, ?)",
            vec![
                number(change.at.millis()),
                change.actor.as_str().into(),
                change.action.as_str().into(),
                row.kind.as_str().into(),
                row.id.as_str().into(),
                change.changes.as_str().into(),
            ],
        );
        self.transact(vec![record, audit])
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<Line>, StoreError> {
        let sql = "SELECT seq, at, actor, action, kind, id, changes FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?";
        let before = before.unwrap_or(MAX_SAFE_INTEGER);
        let rows = self.query(sql, vec![number(before), number(limit.into())])?;
        rows.into_iter().map(|row| read_line(&mut Columns::of(row))).collect()
    }

    fn unpublished(&self, limit: u32) -> Result<Vec<Row>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE published < revision ORDER BY updated_at LIMIT ?");
        self.rows_of(&sql, vec![number(limit.into())])
    }

    fn mark_published(&mut self, kind: Kind, id: &str, revision: u64) -> Result<(), StoreError> {
        let sql = "UPDATE records SET published = ? WHERE kind = ? AND id = ?";
        self.query(sql, vec![number(revision), kind.as_str().into(), id.into()]).map(|_| ())
    }
}

/// The largest integer that JavaScript keeps.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A number as SQLite gets it through JavaScript. Ours are counts and times; what a caller sends may be larger, and
/// means the largest then.
fn number(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(value.min(MAX_SAFE_INTEGER).cast_signed())
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn read_row(columns: &mut Columns) -> Result<Row, StoreError> {
    Ok(Row {
        kind: columns.kind()?,
        id: columns.text()?,
        workspace: columns.text()?,
        status: columns.text()?,
        revision: columns.number()?,
        published: columns.number()?,
        created_at: Timestamp::from_millis(columns.number()?),
        updated_at: Timestamp::from_millis(columns.number()?),
        json: columns.text()?,
    })
}

fn read_line(columns: &mut Columns) -> Result<Line, StoreError> {
    Ok(Line {
        seq: columns.number()?,
        at: Timestamp::from_millis(columns.number()?).to_rfc3339(),
        actor: columns.text()?,
        action: columns.text()?,
        kind: columns.kind()?.as_str(),
        id: columns.text()?,
        changes: columns.text().and_then(json_object)?,
    })
}

/// The text, which is put into an answer as it stands, where it is one JSON object.
fn json_object(text: String) -> Result<String, StoreError> {
    if Object::parse(&text).is_some() { Ok(text) } else { Err(failed("an audit line is not JSON")) }
}

/// The columns of a row, read in turn.
struct Columns(std::vec::IntoIter<SqlStorageValue>);

impl Columns {
    fn of(row: Vec<SqlStorageValue>) -> Self {
        Self(row.into_iter())
    }

    fn text(&mut self) -> Result<String, StoreError> {
        match self.0.next() {
            Some(SqlStorageValue::String(text)) => Ok(text),
            _ => Err(failed("a column is no text")),
        }
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        match self.0.next() {
            Some(SqlStorageValue::Integer(number)) => u64::try_from(number).map_err(failed),
            _ => Err(failed("a column is no whole number")),
        }
    }

    fn kind(&mut self) -> Result<Kind, StoreError> {
        Kind::parse(&self.text()?).ok_or_else(|| failed("a record is of an unknown kind"))
    }
}
