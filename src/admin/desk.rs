//! What every action works with, and the one way in which a record is read and written.

use serde::Serialize;
use serde_json::{Map, Value};

use super::shown::Shown;
use super::{Answer, Handled};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::registry::audit::{self, Action};
use crate::registry::seal::Sealer;
use crate::registry::{RecordError, Workspace};
use crate::store::{Kind, Row, Store, StoreError};

/// The registry, who asks it, and what the actions need from outside.
pub struct Desk<'a, S> {
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
pub(super) trait Record: Serialize + Sized {
    /// Its kind.
    const KIND: Kind;
    /// What is shown of it: no secret, `id` first.
    type View: Serialize;

    fn read(json: &str) -> Result<Self, RecordError>;
    fn id(&self) -> &str;
    fn workspace(&self) -> &Workspace;
    fn status(&self) -> &'static str;
    fn set_revision(&mut self, revision: u64);
    fn view(&self) -> Self::View;
}

impl<S: Store> Desk<'_, S> {
    /// `N` random bytes.
    pub(super) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    pub(super) fn show(&self, kind: Kind, id: &str) -> Result<Handled, Failure> {
        let row = self.store.row(kind, id)?.ok_or(Error::AdminNotFound)?;
        Ok(Handled { answer: Answer::Record(Shown::row(row)), changed: Vec::new() })
    }

    pub(super) fn load<R: Record>(&self, id: &str) -> Result<(Row, R), Failure> {
        let row = self.store.row(R::KIND, id)?.ok_or(Error::AdminNotFound)?;
        let record = read(&row)?;
        Ok((row, record))
    }

    /// Writes a new record, whose revision is 1. `secrets` names the fields that hold one.
    pub(super) fn create<R: Record>(&mut self, record: &R, secrets: &[&str]) -> Result<Row, Failure> {
        let row = Row {
            kind: R::KIND,
            id: record.id().to_owned(),
            workspace: record.workspace().to_string(),
            status: record.status().to_owned(),
            revision: 1,
            published: 0,
            created_at: self.now,
            updated_at: self.now,
            json: json(record)?,
        };
        let change = self.change(Action::Create, audit::changes(None, &map(&record.view())?, secrets));
        match self.store.write(&row, &change) {
            Ok(()) => Ok(row),
            Err(StoreError::IdInUse) => Err(Failure::conflict(format!("The id {} is in use", row.id))),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the next revision of a record and gives its row; `None`, and no new revision, where nothing changed.
    pub(super) fn update<R: Record>(
        &mut self,
        row: &Row,
        record: &mut R,
        action: Action,
        secrets: &[&str],
    ) -> Result<Option<Row>, Failure> {
        if json(record)? == row.json {
            return Ok(None);
        }
        let old: R = read(row)?;
        let revision = row.revision + 1;
        record.set_revision(revision);
        let new_row = Row {
            status: record.status().to_owned(),
            revision,
            updated_at: self.now,
            json: json(record)?,
            ..row.clone()
        };
        let changes = audit::changes(Some(&map(&old.view())?), &map(&record.view())?, secrets);
        self.store.write(&new_row, &self.change(action, changes))?;
        Ok(Some(new_row))
    }

    fn change(&self, action: Action, changes: Value) -> audit::Change {
        audit::Change { at: self.now, actor: self.actor.to_owned(), action, changes }
    }
}

/// The record of a row. One that cannot be read is named in the log, and nothing of its content.
pub(super) fn read<R: Record>(row: &Row) -> Result<R, Failure> {
    R::read(&row.json).map_err(|error| Failure::unavailable(format!("{} {}: {error}", row.kind.as_str(), row.id)))
}

/// The answer about a record that was changed, or left as it was where `changed` is `None`.
pub(super) fn answer(row: Row, changed: Option<Row>) -> Handled {
    match changed {
        Some(row) => Handled { changed: vec![(row.kind, row.id.clone())], answer: Answer::Record(Shown::row(row)) },
        None => Handled { answer: Answer::Record(Shown::row(row)), changed: Vec::new() },
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|_| Error::Internal.into())
}

fn map<T: Serialize>(view: &T) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(view) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Error::Internal.into()),
    }
}
