//! What every operation works with, and the one way in which a record is read and written.

use super::failure::Failure;
use super::handled::{Content, Handled};
use super::record::{self, ManagedRecord, view};
use super::view::RecordView;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::registry::seal::Sealer;
use crate::registry::{CredentialKind, CredentialRecord, InstanceRecord, Kind};
use crate::store::audit::{self, AuditAction};
use crate::store::{RecordRow, Store, StoreError};

/// The registry, who asks it, and what the operations need from outside.
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

impl<S: Store> AdminContext<'_, S> {
    /// `N` random bytes.
    pub(super) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    pub(super) fn show(&self, kind: Kind, id: &str) -> Result<Handled, Failure> {
        Ok(Handled::unchanged(Content::Record(RecordView::row(self.row(kind, id)?))))
    }

    pub(super) fn instance(&self, id: &str) -> Result<(RecordRow, InstanceRecord), Failure> {
        let row = self.row(Kind::Instance, id)?;
        let record = record::read_instance(&row)?;
        Ok((row, record))
    }

    pub(super) fn credential(&self, kind: CredentialKind, id: &str) -> Result<(RecordRow, CredentialRecord), Failure> {
        let row = self.row(record::kind_of(kind), id)?;
        let record = record::read_credential(&row)?;
        Ok((row, record))
    }

    fn row(&self, kind: Kind, id: &str) -> Result<RecordRow, Failure> {
        self.store.row(kind, id)?.ok_or_else(|| Error::AdminNotFound.into())
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
        let (old, new) = (view(&*record::read(row)?), view(record));
        let changes =
            if action.is_counted() { audit::counted(&old, &new) } else { audit::changes(Some(&old), &new, secrets) };
        self.store.write(&new_row, &self.change(action, changes))?;
        Ok(Some(new_row))
    }

    fn change(&self, action: AuditAction, changes: String) -> audit::Change {
        audit::Change { at: self.now, actor: self.actor.to_owned(), action, changes }
    }
}
