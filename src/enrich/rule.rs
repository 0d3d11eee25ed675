//! What an instance wants done about precision.

use std::fmt;
use std::num::NonZeroU64;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumString, IntoStaticStr};

/// The largest default precision: what Core itself still books, and an integer that every JSON reader keeps.
pub const MAX_DEFAULT_PRECISION: u64 = 1_000_000_000_000_000_000;

const REQUIRE: &str = "require";

/// The precision rules of one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// What a transaction without precision gets.
    pub default_precision: DefaultPrecision,
    /// What happens to a precision of zero.
    pub zero_precision: ZeroPrecision,
}

/// What a transaction gets whose precision is missing or null. In JSON an integer from 1 to
/// [`MAX_DEFAULT_PRECISION`], or `"require"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultPrecision {
    /// This precision.
    Add(NonZeroU64),
    /// A refusal: the caller must send one.
    Require,
}

impl Default for DefaultPrecision {
    /// 100, as Blnk Cloud adds: two decimal places.
    fn default() -> Self {
        const HUNDRED: NonZeroU64 = NonZeroU64::MIN.saturating_add(99);
        Self::Add(HUNDRED)
    }
}

/// What happens to a precision of zero, which Core books at 1. In JSON `"pass"`, `"default"` or `"refuse"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(try_from = "&str", into = "&'static str")]
#[strum(serialize_all = "snake_case")]
pub enum ZeroPrecision {
    /// It was sent, so it goes on.
    #[default]
    Pass,
    /// It counts as null.
    Default,
    /// A refusal.
    Refuse,
}

impl ZeroPrecision {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Serialize for DefaultPrecision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Add(precision) => serializer.serialize_u64(precision.get()),
            Self::Require => serializer.serialize_str(REQUIRE),
        }
    }
}

impl<'de> Deserialize<'de> for DefaultPrecision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DefaultPrecisionVisitor)
    }
}

struct DefaultPrecisionVisitor;

impl Visitor<'_> for DefaultPrecisionVisitor {
    type Value = DefaultPrecision;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an integer from 1 to {MAX_DEFAULT_PRECISION}, or \"{REQUIRE}\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let precision = NonZeroU64::new(number).filter(|precision| precision.get() <= MAX_DEFAULT_PRECISION);
        precision.map(DefaultPrecision::Add).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == REQUIRE {
            Ok(DefaultPrecision::Require)
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_rule_adds_100_and_lets_zeros_through() {
        let rule: Rule = serde_json::from_str("{}").unwrap();
        assert_eq!(rule, Rule::default());
        assert_eq!(serde_json::to_string(&rule).unwrap(), r#"{"default_precision":100,"zero_precision":"pass"}"#);
    }

    #[test]
    fn a_default_precision_is_an_integer_up_to_1e18_or_require() {
        for good in ["1", "100", "1000000000000000000", "\"require\""] {
            let read: DefaultPrecision = serde_json::from_str(good).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), good);
        }
        for bad in ["0", "-1", "100.0", "1e2", "1000000000000000001", "\"100\"", "\"Require\"", "null", "true", "[]"] {
            assert!(serde_json::from_str::<DefaultPrecision>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zero_precision_is_one_of_three_words() {
        for good in ["\"pass\"", "\"default\"", "\"refuse\""] {
            let read: ZeroPrecision = serde_json::from_str(good).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), good);
        }
        assert!(serde_json::from_str::<ZeroPrecision>("\"Pass\"").is_err());
    }
}
