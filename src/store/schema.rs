//! The tables, and how a database of an earlier version becomes one of this version.

use super::StoreError;

/// Makes the table that holds the version. Statements of every version find it there.
pub const META: &str = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT";

/// Reads the version; no row where the database is new.
pub const READ_VERSION: &str = "SELECT value FROM meta WHERE key = 'schema_version'";

/// Notes the version, its only binding.
pub const WRITE_VERSION: &str = "INSERT OR REPLACE INTO meta (key, value) VALUES ('schema_version', ?)";

/// The statements that lead from each version to the next; the first leads from an empty database to version 1. One
/// that was released is never changed: a change is a further entry.
pub const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE records (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        workspace TEXT NOT NULL,
        status TEXT NOT NULL,
        revision INTEGER NOT NULL,
        published INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        json TEXT NOT NULL,
        UNIQUE (kind, id)
    ) STRICT",
    "CREATE INDEX records_unpublished ON records (updated_at) WHERE published < revision",
    "CREATE TABLE audit (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        changes TEXT NOT NULL
    ) STRICT",
]];

/// Makes what only serves speed, each time that a database is opened. It is no version of its own: a worker that does
/// not know of it opens and changes the same database, so that a deployment can be taken back.
///
/// The index finds the line that a client's revocations are counted in; the number of a line is part of every index.
pub const INDEX: &str = "CREATE INDEX IF NOT EXISTS audit_counted ON audit (id) WHERE action = 'revoke_token'";

/// What is still to be done to a database of `version`, 0 for a new one: each next version and its statements.
///
/// # Errors
/// [`StoreError::Failed`] where a later version of this worker made the database: it is not guessed at.
pub fn pending(version: usize) -> Result<impl Iterator<Item = (usize, &'static [&'static str])>, StoreError> {
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        let fault = format!("its schema has version {version}; this worker knows version {known}");
        return Err(StoreError::Failed(fault));
    }
    Ok((1..).zip(MIGRATIONS.iter().copied()).skip(version))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn what_was_released_is_unchanged() {
        // The SHA-256 of each version's statements. A new version adds one; none that is here changes.
        let digest = |statements: &&[&str]| hex::encode(Sha256::digest(statements.join(";")));
        let released: Vec<String> = MIGRATIONS.iter().map(digest).collect();
        assert_eq!(released, ["4cb99f833eecc14e3f8be502ffd24e8e0a5243ebd3a90a4fe544e0815dc237e0"]);
    }

    #[test]
    fn a_new_database_gets_every_version_in_turn() {
        let versions: Vec<usize> = pending(0).unwrap().map(|(version, _)| version).collect();
        assert_eq!(versions, (1..=MIGRATIONS.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_current_database_needs_nothing() {
        assert_eq!(pending(MIGRATIONS.len()).unwrap().count(), 0);
    }

    #[test]
    fn a_later_database_is_left_alone() {
        assert!(pending(MIGRATIONS.len() + 1).is_err());
    }
}
