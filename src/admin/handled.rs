//! What a request led to: what is to be answered, and what is left for the edge to do.

use super::view::{NewSecret, RecordView};
use crate::registry::{InstanceRecord, Kind};
use crate::store::RecordRow;

/// A request that was handled.
#[derive(Debug)]
pub struct Handled {
    /// What to answer.
    pub answer: Content,
    /// The records that were changed, to be published.
    pub changed: Vec<(Kind, String)>,
}

/// What to answer.
#[derive(Debug)]
pub enum Content {
    /// A record. Its body says whether it is published, so it is made when that is known.
    Record(RecordView),
    /// This text, with 200.
    Text(String),
    /// The same, of lines that are JSON each.
    Lines(String),
    /// The same, after which lines of the audit trail may be pruned.
    Exported(String),
    /// What [`judge`](super::check::judge) says of this instance, once its Core was looked at.
    Check(Box<InstanceRecord>),
}

impl Handled {
    /// An answer to a request that changed no record.
    pub(super) fn unchanged(answer: Content) -> Self {
        Self { answer, changed: Vec::new() }
    }

    /// The answer about a new record.
    pub(super) fn created(row: RecordRow, new_secret: Option<NewSecret>) -> Self {
        Self { changed: vec![kind_and_id(&row)], answer: Content::Record(RecordView { status: 201, row, new_secret }) }
    }

    /// The answer about a record that was changed, or left as it was where `changed` is `None`.
    pub(super) fn updated(row: RecordRow, changed: Option<RecordRow>, new_secret: Option<NewSecret>) -> Self {
        let changed_ids = changed.iter().map(kind_and_id).collect();
        let view = RecordView { new_secret, ..RecordView::row(changed.unwrap_or(row)) };
        Self { answer: Content::Record(view), changed: changed_ids }
    }
}

/// What a record is published by.
pub(super) fn kind_and_id(row: &RecordRow) -> (Kind, String) {
    (row.kind, row.id.clone())
}
