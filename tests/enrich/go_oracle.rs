//! What Go's `encoding/json` saw in thousands of bodies (`fixtures/enrich/go-oracle.json`; its README has the format).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use blnk_edge::enrich::{
    BodyRefusal, DefaultPrecision, Reference, References, Rule, Shape, ZeroPrecision, asked, enrich,
};
use serde::Deserialize;

use crate::check::check;

const LIMIT: usize = 5 << 20;
const RANDOM: [u8; 16] = [7; 16];

#[derive(Deserialize)]
struct Oracle {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    family: String,
    route: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    body: Option<String>,
    base64: Option<String>,
    repeat: Option<Vec<(String, usize)>>,
    #[serde(default)]
    strict: bool,
    error: Option<String>,
    single: Option<Transaction>,
    items: Option<Vec<Option<Transaction>>>,
    #[serde(default)]
    transactions_members: usize,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    precision_sent: bool,
    precision: Option<String>,
    reference: Option<String>,
    #[serde(default)]
    sources: usize,
    #[serde(default)]
    destinations: usize,
}

impl Transaction {
    fn zero(&self) -> bool {
        matches!(self.precision.as_deref(), Some("0" | "-0"))
    }
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        match (&self.body, &self.base64, &self.repeat) {
            (Some(body), None, None) => body.clone().into_bytes(),
            (None, Some(text), None) => BASE64_STANDARD.decode(text).unwrap(),
            (None, None, Some(parts)) => {
                let parts = parts.iter().map(|(part, count)| part.repeat(*count));
                parts.collect::<String>().into_bytes()
            }
            _ => panic!("a case has one body"),
        }
    }

    /// Whether Go decoded it and the proxy must too.
    fn readable(&self, family: &str, body: &[u8]) -> bool {
        let decoded = self.strict && self.error.is_none();
        decoded && body.trim_ascii_start().starts_with(b"{") && !may_be_too_long(family, body)
    }
}

/// Whether the body may have a precision that the proxy refuses, as Go does not read all of that length right.
fn may_be_too_long(family: &str, body: &[u8]) -> bool {
    family == "long numbers" && body.len() > 800
}

/// Calls `each` with every case of one route: the family, the case and its body.
fn cases(route: &str, mut each: impl FnMut(&str, &Case, &[u8])) {
    let oracle: Oracle = serde_json::from_str(include_str!("../fixtures/enrich/go-oracle.json")).unwrap();
    let mut count = 0;
    for group in oracle.groups.iter().filter(|group| group.route == route) {
        for case in &group.cases {
            each(&group.family, case, &case.bytes());
            count += 1;
        }
    }
    assert!(count > 1_000, "{count}");
}

fn rule(default_precision: DefaultPrecision, zero_precision: ZeroPrecision) -> Rule {
    Rule { default_precision, zero_precision }
}

#[test]
fn every_body_that_go_was_given_keeps_every_promise() {
    cases("single", |_, _, body| check(body));
    cases("bulk", |_, _, body| check(body));
}

#[test]
fn what_is_not_strict_json_is_never_forwarded() {
    for (route, shape) in [("single", Shape::Transaction), ("bulk", Shape::Bulk)] {
        cases(route, |family, case, body| {
            let refused =
                matches!(enrich(body, shape, Rule::default(), LIMIT, || RANDOM), Err(BodyRefusal::Malformed { .. }));
            if !case.strict || !body.trim_ascii_start().starts_with(b"{") {
                assert!(refused, "{family}: {}", String::from_utf8_lossy(body));
            } else {
                assert!(!refused || may_be_too_long(family, body), "{family}: {}", String::from_utf8_lossy(body));
            }
        });
    }
}

#[test]
fn a_number_that_go_misreads_is_never_forwarded() {
    let mut misread = 0;
    cases("single", |family, case, body| {
        let seen = case.single.as_ref().and_then(|seen| seen.precision.as_deref());
        let text = String::from_utf8_lossy(body);
        let literal = text.strip_prefix("{\"precision\":").and_then(|rest| rest.strip_suffix('}'));
        if let (Some(seen), Some(literal), true) = (seen, literal, family == "long numbers")
            && literal.parse::<f64>().map(f64::to_bits) != seen.parse().map(f64::to_bits)
        {
            misread += 1;
            let done = enrich(body, Shape::Transaction, Rule::default(), LIMIT, || RANDOM);
            assert!(matches!(done, Err(BodyRefusal::Malformed { offset: 13, .. })), "{text}");
        }
    });
    assert!(misread > 0);
}

#[test]
fn a_single_create_is_read_as_go_reads_it() {
    cases("single", |family, case, body| {
        let Some(seen) = case.single.as_ref().filter(|_| case.readable(family, body)) else {
            return;
        };
        let name = || format!("{family}: {}", String::from_utf8_lossy(body));
        let run = |rule| enrich(body, Shape::Transaction, rule, LIMIT, || RANDOM);
        let done = run(Rule::default()).unwrap_or_else(|error| panic!("{}: {error}", name()));
        assert_eq!(done.precision_added.is_none(), seen.precision_sent, "{}", name());
        let reference = match &seen.reference {
            Some(text) => References::Given(text.clone()),
            None => References::Made(Reference::from_random(RANDOM)),
        };
        assert_eq!(done.references, reference, "{}", name());
        let asked =
            asked(done.body.as_deref().unwrap_or(body), Shape::Transaction).unwrap_or_else(|| panic!("{}", name()));
        assert_eq!(asked.transactions[0].legs > 0, seen.sources + seen.destinations > 0, "{}", name());

        let refused = run(rule(DefaultPrecision::default(), ZeroPrecision::Refuse));
        let zero = refused == Err(BodyRefusal::ZeroPrecision { item: None });
        assert_eq!(zero, seen.zero(), "{}", name());
        let required = run(rule(DefaultPrecision::Require, ZeroPrecision::Default));
        let missing = required == Err(BodyRefusal::PrecisionRequired { item: None });
        assert_eq!(missing, !seen.precision_sent || seen.zero(), "{}", name());
    });
}

#[test]
fn a_bulk_is_read_as_go_reads_it() {
    cases("bulk", |family, case, body| {
        let name = || format!("{family}: {}", String::from_utf8_lossy(body));
        let run = |rule| enrich(body, Shape::Bulk, rule, LIMIT, || RANDOM);
        if case.strict && case.transactions_members > 1 {
            let ambiguous = matches!(run(Rule::default()), Err(BodyRefusal::Ambiguous { .. }));
            return assert!(ambiguous, "{}", name());
        }
        if !case.readable(family, body) {
            return;
        }
        let items = case.items.as_deref().unwrap_or_default();
        let find = |wanted: fn(&Transaction) -> bool| {
            let wanted = |item: &Option<Transaction>| item.as_ref().is_some_and(wanted);
            items.iter().position(wanted)
        };
        let done = run(Rule::default()).unwrap_or_else(|error| panic!("{}: {error}", name()));
        let added = find(|item| !item.precision_sent).is_some();
        assert_eq!(done.precision_added.is_some(), added, "{}", name());
        let References::Bulk(made) = done.references else { panic!("{}", name()) };
        let lacks = |item: &Option<Transaction>| item.as_ref().is_some_and(|item| item.reference.is_none());
        let without: Vec<_> = (0..items.len()).filter(|&place| lacks(&items[place])).collect();
        assert_eq!(made.count(), without.len(), "{}", name());
        let kept: Vec<_> = made.kept().map(|(place, _)| place).collect();
        assert_eq!(kept, without[..without.len().min(1_000)], "{}", name());

        let refused = run(rule(DefaultPrecision::default(), ZeroPrecision::Refuse));
        let zero = find(Transaction::zero).map(|item| BodyRefusal::ZeroPrecision { item: Some(item) });
        assert_eq!(refused.err(), zero, "{}", name());
        let required = run(rule(DefaultPrecision::Require, ZeroPrecision::Pass));
        let missing = find(|item| !item.precision_sent);
        let missing = missing.map(|item| BodyRefusal::PrecisionRequired { item: Some(item) });
        assert_eq!(required.err(), missing, "{}", name());
    });
}
