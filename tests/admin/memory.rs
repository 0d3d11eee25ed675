//! The registry's tables in memory, for native tests. It can be made to fail.

use std::cell::Cell;

use blnk_edge::registry::audit::{Change, Line};
use blnk_edge::store::{Filter, Kind, Row, Store, StoreError};

#[derive(Default)]
pub struct Memory {
    rows: Vec<Row>,
    trail: Vec<Line>,
    /// How many calls are still done before all fail.
    pub calls_left: Cell<Option<usize>>,
}

impl Memory {
    fn call(&self) -> Result<(), StoreError> {
        match self.calls_left.get() {
            Some(0) => Err(StoreError::Failed("switched off".to_owned())),
            left => {
                self.calls_left.set(left.map(|left| left - 1));
                Ok(())
            }
        }
    }

    fn find(&self, kind: Kind, id: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.kind == kind && row.id == id)
    }

    /// Every record and line, for comparing before and after.
    pub fn dump(&self) -> String {
        format!("{:?}\n{:?}", self.rows, self.trail)
    }
}

impl Store for Memory {
    fn row(&self, kind: Kind, id: &str) -> Result<Option<Row>, StoreError> {
        self.call()?;
        Ok(self.find(kind, id).map(|at| self.rows[at].clone()))
    }

    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, Row)>, StoreError> {
        self.call()?;
        let numbered = self.rows.iter().enumerate().rev().map(|(at, row)| (at as u64 + 1, row));
        let matching = numbered.filter(|(seq, row)| {
            row.kind == kind
                && row.status != "deleted"
                && filter.before.is_none_or(|before| *seq < before)
                && filter.workspace.as_ref().is_none_or(|workspace| row.workspace == *workspace)
                && filter.status.as_ref().is_none_or(|status| row.status == *status)
        });
        Ok(matching.take(filter.limit as usize).map(|(seq, row)| (seq, row.clone())).collect())
    }

    fn write(&mut self, row: &Row, change: &Change) -> Result<(), StoreError> {
        self.call()?;
        match self.find(row.kind, &row.id) {
            Some(_) if row.revision == 1 => return Err(StoreError::IdInUse),
            Some(at) if self.rows[at].revision + 1 == row.revision => self.rows[at] = row.clone(),
            None if row.revision == 1 => self.rows.push(row.clone()),
            _ => return Err(StoreError::Changed),
        }
        let seq = self.trail.len() as u64 + 1;
        self.trail.push(Line {
            seq,
            at: change.at.to_rfc3339(),
            actor: change.actor.clone(),
            action: change.action.as_str().to_owned(),
            kind: row.kind.as_str(),
            id: row.id.clone(),
            changes: change.changes.clone(),
        });
        Ok(())
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<Line>, StoreError> {
        self.call()?;
        let newest_first = self.trail.iter().rev().filter(|line| before.is_none_or(|before| line.seq < before));
        Ok(newest_first.take(limit as usize).cloned().collect())
    }

    fn unpublished(&self, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.call()?;
        Ok(self.rows.iter().filter(|row| !row.is_published()).take(limit as usize).cloned().collect())
    }

    fn mark_published(&mut self, kind: Kind, id: &str, revision: u64) -> Result<(), StoreError> {
        self.call()?;
        if let Some(at) = self.find(kind, id) {
            self.rows[at].published = revision;
        }
        Ok(())
    }
}
