//! A second reader of transaction bodies, slow and written another way: `serde_json` splits a body into raw members,
//! and the rules of Core's decoder are applied to lists of those.

use std::fmt;

use blnk_edge::enrich::Shape;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// What Core would see in a body.
#[derive(Debug)]
pub(crate) enum Read {
    /// Not one JSON object in UTF-8 of at most 10,000 levels.
    Malformed,
    /// Two lists of transactions.
    Ambiguous,
    /// The transactions, with their places; what is no object is left out.
    Transactions(Vec<(usize, Transaction)>),
}

/// What Core would see of one transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// The literal that counts, unless none does.
    pub(crate) precision: Option<String>,
    pub(crate) reference: Given,
    pub(crate) multi_leg: bool,
}

/// The reference that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Nothing,
    NotText,
    Text(String),
}

impl Transaction {
    /// Whether Go may misread the precision that counts.
    fn too_long(&self) -> bool {
        let literal = self.precision.as_deref().filter(|literal| !literal.starts_with(['"', '{', '[']));
        let mantissa = literal.and_then(|literal| literal.split(['e', 'E']).next());
        mantissa.is_some_and(|digits| digits.len() > 800 && digits.contains(|digit| ('1'..='9').contains(&digit)))
    }

    /// Whether the precision that counts is a number whose nearest double is 0.
    pub(crate) fn zero(&self) -> bool {
        let number = self.precision.as_deref().and_then(|literal| literal.parse::<f64>().ok());
        number == Some(0.0)
    }
}

pub(crate) fn read(body: &[u8], shape: Shape) -> Read {
    let Ok(document) = serde_json::from_slice::<Box<RawValue>>(body) else {
        return Read::Malformed;
    };
    let Some(top) = members(&document) else {
        return Read::Malformed;
    };
    if depth(document.get()) > 10_000 {
        return Read::Malformed;
    }
    let read = transactions(&top, shape);
    match &read {
        Read::Transactions(transactions) if transactions.iter().any(|(_, one)| one.too_long()) => Read::Malformed,
        _ => read,
    }
}

fn transactions(top: &[Member], shape: Shape) -> Read {
    match shape {
        Shape::Transaction => Read::Transactions(vec![(0, transaction(top))]),
        Shape::Bulk => {
            let lists = values(top, "transactions");
            match lists.as_slice() {
                [] => Read::Transactions(Vec::new()),
                [list] => Read::Transactions(items(list)),
                _ => Read::Ambiguous,
            }
        }
    }
}

fn items(list: &RawValue) -> Vec<(usize, Transaction)> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(list.get()).unwrap_or_default();
    let transactions = items.iter().enumerate();
    transactions.filter_map(|(place, item)| Some((place, transaction(&members(item)?)))).collect()
}

fn transaction(members: &[Member]) -> Transaction {
    let counting = |name| {
        let values = values(members, name).into_iter();
        values.map(RawValue::get).rfind(|&value| value != "null")
    };
    let has_items = |name| {
        let last = values(members, name).into_iter().last();
        last.and_then(|list| serde_json::from_str::<Vec<&RawValue>>(list.get()).ok())
            .is_some_and(|items| !items.is_empty())
    };
    let reference = match counting("reference") {
        None => Given::Nothing,
        Some(value) if value.starts_with('"') => Given::Text(text(unquoted(value))),
        Some(_) => Given::NotText,
    };
    Transaction {
        precision: counting("precision").map(str::to_owned),
        reference,
        multi_leg: has_items("sources") || has_items("destinations"),
    }
}

fn unquoted(literal: &str) -> &str {
    &literal[1..literal.len() - 1]
}

type Member = (Box<RawValue>, Box<RawValue>);

fn values<'a>(members: &'a [Member], name: &str) -> Vec<&'a RawValue> {
    let named = |key: &RawValue| {
        text(unquoted(key.get())).replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name)
    };
    members.iter().filter(|(key, _)| named(key)).map(|(_, value)| &**value).collect()
}

fn members(object: &RawValue) -> Option<Vec<Member>> {
    if !object.get().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Members>(object.get()).ok().map(|members| members.0)
}

/// An object's members, raw, in order, with duplicates.
struct Members(Vec<Member>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// Resolves escapes by way of UTF-16, where half a pair is what is left over.
fn text(raw: &str) -> String {
    let mut units = Vec::new();
    let mut rest = raw;
    while let Some(place) = rest.find('\\') {
        units.extend(rest[..place].encode_utf16());
        let (unit, length) = match rest.as_bytes()[place + 1] {
            b'u' => (u16::from_str_radix(&rest[place + 2..place + 6], 16).unwrap(), 6),
            b'b' => (8, 2),
            b'f' => (12, 2),
            b'n' => (10, 2),
            b'r' => (13, 2),
            b't' => (9, 2),
            other => (u16::from(other), 2),
        };
        units.push(unit);
        rest = &rest[place + length..];
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

fn depth(document: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in document.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
