//! An answer about a record: the whole record, `id` first, without its secrets.

use super::failure::Failure;
use super::record;
use crate::json::Writer;
use crate::registry::Secret;
use crate::store::RecordRow;

/// A record that is to be shown.
#[derive(Debug)]
pub struct RecordView {
    /// The status of the answer.
    pub status: u16,
    /// The record.
    pub row: RecordRow,
    /// The secret that was made for it just now: it is shown this once.
    pub new_secret: Option<NewSecret>,
}

/// A secret of a credential that was made just now.
#[derive(Debug)]
pub struct NewSecret {
    /// The field that shows it.
    pub field: &'static str,
    /// The API key, or the client's secret.
    pub secret: Secret,
}

impl RecordView {
    /// A record as it is, with 200.
    #[must_use]
    pub fn row(row: RecordRow) -> Self {
        Self { status: 200, row, new_secret: None }
    }

    /// The body of the answer.
    ///
    /// # Errors
    /// Where the stored record cannot be read; the detail names it.
    pub fn body(&self) -> Result<String, Failure> {
        let row = &self.row;
        let mut body = Writer::new();
        record::read(row)?.view(&mut body);
        body.number("revision", row.revision).truth("published", row.is_published());
        body.text("created_at", &row.created_at.to_rfc3339()).text("updated_at", &row.updated_at.to_rfc3339());
        if let Some(new) = &self.new_secret {
            body.text(new.field, new.secret.expose());
        }
        Ok(body.end())
    }
}
