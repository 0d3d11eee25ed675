//! The audit trail: a line for every change of a record. It shows no secret: one that changed is `"changed"`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::store::Kind;

/// What was done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Create,
    /// Fields of it were set.
    Update,
    /// It was deleted for good.
    Delete,
    /// A credential was revoked for good.
    Revoke,
    /// A credential got a new secret.
    Rotate,
    /// A client gave a token back.
    RevokeToken,
    /// Its secrets were sealed under the current key.
    Reseal,
}

impl Action {
    /// The action's name in the trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Revoke => "revoke",
            Self::Rotate => "rotate",
            Self::RevokeToken => "revoke_token",
            Self::Reseal => "reseal",
        }
    }
}

/// A change that is about to be written.
#[derive(Clone, Debug)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The administrator's name.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// What it did to the fields, as [`changes`] gives it.
    pub changes: Value,
}

/// A line of the trail, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number; later lines have larger ones.
    pub seq: u64,
    /// When, in RFC 3339.
    pub at: String,
    /// The administrator's name.
    pub actor: String,
    /// [`Action::as_str`].
    pub action: String,
    /// [`Kind::as_str`].
    pub kind: &'static str,
    /// The record's id.
    pub id: String,
    /// Each changed field as `{"old", "new"}`, or `"changed"` for a secret.
    pub changes: Value,
}

impl Line {
    /// The line as it was stored.
    #[must_use]
    pub fn new(seq: u64, kind: Kind, id: String, change: Change) -> Self {
        let Change { at, actor, action, changes } = change;
        Self { seq, at: at.to_rfc3339(), actor, action: action.as_str().to_owned(), kind: kind.as_str(), id, changes }
    }
}

/// What differs between two views of a record, neither of which shows a secret; `secrets` names those that changed.
/// A record that is new has no old view.
#[must_use]
pub fn changes(old: Option<&Map<String, Value>>, new: &Map<String, Value>, secrets: &[&str]) -> Value {
    let mut changes = Map::new();
    for (field, new_value) in new {
        let old_value = old.and_then(|old| old.get(field)).unwrap_or(&Value::Null);
        if old_value != new_value {
            changes.insert(field.clone(), json!({ "old": old_value, "new": new_value }));
        }
    }
    for secret in secrets {
        changes.insert((*secret).to_owned(), "changed".into());
    }
    Value::Object(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_changed_is_in_a_line() {
        let old = map(json!({ "name": "a", "status": "active" }));
        let new = map(json!({ "name": "a", "status": "paused" }));
        assert_eq!(changes(Some(&old), &new, &[]), json!({ "status": { "old": "active", "new": "paused" } }));
    }

    #[test]
    fn a_new_record_shows_what_it_has() {
        let new = map(json!({ "name": "a", "instances": null }));
        let expected = json!({ "name": { "old": null, "new": "a" }, "core_key": "changed" });
        assert_eq!(changes(None, &new, &["core_key"]), expected);
    }
}
