//! The registry's tables in the SQLite of a Durable Object.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use crate::clock::Timestamp;
use crate::edge::promises::{exec, transact, words};
use crate::json::Object;
use crate::registry::Kind;
use crate::store::audit::{Change, Line};
use crate::store::trail::{Ends, Mark};
use crate::store::{Filter, RecordRow, Store, StoreError, schema};

/// A handle on the tables; clones are handles on the same.
#[derive(Clone)]
pub struct SqlStore(JsValue);

const LINE: &str = "seq, at, actor, action, kind, id, changes";
const ROW: &str = "kind, id, workspace, status, revision, published, created_at, updated_at, json";

impl SqlStore {
    /// Opens the tables, and makes them where they are not there.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn open(storage: JsValue) -> Result<Self, StoreError> {
        let store = Self(storage);
        store.query(schema::META, &[])?;
        let version = match store.query(schema::READ_VERSION, &[])?.pop() {
            Some(mut row) => row.number()?,
            None => 0,
        };
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        for (next, statements) in schema::pending(version)? {
            let migration = statements.iter().map(|sql| statement(sql, &[]));
            let noted = statement(schema::WRITE_VERSION, &[number(next as u64)]);
            store.transact(migration.chain([noted]))?;
        }
        store.query(schema::INDEX, &[])?;
        Ok(store)
    }

    fn query(&self, sql: &str, bindings: &[JsValue]) -> Result<Vec<Columns>, StoreError> {
        let rows = exec(&self.0, sql, &array(bindings)).map_err(|error| StoreError::Failed(words(&error)))?;
        Ok(rows.into_iter().map(|row| Columns { row: Array::from(&row), next: 0 }).collect())
    }

    fn rows_of(&self, sql: &str, bindings: &[JsValue]) -> Result<Vec<RecordRow>, StoreError> {
        self.query(sql, bindings)?.iter_mut().map(read_row).collect()
    }

    fn lines_of(&self, sql: &str, bindings: &[JsValue]) -> Result<Vec<Line>, StoreError> {
        self.query(sql, bindings)?.iter_mut().map(read_line).collect()
    }

    /// The line that this change is counted in, and its changes then.
    fn counting(&self, id: &str, change: &Change) -> Result<Option<(u64, String)>, StoreError> {
        if !change.action.is_counted() {
            return Ok(None);
        }
        // The action stands here as in the index, which is not used otherwise.
        let sql =
            format!("SELECT {LINE} FROM audit WHERE action = 'revoke_token' AND id = ? ORDER BY seq DESC LIMIT 1");
        let Some(last) = self.lines_of(&sql, &[id.into()])?.pop() else { return Ok(None) };
        let given = self.mark(Mark::Given)?;
        Ok(change.counted_in(&last, given).map(|changes| (last.seq, changes)))
    }

    /// All statements or, where one fails, none.
    fn transact(&self, statements: impl IntoIterator<Item = Array>) -> Result<(), StoreError> {
        let all: Array = statements.into_iter().collect();
        transact(&self.0, &all).map_err(|error| StoreError::Failed(words(&error)))
    }
}

/// A statement and its bindings, as `transact` takes them.
fn statement(sql: &str, bindings: &[JsValue]) -> Array {
    let statement = array(bindings);
    statement.unshift(&sql.into());
    statement
}

fn array(values: &[JsValue]) -> Array {
    values.iter().collect()
}

impl Store for SqlStore {
    fn row(&self, kind: Kind, id: &str) -> Result<Option<RecordRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE kind = ? AND id = ?");
        Ok(self.rows_of(&sql, &[kind.as_str().into(), id.into()])?.pop())
    }

    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, RecordRow)>, StoreError> {
        let mut sql = format!("SELECT seq, {ROW} FROM records WHERE kind = ? AND status <> 'deleted'");
        let mut bindings: Vec<JsValue> = vec![kind.as_str().into()];
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
        self.query(&sql, &bindings)?.iter_mut().map(|row| Ok((row.number()?, read_row(row)?))).collect()
    }

    fn write(&mut self, row: &RecordRow, change: &Change) -> Result<(), StoreError> {
        // Nothing else runs between this look and the transaction: both are done without a turn of the event loop.
        let stored = self.row(row.kind, &row.id)?;
        let record = match stored {
            Some(_) if row.revision == 1 => return Err(StoreError::IdInUse),
            Some(stored) if stored.revision + 1 == row.revision => statement(
                "UPDATE records SET status = ?, revision = ?, updated_at = ?, json = ? WHERE kind = ? AND id = ?",
                &[
                    row.status.as_str().into(),
                    number(row.revision),
                    number(row.updated_at.millis()),
                    row.json.as_str().into(),
                    row.kind.as_str().into(),
                    row.id.as_str().into(),
                ],
            ),
            None if row.revision == 1 => statement(
                "INSERT INTO records (kind, id, workspace, status, revision, published, created_at, updated_at, json)
                 VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
                &[
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
        let at = number(change.at.millis());
        let audit = match self.counting(&row.id, change)? {
            Some((seq, changes)) => {
                statement("UPDATE audit SET at = ?, changes = ? WHERE seq = ?", &[at, changes.into(), number(seq)])
            }
            None => statement(
                "INSERT INTO audit (at, actor, action, kind, id, changes) VALUES (?, ?, ?, ?, ?, ?)",
                &[
                    at,
                    change.actor.as_str().into(),
                    change.action.as_str().into(),
                    row.kind.as_str().into(),
                    row.id.as_str().into(),
                    change.changes.as_str().into(),
                ],
            ),
        };
        self.transact([record, audit])
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<Line>, StoreError> {
        let sql = format!("SELECT {LINE} FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
        let before = before.unwrap_or(MAX_SAFE_INTEGER);
        self.lines_of(&sql, &[number(before), number(limit.into())])
    }

    fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let sql = format!("SELECT {LINE} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
        self.lines_of(&sql, &[number(after), number(limit.into())])
    }

    fn audit_ends(&self, oldest: u32) -> Result<Ends, StoreError> {
        let mut newest = self.query("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1", &[])?;
        let mut oldest = self.query("SELECT seq, at FROM audit ORDER BY seq LIMIT ?", &[number(oldest.into())])?;
        let read = |row: &mut Columns| Ok((row.number()?, Timestamp::from_millis(row.number()?)));
        Ok(Ends {
            oldest: oldest.iter_mut().map(read).collect::<Result<_, StoreError>>()?,
            newest: newest.first_mut().map_or(Ok(0), Columns::number)?,
        })
    }

    fn prune_audit(&mut self, through: u64) -> Result<(), StoreError> {
        // Whatever the rule says: what is not marked is not removed.
        let sql = "DELETE FROM audit WHERE seq <= ? AND seq <= (SELECT value FROM meta WHERE key = ?)";
        self.query(sql, &[number(through), Mark::Exported.key().into()]).map(|_| ())
    }

    fn mark(&self, mark: Mark) -> Result<u64, StoreError> {
        let mut rows = self.query("SELECT value FROM meta WHERE key = ?", &[mark.key().into()])?;
        rows.first_mut().map_or(Ok(0), Columns::number)
    }

    fn set_mark(&mut self, mark: Mark, seq: u64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)";
        self.query(sql, &[mark.key().into(), number(seq)]).map(|_| ())
    }

    fn unpublished(&self, limit: u32) -> Result<Vec<RecordRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE published < revision ORDER BY updated_at LIMIT ?");
        self.rows_of(&sql, &[number(limit.into())])
    }

    fn mark_published(&mut self, kind: Kind, id: &str, revision: u64) -> Result<(), StoreError> {
        let sql = "UPDATE records SET published = ? WHERE kind = ? AND id = ?";
        self.query(sql, &[number(revision), kind.as_str().into(), id.into()]).map(|_| ())
    }
}

/// The largest integer that JavaScript keeps.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A number as SQLite gets it through JavaScript. Ours are counts and times; what a caller sends may be larger, and
/// means the largest then.
#[expect(clippy::cast_precision_loss, reason = "none is larger than what a float holds exactly")]
fn number(value: u64) -> JsValue {
    (value.min(MAX_SAFE_INTEGER) as f64).into()
}

fn failed(why: &str) -> StoreError {
    StoreError::Failed(why.to_owned())
}

fn read_row(columns: &mut Columns) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
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
struct Columns {
    row: Array,
    next: u32,
}

impl Columns {
    fn value(&mut self) -> JsValue {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        self.value().as_string().ok_or_else(|| failed("a column is no text"))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count or a time that fits")]
    #[expect(clippy::cast_precision_loss, reason = "the largest that a float holds exactly")]
    fn number(&mut self) -> Result<u64, StoreError> {
        let whole = |number: &f64| (0.0..=MAX_SAFE_INTEGER as f64).contains(number) && number.fract() <= 0.0;
        let number = self.value().as_f64().filter(whole).ok_or_else(|| failed("a column is no whole number"))?;
        Ok(number as u64)
    }

    fn kind(&mut self) -> Result<Kind, StoreError> {
        self.text()?.parse().map_err(|_| failed("a record is of an unknown kind"))
    }
}
