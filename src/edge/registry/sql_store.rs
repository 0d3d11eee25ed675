//! The registry's tables in the SQLite of a Durable Object.

use worker::{SqlStorageValue as Value, Storage};

use crate::clock::Timestamp;
use crate::edge::promises::words;
use crate::edge::registry::rows::{Columns, read_line, read_row};
use crate::edge::sql::{Database, MAX_SAFE_INTEGER, Statement, number};
use crate::registry::Kind;
use crate::store::audit::{Change, Line};
use crate::store::trail::{Ends, Mark};
use crate::store::{Filter, RecordRow, Store, StoreError, schema};

/// A handle on the tables; clones are handles on the same.
#[derive(Clone)]
pub struct SqlStore(Database);

const LINE: &str = "seq, at, actor, action, kind, id, changes";
const ROW: &str = "kind, id, workspace, status, revision, published, created_at, updated_at, json";

impl SqlStore {
    /// Opens the tables, and makes them where they are not there.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub fn open(storage: &Storage) -> Result<Self, StoreError> {
        let store = Self(Database::of(storage));
        store.query(schema::META, Vec::new())?;
        let version = match store.query(schema::READ_VERSION, Vec::new())?.pop() {
            Some(mut row) => row.number()?,
            None => 0,
        };
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        for (next, statements) in schema::pending(version)? {
            let mut migration: Vec<Statement<'_>> = statements.iter().map(|sql| (*sql, Vec::new())).collect();
            migration.push((schema::WRITE_VERSION, vec![number(next as u64)]));
            store.transact(&migration)?;
        }
        store.query(schema::INDEX, Vec::new())?;
        Ok(store)
    }

    fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Columns>, StoreError> {
        let rows = self.0.query(sql, values).map_err(database_error)?;
        Ok(rows.into_iter().map(Columns::of).collect())
    }

    fn rows_of(&self, sql: &str, values: Vec<Value>) -> Result<Vec<RecordRow>, StoreError> {
        self.query(sql, values)?.iter_mut().map(read_row).collect()
    }

    fn lines_of(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Line>, StoreError> {
        self.query(sql, values)?.iter_mut().map(read_line).collect()
    }

    /// The line that this change is counted in, and its changes then.
    fn counting(&self, id: &str, change: &Change) -> Result<Option<(u64, String)>, StoreError> {
        if !change.action.is_counted() {
            return Ok(None);
        }
        // The action stands here as in the index, which is not used otherwise.
        let sql =
            format!("SELECT {LINE} FROM audit WHERE action = 'revoke_token' AND id = ? ORDER BY seq DESC LIMIT 1");
        let Some(last) = self.lines_of(&sql, vec![id.into()])?.pop() else { return Ok(None) };
        let given = self.mark(Mark::Given)?;
        Ok(change.counted_in(&last, given).map(|changes| (last.seq, changes)))
    }

    fn transact(&self, statements: &[Statement<'_>]) -> Result<(), StoreError> {
        self.0.transact(statements).map_err(database_error)
    }
}

fn database_error(error: worker::Error) -> StoreError {
    StoreError::Failed(words(error))
}

impl Store for SqlStore {
    fn row(&self, kind: Kind, id: &str) -> Result<Option<RecordRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE kind = ? AND id = ?");
        Ok(self.rows_of(&sql, vec![kind.as_str().into(), id.into()])?.pop())
    }

    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, RecordRow)>, StoreError> {
        let mut sql = format!("SELECT seq, {ROW} FROM records WHERE kind = ? AND status <> 'deleted'");
        let mut values: Vec<Value> = vec![kind.as_str().into()];
        if let Some(before) = filter.before {
            sql.push_str(" AND seq < ?");
            values.push(number(before));
        }
        for (condition, wanted) in [(" AND workspace = ?", &filter.workspace), (" AND status = ?", &filter.status)] {
            if let Some(wanted) = wanted {
                sql.push_str(condition);
                values.push(wanted.as_str().into());
            }
        }
        sql.push_str(" ORDER BY seq DESC LIMIT ?");
        values.push(number(filter.limit.into()));
        self.query(&sql, values)?.iter_mut().map(|row| Ok((row.number()?, read_row(row)?))).collect()
    }

    fn write(&mut self, row: &RecordRow, change: &Change) -> Result<(), StoreError> {
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
        let at = number(change.at.millis());
        let audit = match self.counting(&row.id, change)? {
            Some((seq, changes)) => {
                ("UPDATE audit SET at = ?, changes = ? WHERE seq = ?", vec![at, changes.into(), number(seq)])
            }
            None => (
                "INSERT INTO audit (at, actor, action, kind, id, changes) VALUES (?, ?, ?, ?, ?, ?)",
                vec![
                    at,
                    change.actor.as_str().into(),
                    change.action.as_str().into(),
                    row.kind.as_str().into(),
                    row.id.as_str().into(),
                    change.changes.as_str().into(),
                ],
            ),
        };
        self.transact(&[record, audit])
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<Line>, StoreError> {
        let sql = format!("SELECT {LINE} FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
        let before = before.unwrap_or(MAX_SAFE_INTEGER);
        self.lines_of(&sql, vec![number(before), number(limit.into())])
    }

    fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let sql = format!("SELECT {LINE} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
        self.lines_of(&sql, vec![number(after), number(limit.into())])
    }

    fn audit_ends(&self, oldest: u32) -> Result<Ends, StoreError> {
        let mut newest = self.query("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1", Vec::new())?;
        let mut oldest = self.query("SELECT seq, at FROM audit ORDER BY seq LIMIT ?", vec![number(oldest.into())])?;
        let read = |row: &mut Columns| Ok((row.number()?, Timestamp::from_millis(row.number()?)));
        Ok(Ends {
            oldest: oldest.iter_mut().map(read).collect::<Result<_, StoreError>>()?,
            newest: newest.first_mut().map_or(Ok(0), Columns::number)?,
        })
    }

    fn prune_audit(&mut self, through: u64) -> Result<(), StoreError> {
        // Whatever the rule says: what is not marked is not removed.
        let sql = "DELETE FROM audit WHERE seq <= ? AND seq <= (SELECT value FROM meta WHERE key = ?)";
        self.query(sql, vec![number(through), Mark::Exported.key().into()]).map(|_| ())
    }

    fn mark(&self, mark: Mark) -> Result<u64, StoreError> {
        let mut rows = self.query("SELECT value FROM meta WHERE key = ?", vec![mark.key().into()])?;
        rows.first_mut().map_or(Ok(0), Columns::number)
    }

    fn set_mark(&mut self, mark: Mark, seq: u64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)";
        self.query(sql, vec![mark.key().into(), number(seq)]).map(|_| ())
    }

    fn unpublished(&self, limit: u32) -> Result<Vec<RecordRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM records WHERE published < revision ORDER BY updated_at LIMIT ?");
        self.rows_of(&sql, vec![number(limit.into())])
    }

    fn mark_published(&mut self, kind: Kind, id: &str, revision: u64) -> Result<(), StoreError> {
        let sql = "UPDATE records SET published = ? WHERE kind = ? AND id = ?";
        self.query(sql, vec![number(revision), kind.as_str().into(), id.into()]).map(|_| ())
    }
}
