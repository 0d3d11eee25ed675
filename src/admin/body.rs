//! A request's body, read field by field so that every fault is found at once.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::json::Object;

/// What is wrong with a request: a sentence a field.
#[derive(Debug, Default)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    /// Notes what is wrong with a field. The sentence goes on from the field's name: "must be …".
    pub fn add(&mut self, field: &str, fault: impl Into<String>) {
        self.0.push((field.to_owned(), fault.into()));
    }

    /// The error of a request that has one fault.
    #[must_use]
    pub fn one(field: &str, fault: impl Into<String>) -> Error {
        Error::AdminInvalidRequest { fields: vec![(field.to_owned(), fault.into())] }
    }

    /// Ends in the error where there is any fault.
    ///
    /// # Errors
    /// [`Error::AdminInvalidRequest`].
    pub fn check(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::AdminInvalidRequest { fields: self.0 }) }
    }
}

/// A field that may be left out or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch<T> {
    /// It was not there, or had a fault that is noted.
    Absent,
    /// It was null, which takes the value out.
    Null,
    /// It had this value.
    Value(T),
}

impl<T> Patch<T> {
    /// What the record has then, which had `old`.
    pub fn over(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Absent => old,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The value that was sent.
    pub fn value(&self) -> Option<&T> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }
}

/// How a field's JSON is read: its value, or a sentence that goes on from the field's name.
pub type Read<T> = fn(&str) -> Result<T, String>;

/// A JSON object whose fields are taken out one by one.
#[derive(Debug)]
pub struct Fields<'a> {
    prefix: &'static str,
    members: Vec<(String, &'a str)>,
}

impl<'a> Fields<'a> {
    /// Reads one JSON object. No text at all is the empty object.
    ///
    /// # Errors
    /// [`Error::AdminInvalidRequest`] where it is anything else.
    pub fn parse(body: &'a str, faults: &mut Faults) -> Result<Self, Error> {
        if body.trim().is_empty() {
            return Ok(Self { prefix: "", members: Vec::new() });
        }
        let object = Object::parse(body).ok_or_else(|| Faults::one("body", "must be one JSON object"))?;
        Ok(Self::of("", object, faults))
    }

    /// The fields of an object, which are named with `prefix` in front.
    #[must_use]
    pub fn of(prefix: &'static str, object: Object<'a>, faults: &mut Faults) -> Self {
        let mut kept: Vec<(String, &str)> = Vec::new();
        for (name, value) in object.0 {
            if kept.iter().any(|(other, _)| *other == name) {
                faults.add(&format!("{prefix}{name}"), "must be there once");
            } else {
                kept.push((name, value));
            }
        }
        Self { prefix, members: kept }
    }

    /// Takes a field that must be there.
    pub fn required<T>(&mut self, name: &str, read: Read<T>, faults: &mut Faults) -> Option<T> {
        if !self.has(name) {
            self.note(name, "is required".to_owned(), faults);
            return None;
        }
        self.optional(name, read, faults)
    }

    /// Takes a field that may be missing, but not null.
    pub fn optional<T>(&mut self, name: &str, read: Read<T>, faults: &mut Faults) -> Option<T> {
        match read(self.take(name)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.note(name, fault, faults);
                None
            }
        }
    }

    /// Takes a field that may be missing or null.
    pub fn nullable<T>(&mut self, name: &str, read: Read<T>, faults: &mut Faults) -> Patch<T> {
        let Some(json) = self.take(name) else { return Patch::Absent };
        if json == "null" {
            return Patch::Null;
        }
        match read(json) {
            Ok(value) => Patch::Value(value),
            Err(fault) => {
                self.note(name, fault, faults);
                Patch::Absent
            }
        }
    }

    /// Notes a field's fault: one function for fields of every type.
    fn note(&self, name: &str, fault: String, faults: &mut Faults) {
        faults.add(&format!("{}{name}", self.prefix), fault);
    }

    /// Whether a field is there and not yet taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(other, _)| other == name)
    }

    /// Takes a field's JSON.
    pub fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.members.iter().position(|(other, _)| other == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Notes what was not taken: `fixed` are fields that a record has and a change may not set.
    pub fn finish(self, fixed: &[&str], faults: &mut Faults) {
        let left: BTreeSet<&str> = self.members.iter().map(|(name, _)| name.as_str()).collect();
        for name in left {
            let fault = if fixed.contains(&name) { "cannot be changed" } else { "is not a field of this" };
            faults.add(&format!("{}{}", self.prefix, shorten(name)), fault);
        }
    }
}

/// A caller's own text is shown back to it, but not at any length.
fn shorten(name: &str) -> String {
    if name.chars().count() <= 64 { name.to_owned() } else { name.chars().take(64).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<String, String> {
        serde_json::from_str(json).map_err(|_| "must be a text".to_owned())
    }

    fn faults(body: &str) -> Vec<(String, String)> {
        let mut faults = Faults::default();
        match Fields::parse(body, &mut faults) {
            Ok(mut fields) => {
                fields.required("name", text, &mut faults);
                fields.optional("note", text, &mut faults);
                fields.nullable("until", text, &mut faults);
                fields.finish(&["id"], &mut faults);
                faults.0
            }
            Err(Error::AdminInvalidRequest { fields }) => fields,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let found = faults(r#"{"note":1,"until":2,"id":"x","color":"red","note":"again"}"#);
        let found: Vec<String> = found.into_iter().map(|(field, fault)| format!("{field} {fault}")).collect();
        assert_eq!(
            found,
            [
                "note must be there once",
                "name is required",
                "note must be a text",
                "until must be a text",
                "color is not a field of this",
                "id cannot be changed",
            ]
        );
    }

    #[test]
    fn a_body_without_faults_has_none() {
        assert_eq!(faults(r#" {"name":"a","until":null} "#), []);
    }

    #[test]
    fn a_null_is_no_text_where_it_is_not_asked_for() {
        for json in ["null", "1e999"] {
            assert_eq!(faults(&format!("{{\"name\":{json}}}")), [("name".to_owned(), "must be a text".to_owned())]);
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in ["[]", "null", "\"a\"", "{", "{} {}", "{\"a\":}", "x"] {
            assert_eq!(faults(body), [("body".to_owned(), "must be one JSON object".to_owned())], "{body}");
        }
    }

    #[test]
    fn an_escaped_name_is_the_same_name() {
        assert_eq!(faults(r#"{"na\u006de":"a","name":"b"}"#), [("name".to_owned(), "must be there once".to_owned())]);
    }

    #[test]
    fn a_long_name_is_shown_cut() {
        let name = "x".repeat(1_000);
        let found = faults(&format!(r#"{{"name":"a","{name}":1}}"#));
        assert!(found.iter().all(|(field, _)| field.chars().count() == 65), "{found:?}");
    }
}
