//! What a real Core made of bodies that were sent straight to it (`fixtures/enrich/core-recordings.json`).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use blnk_edge::enrich::{BodyRefusal, References, Rule, Shape, ZeroPrecision, enrich};
use serde::Deserialize;

use crate::check::check;
use crate::model::{self, Given, Read};

#[derive(Deserialize)]
struct Recordings {
    probes: Vec<Probe>,
}

#[derive(Deserialize)]
struct Probe {
    name: String,
    route: String,
    body: Option<String>,
    body_base64: Option<String>,
    core: Core,
}

#[derive(Deserialize)]
struct Core {
    status: u16,
    precision: Option<u64>,
    reference: Option<String>,
    message: Option<String>,
}

impl Probe {
    /// The body; `None` where only its name was recorded.
    fn bytes(&self) -> Option<Vec<u8>> {
        let decoded = self.body_base64.as_ref().map(|text| BASE64_STANDARD.decode(text).unwrap());
        self.body.clone().map(String::into_bytes).or(decoded)
    }

    fn shape(&self) -> Shape {
        match self.route.as_str() {
            "POST /transactions" => Shape::Transaction,
            "POST /transactions/bulk" => Shape::Bulk,
            other => panic!("{other}"),
        }
    }
}

fn probes() -> Vec<(Probe, Vec<u8>)> {
    let recorded = include_str!("../fixtures/enrich/core-recordings.json");
    let recordings: Recordings = serde_json::from_str(recorded).unwrap();
    let probes = recordings.probes.into_iter();
    probes.filter_map(|probe| probe.bytes().map(|bytes| (probe, bytes))).collect()
}

#[test]
fn every_recorded_body_keeps_every_promise() {
    let probes = probes();
    assert_eq!(probes.len(), 144);
    for (_, body) in probes {
        check(&body);
    }
}

#[test]
fn what_counts_as_sent_is_what_core_saw() {
    for (probe, body) in probes() {
        let name = &probe.name;
        let Ok(done) = enrich(&body, probe.shape(), Rule::default(), 5 << 20, || [7; 16]) else {
            continue;
        };
        if let Some(precision) = probe.core.precision {
            // Core answers 1 for a precision that it did not see, and for 0 and 1 themselves.
            assert!(precision == 1 || done.precision_added.is_none(), "{name}");
            let Read::Transactions(seen) = model::read(&body, probe.shape()) else { panic!("{name}") };
            let transaction = &seen[0].1;
            let read = match &transaction.precision {
                Some(literal) if !transaction.zero() => literal.parse::<f64>().unwrap(),
                _ => 1.0,
            };
            assert_eq!(read.to_string(), precision.to_string(), "{name}");
        }
        if let Some(reference) = probe.core.reference {
            assert_eq!(done.references, References::Given(reference), "{name}");
        }
        if probe.core.message.as_deref() == Some("reference: cannot be blank.") {
            let blank = match &done.references {
                References::Made(_) => true,
                References::Given(text) => text.is_empty(),
                References::Unreadable | References::Bulk(_) => false,
            };
            assert!(blank, "{name}");
        }
    }
}

#[test]
fn no_recorded_body_is_booked_at_a_precision_that_nobody_chose() {
    let rule = Rule { zero_precision: ZeroPrecision::Default, ..Rule::default() };
    for (probe, body) in probes() {
        let Ok(done) = enrich(&body, probe.shape(), rule, 5 << 20, || [7; 16]) else {
            continue;
        };
        let forwarded = done.body.unwrap_or(body);
        let Read::Transactions(seen) = model::read(&forwarded, probe.shape()) else { panic!("{}", probe.name) };
        for (_, transaction) in seen {
            assert!(transaction.precision.is_some() && !transaction.zero(), "{}", probe.name);
            assert_ne!(transaction.reference, Given::Nothing, "{}", probe.name);
        }
    }
}

#[test]
fn what_core_books_is_refused_only_where_it_reads_less_than_was_sent() {
    let mut refused = Vec::new();
    for (probe, body) in probes() {
        let done = enrich(&body, probe.shape(), Rule::default(), 5 << 20, || [7; 16]);
        if let (201, Err(refusal)) = (probe.core.status, done) {
            assert!(matches!(refusal, BodyRefusal::Malformed { .. } | BodyRefusal::Ambiguous { .. }));
            refused.push(probe.name);
        }
    }
    let expected = [
        "two documents",
        "closing brace after",
        "NUL after",
        "invalid UTF-8 in a value",
        "invalid UTF-8 in a key",
        "transactions twice, second shorter",
        "transactions then Transactions",
        "garbage after",
    ];
    assert_eq!(refused, expected);
}
