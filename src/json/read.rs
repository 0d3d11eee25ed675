//! Reading: one level of a JSON text at a time. What lies deeper stays text, until it is asked for.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value, read to the depth of one.
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0 on, written as one: `1.0` and `1e0` are none.
    Number(u64),
    /// Any other number.
    OtherNumber,
    /// A text, its escapes undone.
    Text(String),
    /// An array: the JSON of each element.
    List(Vec<&'a str>),
    /// An object.
    Object(Object<'a>),
}

impl<'a> Json<'a> {
    /// Reads a whole text; `None` where it is not one JSON value, or a number that no float can hold.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The number, where it is a whole one from 0 on.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    /// The number, where it is one of 32 bits.
    #[must_use]
    pub fn small(self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// The truth value, where it is one.
    #[must_use]
    pub fn truth(self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(truth) } else { None }
    }

    /// The object, where it is one.
    #[must_use]
    pub fn object(self) -> Option<Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// An array, each element read by `read`.
    #[must_use]
    pub fn list<T>(self, read: fn(Json<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Self::List(elements) = self else { return None };
        elements.into_iter().map(|element| read(Json::parse(element)?)).collect()
    }

    /// An array of texts.
    #[must_use]
    pub fn texts(self) -> Option<Vec<String>> {
        self.list(Json::text)
    }

    /// An array of pairs of texts, each an array of two.
    #[must_use]
    pub fn pairs(self) -> Option<Vec<(String, String)>> {
        self.list(|pair| {
            let [name, value] = <[String; 2]>::try_from(pair.texts()?).ok()?;
            Some((name, value))
        })
    }

    /// What `read` makes of it; `Some(None)` where it is null.
    #[must_use]
    pub fn or_null<T>(self, read: fn(Json<'a>) -> Option<T>) -> Option<Option<T>> {
        if let Self::Null = self { Some(None) } else { read(self).map(Some) }
    }
}

/// An object's members in their order: each name, its escapes undone, and the JSON of its value.
#[derive(Debug, Default)]
pub struct Object<'a>(pub Vec<(String, &'a str)>);

impl<'a> Object<'a> {
    /// Reads a text that is one object.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        Json::parse(text)?.object()
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// A member. One that is missing is as good as null, which is none of the types that must be there; `None` where it
    /// is there twice: nobody can say which counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Json<'a>> {
        let mut found = None;
        for (other, json) in &self.0 {
            if other == name && found.replace(*json).is_some() {
                return None;
            }
        }
        found.map_or(Some(Json::Null), Json::parse)
    }

    /// A text that must be there.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }

    /// A text that may be missing or null.
    #[must_use]
    pub fn maybe_text(&self, name: &str) -> Option<Option<String>> {
        self.get(name)?.or_null(Json::text)
    }

    /// A number that must be there.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.number()
    }

    /// A number that may be missing or null.
    #[must_use]
    pub fn maybe_number(&self, name: &str) -> Option<Option<u64>> {
        self.get(name)?.or_null(Json::number)
    }

    /// A truth value that must be there.
    #[must_use]
    pub fn truth(&self, name: &str) -> Option<bool> {
        self.get(name)?.truth()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneLevel;

        // Every kind of value is taken, so that serde has none to describe in an error: that alone would be 20 KB.
        impl<'de> Visitor<'de> for OneLevel {
            type Value = Json<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Json<'de>, E> {
                Ok(Json::Bool(truth))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
                Ok(Json::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
                Ok(Json::OtherNumber)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
                Ok(Json::OtherNumber)
            }

            fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Json<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = array.next_element::<&RawValue>()? {
                    elements.push(element.get());
                }
                Ok(Json::List(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Json::Object(Object(members)))
            }
        }

        deserializer.deserialize_any(OneLevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object<'_> {
        Object::parse(text).unwrap()
    }

    #[test]
    fn a_member_is_read_as_what_it_must_be_or_not_at_all() {
        let read = object(r#"{"t":"a\u0062","n":7,"b":true,"z":null}"#);
        assert_eq!(read.text("t").as_deref(), Some("ab"));
        assert_eq!((read.number("n"), read.truth("b")), (Some(7), Some(true)));
        for name in ["n", "b", "z", "missing"] {
            assert_eq!(read.text(name), None, "{name}");
        }
        for name in ["t", "b", "z", "missing"] {
            assert_eq!(read.number(name), None, "{name}");
        }
        assert_eq!(read.truth("n"), None);
    }

    #[test]
    fn a_member_that_may_be_missing_may_be_null_and_nothing_else() {
        let read = object(r#"{"t":"a","n":7,"z":null}"#);
        assert_eq!(read.maybe_text("t"), Some(Some("a".to_owned())));
        assert_eq!((read.maybe_text("z"), read.maybe_text("missing")), (Some(None), Some(None)));
        assert_eq!((read.maybe_text("n"), read.maybe_number("t")), (None, None));
    }

    #[test]
    fn a_member_that_is_there_twice_is_not_read() {
        let read = object(r#"{"a":1,"\u0061":1,"b":2}"#);
        assert_eq!((read.number("a"), read.maybe_number("a"), read.number("b")), (None, None, Some(2)));
    }

    #[test]
    fn a_number_is_a_whole_one_written_as_one() {
        for (json, number) in [("0", 0), ("18446744073709551615", u64::MAX), (" 12 ", 12)] {
            assert_eq!(Json::parse(json).and_then(Json::number), Some(number), "{json}");
        }
        for bad in ["-1", "-0", "1.0", "1e0", "18446744073709551616", "01", "+1", "\"1\"", "1e999", ""] {
            assert_eq!(Json::parse(bad).and_then(Json::number), None, "{bad}");
        }
        assert_eq!(Json::parse("4294967296").and_then(Json::small), None);
    }

    #[test]
    fn what_is_beside_a_member_does_not_matter_however_large_or_deep() {
        let text = format!(r#"{{"a":1e999,"deep":{}{},"b":"x"}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(object(&text).text("b").as_deref(), Some("x"));
        assert!(object(&text).get("a").is_none());
    }

    #[test]
    fn what_is_not_one_json_value_is_not_read() {
        for bad in ["", "{", "{} {}", "[1,]", "{\"a\":}", "{\"a\":1,}", "{\"a\":{]}", "\"a", "nul", "'a'", "{a:1}"] {
            assert!(Json::parse(bad).is_none(), "{bad}");
        }
        for other in ["[]", "null", "\"a\"", "1", "true"] {
            assert!(Object::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let texts = |json| Json::parse(json).and_then(Json::texts);
        assert_eq!(texts(r#"["a","b"]"#), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(texts("[]"), Some(vec![]));
        assert!(texts(r#"["a",1]"#).is_none() && texts(r#""a""#).is_none());
        let pairs = |json| Json::parse(json).and_then(Json::pairs);
        assert_eq!(pairs(r#"[["a","b"]]"#), Some(vec![("a".to_owned(), "b".to_owned())]));
        assert!(pairs(r#"[["a"]]"#).is_none() && pairs(r#"[["a","b","c"]]"#).is_none());
    }
}
