//! Writing: an object, member after member, in the order in which they are put.

use serde::Serialize;

/// A JSON object that is being written.
pub struct Writer(String);

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An object without members.
    #[must_use]
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// Puts a member whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// Puts a value of any type.
    pub fn value(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> &mut Self {
        // What is put here is made of texts and numbers, which cannot fail to serialise.
        self.raw(name, &serde_json::to_string(value).unwrap_or_default())
    }

    /// Puts a text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw(name, &quoted(text))
    }

    /// Puts a text, where there is one.
    pub fn some_text(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text { self.text(name, text) } else { self }
    }

    /// Puts a text, or null.
    pub fn text_or_null(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text { self.text(name, text) } else { self.raw(name, "null") }
    }

    /// Puts a number.
    pub fn number(&mut self, name: &str, number: u64) -> &mut Self {
        self.raw(name, &number.to_string())
    }

    /// Puts a truth value.
    pub fn truth(&mut self, name: &str, truth: bool) -> &mut Self {
        self.raw(name, if truth { "true" } else { "false" })
    }

    /// Ends the object and gives its JSON.
    #[must_use]
    pub fn end(&mut self) -> String {
        let mut json = std::mem::take(&mut self.0);
        json.push('}');
        json
    }
}

/// An array of values that are JSON already.
#[must_use]
pub fn list(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

/// A text as JSON.
#[must_use]
pub fn quoted(text: &str) -> String {
    // A text cannot fail to serialise.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn members_stand_in_the_order_in_which_they_are_put() {
        let json = Writer::new()
            .text("z", "a\"b")
            .number("n", u64::MAX)
            .truth("t", false)
            .some_text("absent", None)
            .text_or_null("null", None)
            .raw("list", &list([quoted("x"), "1".to_owned()]))
            .value("pairs", &[("a", "b")])
            .end();
        assert_eq!(
            json,
            r#"{"z":"a\"b","n":18446744073709551615,"t":false,"null":null,"list":["x",1],"pairs":[["a","b"]]}"#
        );
    }

    #[test]
    fn an_object_may_be_empty() {
        assert_eq!((Writer::new().end(), list([])), ("{}".to_owned(), "[]".to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_text_is_put_comes_back(name: String, text: String) {
            let written = Writer::new().text(&name, &text).end();
            let read: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read, json!({ (name.as_str()): text.as_str() }));
        }
    }
}
