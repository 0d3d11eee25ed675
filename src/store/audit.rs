//! The audit trail: a line for every change of a record. It shows no secret: one that changed is `"changed"`.
//!
//! What clients do by themselves is counted: a line for each client and day, so that no client can fill the trail.

use strum::IntoStaticStr;

use crate::clock::Timestamp;
use crate::json::{Object, Writer};
use crate::registry::Kind;

/// What was done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AuditAction {
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

impl AuditAction {
    /// The action's name in the trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it is a client's own, of which only the count is kept.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::RevokeToken)
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
    pub action: AuditAction,
    /// What it did to the fields, as [`changes`] gives it; of one that is counted what [`counted`] gives.
    pub changes: String,
}

impl Change {
    /// The changes of the record's last line of this action with this change counted in it; `None` where a new line
    /// begins: a change that is not counted, another day (UTC), or a line that an export gave out, as all up to `given`
    /// are.
    #[must_use]
    pub fn counted_in(&self, last: &Line, given: u64) -> Option<String> {
        let day = self.at.to_rfc3339();
        let goes_on = self.action.is_counted() && last.seq > given && last.at.get(..10) == day.get(..10);
        // Lines of older versions have no count.
        let before = Object::parse(&last.changes).filter(|_| goes_on)?;
        let times = serde_json::from_str::<u64>(before.get("count")?).ok()?.saturating_add(1);
        let now = Object::parse(&self.changes).unwrap_or_default();
        let ended = match (ended_in(&before), ended_in(&now)) {
            // The line tells of a whole day: from what was before its first change to what is after its last.
            (Some((old, _)), Some((_, new))) => Some((old, new)),
            (before, now) => now.or(before),
        };
        Some(count(times, ended))
    }
}

/// A line of the trail, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number; later lines have larger ones.
    pub seq: u64,
    /// When, in RFC 3339.
    pub at: String,
    /// The administrator's name.
    pub actor: String,
    /// The name of an [`AuditAction`].
    pub action: String,
    /// The name of a [`Kind`].
    pub kind: &'static str,
    /// The record's id.
    pub id: String,
    /// An object, as JSON: each changed field as `{"old", "new"}`, or `"changed"` for a secret; or what [`counted`]
    /// gives.
    pub changes: String,
}

impl Line {
    /// The line as it was stored.
    #[must_use]
    pub fn new(seq: u64, kind: Kind, id: String, change: Change) -> Self {
        let Change { at, actor, action, changes } = change;
        Self { seq, at: at.to_rfc3339(), actor, action: action.as_str().to_owned(), kind: kind.as_str(), id, changes }
    }

    /// The line as it is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut line = Writer::new();
        line.number("seq", self.seq).text("at", &self.at).text("actor", &self.actor).text("action", &self.action);
        line.text("kind", self.kind).text("id", &self.id).raw("changes", &self.changes).end()
    }
}

/// What differs between two views of a record, both JSON objects and neither of them showing a secret; `secrets` names
/// those that changed. A record that is new has no old view. Gives a JSON object.
///
/// Views are compared as they are written: one writer writes both, so what is equal is written alike.
#[must_use]
pub fn changes(old: Option<&str>, new: &str, secrets: &[&str]) -> String {
    let old = old.and_then(Object::parse).unwrap_or_default();
    let mut changes = Writer::new();
    for (field, new_value) in Object::parse(new).unwrap_or_default().0 {
        let old_value = old.0.iter().find(|(name, _)| *name == field).map_or("null", |(_, value)| *value);
        if old_value != new_value {
            changes.raw(&field, &Writer::new().raw("old", old_value).raw("new", new_value).end());
        }
    }
    for secret in secrets {
        changes.text(secret, "changed");
    }
    changes.end()
}

/// The one field that a counting line also records: a client's own revocations can end all its tokens.
const ENDED: &str = "tokens_ended_at";

/// The changes of one change that is counted, between two views of its record.
#[must_use]
pub fn counted(old: &str, new: &str) -> String {
    let value = |view| Object::parse(view)?.0.into_iter().find_map(|(name, value)| (name == ENDED).then_some(value));
    let (old, new) = (value(old).unwrap_or("null"), value(new).unwrap_or("null"));
    count(1, (old != new).then_some((old, new)))
}

/// What stood in [`ENDED`] before and after a line that counts, as JSON; `None` where it did not move.
fn ended_in<'a>(changes: &Object<'a>) -> Option<(&'a str, &'a str)> {
    let (_, ended) = changes.0.iter().find(|(name, _)| name == ENDED)?;
    let ended = Object::parse(ended)?.0;
    let value = |field| ended.iter().find_map(|(name, value)| (name == field).then_some(*value));
    Some((value("old")?, value("new")?))
}

fn count(times: u64, ended: Option<(&str, &str)>) -> String {
    let mut changes = Writer::new();
    changes.number("count", times);
    if let Some((old, new)) = ended {
        changes.raw(ENDED, &Writer::new().raw("old", old).raw("new", new).end());
    }
    changes.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_262_400_000);

    fn change(action: AuditAction, at: Timestamp) -> Change {
        Change { at, actor: "client:a".to_owned(), action, changes: counted("{}", "{}") }
    }

    fn line(seq: u64, at: Timestamp, changes: &str) -> Line {
        let change = Change { changes: changes.to_owned(), ..change(AuditAction::RevokeToken, at) };
        Line::new(seq, Kind::OauthClient, "a".to_owned(), change)
    }

    #[test]
    fn what_a_client_does_on_one_day_is_counted_on_one_line() {
        let (last, next) =
            (line(7, NOON, r#"{"count":41}"#), change(AuditAction::RevokeToken, NOON.plus_seconds(12 * 3_600 - 1)));
        assert_eq!(next.counted_in(&last, 6).as_deref(), Some(r#"{"count":42}"#));
    }

    #[test]
    fn another_day_a_line_that_was_given_out_and_one_without_a_count_begin_a_new_line() {
        let (last, next) = (line(7, NOON, r#"{"count":41}"#), change(AuditAction::RevokeToken, NOON));
        assert_eq!(next.counted_in(&last, 7), None);
        let midnight = change(AuditAction::RevokeToken, NOON.plus_seconds(12 * 3_600));
        assert_eq!(midnight.counted_in(&last, 0), None);
        let old = line(7, NOON, r#"{"revoked_tokens":{"old":0,"new":1}}"#);
        assert_eq!(next.counted_in(&old, 0), None);
    }

    #[test]
    fn that_all_tokens_ended_is_told_beside_the_count_from_the_days_first_time_to_its_last() {
        let ended = |old, new| Change { changes: counted(old, new), ..change(AuditAction::RevokeToken, NOON) };
        let (never, one, two) =
            (r#"{"tokens_ended_at":null}"#, r#"{"tokens_ended_at":"1"}"#, r#"{"tokens_ended_at":"2"}"#);
        assert_eq!(ended(one, one).changes, r#"{"count":1}"#);
        assert_eq!(ended(never, one).changes, r#"{"count":1,"tokens_ended_at":{"old":null,"new":"1"}}"#);
        let mut last = line(7, NOON, r#"{"count":500}"#);
        for (next, expected) in [
            (ended(never, one), r#"{"count":501,"tokens_ended_at":{"old":null,"new":"1"}}"#),
            (ended(one, one), r#"{"count":502,"tokens_ended_at":{"old":null,"new":"1"}}"#),
            (ended(one, two), r#"{"count":503,"tokens_ended_at":{"old":null,"new":"2"}}"#),
        ] {
            last.changes = next.counted_in(&last, 0).unwrap();
            assert_eq!(last.changes, expected);
        }
    }

    #[test]
    fn what_an_administrator_does_is_never_counted() {
        let last = line(7, NOON, r#"{"count":41}"#);
        for action in [
            AuditAction::Create,
            AuditAction::Update,
            AuditAction::Delete,
            AuditAction::Revoke,
            AuditAction::Rotate,
            AuditAction::Reseal,
        ] {
            assert!(!action.is_counted());
            assert_eq!(change(action, NOON).counted_in(&last, 0), None);
        }
    }

    #[test]
    fn only_what_changed_is_in_a_line() {
        let (old, new) = (r#"{"name":"a","status":"active"}"#, r#"{"name":"a","status":"paused"}"#);
        assert_eq!(changes(Some(old), new, &[]), r#"{"status":{"old":"active","new":"paused"}}"#);
        assert_eq!(changes(Some(old), old, &[]), "{}");
    }

    #[test]
    fn a_new_record_shows_what_it_has() {
        let new = r#"{"name":"a","instances":null}"#;
        let expected = r#"{"name":{"old":null,"new":"a"},"core_key":"changed"}"#;
        assert_eq!(changes(None, new, &["core_key"]), expected);
    }
}
