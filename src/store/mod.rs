//! The registry's tables as one small trait: records with their revisions, and the audit trail.
//!
//! It is synchronous, as the SQLite of a Durable Object is, and knows nothing of what a record means.

pub mod audit;
pub mod schema;
pub mod trail;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::registry::Kind;
use trail::{Ends, Mark};

/// A record and what the registry keeps of it beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// What it holds.
    pub kind: Kind,
    /// The record's id.
    pub id: String,
    /// The record's workspace.
    pub workspace: String,
    /// The record's status.
    pub status: String,
    /// The record's revision; the first is 1.
    pub revision: u64,
    /// The revision that KV is known to hold; 0 for none.
    pub published: u64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The record's JSON, which is what is published.
    pub json: String,
}

impl RecordRow {
    /// Whether KV is known to hold this revision.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        self.published >= self.revision
    }
}

/// Which rows a list has: those of a kind that are not deleted, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only rows made before the one with this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Only of this workspace.
    pub workspace: Option<String>,
    /// Only of this status.
    pub status: Option<String>,
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The id is taken, by a deleted record too.
    #[error("the id is in use")]
    IdInUse,
    /// The row was deleted, or has another revision than it was changed from.
    #[error("the row was changed meanwhile")]
    Changed,
    /// The database failed, or holds what this version cannot read.
    #[error("the registry's database failed: {0}")]
    Failed(String),
}

/// The registry's tables. Each call is done as a whole or not at all.
pub trait Store {
    /// A record, whatever its status.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn row(&self, kind: Kind, id: &str) -> Result<Option<RecordRow>, StoreError>;

    /// A list of records, each with its number in the order of their making.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, RecordRow)>, StoreError>;

    /// Writes a record and the line of the audit trail, and with them the mark that it is to be published. The first
    /// revision must be new, every other one more than the stored one. A change that is counted goes into the line that
    /// it [counts in](audit::Change::counted_in).
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing was written then.
    fn write(&mut self, row: &RecordRow, change: &audit::Change) -> Result<(), StoreError>;

    /// The newest lines of the audit trail with numbers below `before`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<audit::Line>, StoreError>;

    /// The oldest lines of the audit trail with numbers above `after`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<audit::Line>, StoreError>;

    /// The two ends of the audit trail, of the oldest lines so many.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn audit_ends(&self, oldest: u32) -> Result<Ends, StoreError>;

    /// Removes the lines of the audit trail up to `through`, but none that is not marked as exported.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn prune_audit(&mut self, through: u64) -> Result<(), StoreError>;

    /// Where a mark stands; 0 where it was never set.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn mark(&self, mark: Mark) -> Result<u64, StoreError>;

    /// Sets a mark.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn set_mark(&mut self, mark: Mark, seq: u64) -> Result<(), StoreError>;

    /// Records whose revision is not published, those that wait longest first.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn unpublished(&self, limit: u32) -> Result<Vec<RecordRow>, StoreError>;

    /// Notes which revision KV holds; 0 where that is not known any more.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn mark_published(&mut self, kind: Kind, id: &str, revision: u64) -> Result<(), StoreError>;
}
