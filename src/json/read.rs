//! Reading: the members of an object, whatever they are. Their values stay text until they are asked for.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's members in their order: each name, its escapes undone, and the JSON of its value.
#[derive(Debug, Default)]
pub struct Object<'a>(pub Vec<(String, &'a str)>);

impl<'a> Object<'a> {
    /// Reads a text that is one object.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The JSON of a member; `None` where it is not there, or twice: it is not defined which counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(other, _)| other == name);
        let (_, json) = found.next()?;
        found.next().is_none().then_some(json)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The version that a stored record says it has, its `v`.
#[must_use]
pub fn version(record: &str) -> Option<u32> {
    serde_json::from_str(Object::parse(record)?.get("v")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_in_their_order_with_their_json_as_it_stands() {
        let read = Object::parse(r#" {"b": [1, 2] ,"\u0061":1.50,"b":null} "#).unwrap();
        let members = [("b", "[1, 2]"), ("a", "1.50"), ("b", "null")];
        assert_eq!(read.0, members.map(|(name, json)| (name.to_owned(), json)));
    }

    #[test]
    fn a_member_that_is_there_twice_is_not_read() {
        let read = Object::parse(r#"{"a":1,"\u0061":1,"b":2}"#).unwrap();
        assert_eq!((read.get("a"), read.get("b"), read.get("c")), (None, Some("2"), None));
    }

    #[test]
    fn what_is_beside_a_member_does_not_matter_however_large_or_deep() {
        let text = format!(r#"{{"a":1e999,"deep":{}{},"b":"x"}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Object::parse(&text).unwrap().get("b"), Some("\"x\""));
    }

    #[test]
    fn what_is_not_one_object_is_not_read() {
        for bad in ["", "{", "{} {}", "{\"a\":}", "{\"a\":1,}", "{\"a\":{]}", "{a:1}", "{'a':1}"] {
            assert!(Object::parse(bad).is_none(), "{bad}");
        }
        for other in ["[]", "null", "\"a\"", "1", "true"] {
            assert!(Object::parse(other).is_none(), "{other}");
        }
    }
}
