//! The registry's tables in memory, for native tests. It can be made to fail.

use blnk_edge::registry::Kind;
use std::cell::Cell;
use std::collections::HashMap;

use blnk_edge::clock::Timestamp;
use blnk_edge::store::audit::{Change, Line};
use blnk_edge::store::trail::{Ends, Mark};
use blnk_edge::store::{Filter, RecordRow, Store, StoreError};

#[derive(Default)]
pub struct Memory {
    rows: Vec<RecordRow>,
    trail: Vec<Line>,
    /// How many lines were ever made.
    lines: u64,
    marks: HashMap<Mark, u64>,
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
        let mark = |mark| self.marks.get(&mark);
        format!("{:?}\n{:?}\n{:?} {:?}", self.rows, self.trail, mark(Mark::Given), mark(Mark::Exported))
    }
}

impl Store for Memory {
    fn row(&self, kind: Kind, id: &str) -> Result<Option<RecordRow>, StoreError> {
        self.call()?;
        Ok(self.find(kind, id).map(|at| self.rows[at].clone()))
    }

    fn rows(&self, kind: Kind, filter: &Filter) -> Result<Vec<(u64, RecordRow)>, StoreError> {
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

    fn write(&mut self, row: &RecordRow, change: &Change) -> Result<(), StoreError> {
        self.call()?;
        match self.find(row.kind, &row.id) {
            Some(_) if row.revision == 1 => return Err(StoreError::IdInUse),
            Some(at) if self.rows[at].revision + 1 == row.revision => self.rows[at] = row.clone(),
            None if row.revision == 1 => self.rows.push(row.clone()),
            _ => return Err(StoreError::Changed),
        }
        let given = self.marks.get(&Mark::Given).copied().unwrap_or_default();
        let alike = |line: &&mut Line| line.action == change.action.as_str() && line.id == row.id;
        let last = self.trail.iter_mut().rfind(alike);
        if let Some((last, changes)) =
            last.and_then(|last| change.counted_in(last, given).map(|changes| (last, changes)))
        {
            (last.at, last.changes) = (change.at.to_rfc3339(), changes);
        } else {
            self.lines += 1;
            self.trail.push(Line::new(self.lines, row.kind, row.id.clone(), change.clone()));
        }
        Ok(())
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<Line>, StoreError> {
        self.call()?;
        let newest_first = self.trail.iter().rev().filter(|line| before.is_none_or(|before| line.seq < before));
        Ok(newest_first.take(limit as usize).cloned().collect())
    }

    fn audit_after(&self, after: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        self.call()?;
        Ok(self.trail.iter().filter(|line| line.seq > after).take(limit as usize).cloned().collect())
    }

    fn audit_ends(&self, oldest: u32) -> Result<Ends, StoreError> {
        self.call()?;
        let end = |line: &Line| (line.seq, Timestamp::parse_rfc3339(&line.at).unwrap());
        let newest = self.trail.last().map_or(0, |line| line.seq);
        Ok(Ends { oldest: self.trail.iter().take(oldest as usize).map(end).collect(), newest })
    }

    fn prune_audit(&mut self, through: u64) -> Result<(), StoreError> {
        self.call()?;
        let exported = self.marks.get(&Mark::Exported).copied().unwrap_or_default();
        self.trail.retain(|line| line.seq > through.min(exported));
        Ok(())
    }

    fn mark(&self, mark: Mark) -> Result<u64, StoreError> {
        self.call()?;
        Ok(self.marks.get(&mark).copied().unwrap_or_default())
    }

    fn set_mark(&mut self, mark: Mark, seq: u64) -> Result<(), StoreError> {
        self.call()?;
        self.marks.insert(mark, seq);
        Ok(())
    }

    fn unpublished(&self, limit: u32) -> Result<Vec<RecordRow>, StoreError> {
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
