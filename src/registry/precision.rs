//! An instance's precision rules as JSON.

use crate::enrich::{DefaultPrecision, MAX_DEFAULT_PRECISION, Rule, ZeroPrecision};
use crate::json::write::quoted;
use crate::json::{Json, Object, Writer};

use std::num::NonZeroU64;

const REQUIRE: &str = "require";

/// Reads a default precision: an integer from 1 to [`MAX_DEFAULT_PRECISION`], or `"require"`.
#[must_use]
pub fn read_default(json: Json<'_>) -> Option<DefaultPrecision> {
    match json {
        Json::Number(number @ ..=MAX_DEFAULT_PRECISION) => NonZeroU64::new(number).map(DefaultPrecision::Add),
        Json::Text(text) if text == REQUIRE => Some(DefaultPrecision::Require),
        _ => None,
    }
}

/// A default precision as [`read_default`] reads it.
#[must_use]
pub fn default_json(precision: DefaultPrecision) -> String {
    match precision {
        DefaultPrecision::Add(precision) => precision.to_string(),
        DefaultPrecision::Require => quoted(REQUIRE),
    }
}

/// Reads what happens to a precision of zero: `"pass"`, `"default"` or `"refuse"`.
#[must_use]
pub fn read_zero(json: Json<'_>) -> Option<ZeroPrecision> {
    let text = json.text()?;
    let all = [ZeroPrecision::Pass, ZeroPrecision::Default, ZeroPrecision::Refuse];
    all.into_iter().find(|precision| zero_name(*precision) == text)
}

/// The word for it.
#[must_use]
pub const fn zero_name(precision: ZeroPrecision) -> &'static str {
    match precision {
        ZeroPrecision::Pass => "pass",
        ZeroPrecision::Default => "default",
        ZeroPrecision::Refuse => "refuse",
    }
}

/// Reads both rules.
#[must_use]
pub fn read_rule(rule: &Object<'_>) -> Option<Rule> {
    Some(Rule {
        default_precision: read_default(rule.get("default_precision")?)?,
        zero_precision: read_zero(rule.get("zero_precision")?)?,
    })
}

/// Both rules as [`read_rule`] reads them.
#[must_use]
pub fn rule_json(rule: Rule) -> String {
    let mut json = Writer::new();
    json.raw("default_precision", &default_json(rule.default_precision));
    json.text("zero_precision", zero_name(rule.zero_precision)).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_precision_is_an_integer_up_to_1e18_or_require() {
        for good in ["1", "100", "1000000000000000000", "\"require\""] {
            assert_eq!(default_json(Json::parse(good).and_then(read_default).unwrap()), good);
        }
        for bad in ["0", "-1", "100.0", "1e2", "1000000000000000001", "\"100\"", "\"Require\"", "null", "true", "[]"] {
            assert_eq!(Json::parse(bad).and_then(read_default), None, "{bad}");
        }
    }

    #[test]
    fn a_zero_precision_is_one_of_three_words() {
        for good in ["pass", "default", "refuse"] {
            assert_eq!(Json::parse(&quoted(good)).and_then(read_zero).map(zero_name), Some(good));
        }
        assert_eq!(Json::parse("\"Pass\"").and_then(read_zero), None);
    }

    #[test]
    fn a_rule_is_written_as_serde_writes_it() {
        for default in ["1000", "\"require\""] {
            for zero in ["pass", "default", "refuse"] {
                let json = format!(r#"{{"default_precision":{default},"zero_precision":"{zero}"}}"#);
                let rule: Rule = serde_json::from_str(&json).unwrap();
                assert_eq!(
                    (rule_json(rule), Object::parse(&json).and_then(|json| read_rule(&json))),
                    (json.clone(), Some(rule))
                );
            }
        }
    }
}
