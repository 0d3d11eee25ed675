//! Rows of the registry's tables, read column by column.

use std::vec;

use worker::SqlStorageValue as Value;

use crate::clock::Timestamp;
use crate::edge::sql::SqlRow;
use crate::json::Object;
use crate::registry::Kind;
use crate::store::audit::Line;
use crate::store::{RecordRow, StoreError};

/// Reads a record.
///
/// # Errors
/// Where it is none.
pub fn read_row(columns: &mut Columns) -> Result<RecordRow, StoreError> {
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

/// Reads a line of the audit trail.
///
/// # Errors
/// Where it is none.
pub fn read_line(columns: &mut Columns) -> Result<Line, StoreError> {
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
pub struct Columns(vec::IntoIter<Value>);

impl Columns {
    /// The columns of this row.
    pub fn of(row: SqlRow) -> Self {
        Self(row.into_iter())
    }

    /// A column that is a text.
    ///
    /// # Errors
    /// Where it is none.
    pub fn text(&mut self) -> Result<String, StoreError> {
        if let Some(Value::String(text)) = self.0.next() { Ok(text) } else { Err(failed("a column is no text")) }
    }

    /// A column that is a count or a time.
    ///
    /// # Errors
    /// Where it is none.
    pub fn number(&mut self) -> Result<u64, StoreError> {
        let number = if let Some(Value::Integer(number)) = self.0.next() { u64::try_from(number).ok() } else { None };
        number.ok_or_else(|| failed("a column is no whole number"))
    }

    fn kind(&mut self) -> Result<Kind, StoreError> {
        self.text()?.parse().map_err(|_| failed("a record is of an unknown kind"))
    }
}

fn failed(why: &str) -> StoreError {
    StoreError::Failed(why.to_owned())
}
