//! What every action works with, and the one way in which a record is read and written.

use super::view::{self, RecordView};
use super::{Content, Handled};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::Writer;
use crate::registry::Kind;
use crate::registry::seal::Sealer;
use crate::registry::{RecordError, Workspace};
use crate::store::audit::{self, AuditAction};
use crate::store::{RecordRow, Store, StoreError};

/// The registry, who asks it, and what the actions need from outside.
pub struct AdminContext<'a, S> {
    /// The registry's tables.
    pub store: &'a mut S,
    /// The keys that Core's keys are sealed with.
    pub sealer: &'a Sealer,
    /// Whether plain http and bare addresses may be a `base_url`.
    pub allow_insecure_core: bool,
    /// The administrator's name.
    pub actor: &'a str,
    /// The time.
    pub now: Timestamp,
    /// Fills bytes at random.
    pub random: &'a mut dyn FnMut(&mut [u8]),
}

/// An error for the caller, and what the log says of it beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the caller is told.
    pub error: Error,
    /// What an operator needs to know more.
    pub detail: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, detail: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl Failure {
    /// The registry cannot answer, and the log says why.
    #[must_use]
    pub fn unavailable(detail: String) -> Self {
        Self { error: Error::AdminUnavailable, detail: Some(detail) }
    }

    /// The record's state does not allow what was asked.
    #[must_use]
    pub fn conflict(reason: impl Into<String>) -> Self {
        Error::AdminConflict { reason: reason.into() }.into()
    }
}

/// A record of either kind, as far as it is kept alike.
pub(super) trait ManagedRecord {
    fn kind(&self) -> Kind;
    fn id(&self) -> &str;
    fn workspace(&self) -> &Workspace;
    fn status(&self) -> &'static str;
    fn set_revision(&mut self, revision: u64);
    /// What is stored and published.
    fn to_json(&self) -> String;
    /// What is shown of it: no secret, `id` first.
    fn view(&self, view: &mut Writer);
}

impl<S: Store> AdminContext<'_, S> {
    /// `N` random bytes.
    pub(super) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    pub(super) fn show(&self, kind: Kind, id: &str) -> Result<Handled, Failure> {
        let row = self.store.row(kind, id)?.ok_or(Error::AdminNotFound)?;
        Ok(Handled { answer: Content::Record(RecordView::row(row)), changed: Vec::new() })
    }

    /// A record of this kind, which `from_json` reads.
    pub(super) fn load<R>(&self, kind: Kind, id: &str, from_json: FromJson<R>) -> Result<(RecordRow, R), Failure> {
        let row = self.store.row(kind, id)?.ok_or(Error::AdminNotFound)?;
        let record = read(&row, from_json)?;
        Ok((row, record))
    }

    /// Writes a new record, whose revision is 1. `secrets` names the fields that hold one.
    pub(super) fn create(&mut self, record: &dyn ManagedRecord, secrets: &[&str]) -> Result<RecordRow, Failure> {
        let row = RecordRow {
            kind: record.kind(),
            id: record.id().to_owned(),
            workspace: record.workspace().to_string(),
            status: record.status().to_owned(),
            revision: 1,
            published: 0,
            created_at: self.now,
            updated_at: self.now,
            json: record.to_json(),
        };
        let change = self.change(AuditAction::Create, audit::changes(None, &view(record), secrets));
        match self.store.write(&row, &change) {
            Ok(()) => Ok(row),
            Err(StoreError::IdInUse) => Err(Failure::conflict(format!("The id {} is in use", row.id))),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the next revision of a record and gives its row; `None`, and no new revision, where nothing changed.
    pub(super) fn update(
        &mut self,
        row: &RecordRow,
        record: &mut dyn ManagedRecord,
        action: AuditAction,
        secrets: &[&str],
    ) -> Result<Option<RecordRow>, Failure> {
        if record.to_json() == row.json {
            return Ok(None);
        }
        let revision = row.revision + 1;
        record.set_revision(revision);
        let new_row = RecordRow {
            status: record.status().to_owned(),
            revision,
            updated_at: self.now,
            json: record.to_json(),
            ..row.clone()
        };
        let (old, new) = (view(&*view::record(row)?), view(record));
        let changes =
            if action.is_counted() { audit::counted(&old, &new) } else { audit::changes(Some(&old), &new, secrets) };
        self.store.write(&new_row, &self.change(action, changes))?;
        Ok(Some(new_row))
    }

    fn change(&self, action: AuditAction, changes: String) -> audit::Change {
        audit::Change { at: self.now, actor: self.actor.to_owned(), action, changes }
    }
}

/// How a record is read.
pub(super) type FromJson<R> = fn(&str) -> Result<R, RecordError>;

/// The record of a row. One that cannot be read is named in the log, and nothing of its content.
pub(super) fn read<R>(row: &RecordRow, from_json: FromJson<R>) -> Result<R, Failure> {
    from_json(&row.json).map_err(|error| Failure::unavailable(format!("{} {}: {error}", row.kind.as_str(), row.id)))
}

/// The answer about a record that was changed, or left as it was where `changed` is `None`.
pub(super) fn answer(row: RecordRow, changed: Option<RecordRow>) -> Handled {
    match changed {
        Some(row) => {
            Handled { changed: vec![(row.kind, row.id.clone())], answer: Content::Record(RecordView::row(row)) }
        }
        None => Handled { answer: Content::Record(RecordView::row(row)), changed: Vec::new() },
    }
}

fn view(record: &dyn ManagedRecord) -> String {
    let mut view = Writer::new();
    record.view(&mut view);
    view.end()
}
