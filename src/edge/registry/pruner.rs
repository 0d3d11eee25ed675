//! Prunes the audit trail by the rules of [`crate::store::trail`].

use std::cell::Cell;

use crate::clock::Timestamp;
use crate::edge::bindings::log_line;
use crate::edge::registry::sql_store::SqlStore;
use crate::store::trail::{Limits, Mark, pruned_line, waiting_line};
use crate::store::{Store, StoreError};

/// How many lines one alarm prunes.
const BATCH: u32 = 1_000;
/// After how many milliseconds the trail is looked at again, where nothing else asks for it: lines grow old by
/// themselves.
const LOOK_MS: u64 = 24 * 3_600_000;
/// How long the log is not told again that lines wait, in milliseconds.
const QUIET_MS: u64 = 3_600_000;

/// Prunes the trail.
#[derive(Default)]
pub struct Pruner {
    /// When the log was told that lines wait.
    told_at: Cell<Option<Timestamp>>,
}

impl Pruner {
    /// Prunes a batch at most. Gives after how many milliseconds the trail is to be looked at again; `None` where it is
    /// empty.
    ///
    /// # Errors
    /// Where the registry's database fails.
    pub fn prune(&self, store: &mut SqlStore, limits: Limits, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let ends = store.audit_ends(BATCH)?;
        let pruning = ends.prune(store.mark(Mark::Exported)?, limits, now);
        if let Some(through) = pruning.through {
            store.prune_audit(through)?;
            log_line(&pruned_line(through));
        }
        if let Some(lines) = pruning.waiting
            && self.told_at.get().is_none_or(|told_at| now.since(told_at) >= QUIET_MS)
        {
            self.told_at.set(Some(now));
            log_line(&waiting_line(lines));
        }
        let again = if pruning.more { 0 } else { LOOK_MS };
        Ok(ends.oldest.first().map(|_| again))
    }
}
