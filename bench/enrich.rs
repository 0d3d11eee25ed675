//! How fast bodies are enriched, against the two ways that `serde_json` offers: `cargo bench --bench enrich`.
//!
//! The ways by `serde_json` do less: neither folds names, counts duplicates nor replaces a null where it stands, and by
//! `Value` numbers change. They are here for the scale.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use blnk_edge::enrich::{Reference, Rule, Shape, enrich};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

const LIMIT: usize = 16 << 20;
const ROUNDS: usize = 15;

fn main() {
    println!("{:<34}{:>10}{:>14}{:>14}{:>14}", "body", "bytes", "enrich", "RawValue", "Value");
    for (name, shape, body) in bodies() {
        let ours = time(|| enrich(black_box(&body), shape, Rule::default(), LIMIT, random).is_ok());
        let raw = time(|| by_raw_value(black_box(&body), shape).is_some());
        let value = time(|| by_value(black_box(&body), shape).is_some());
        println!(
            "{name:<34}{:>10}{:>14}{:>14}{:>14}",
            body.len(),
            format!("{:.0} MB/s", speed(&body, ours)),
            format!("{:.1} x", raw.as_secs_f64() / ours.as_secs_f64()),
            format!("{:.1} x", value.as_secs_f64() / ours.as_secs_f64()),
        );
    }
    println!("\nThe last two columns say how many times as long as `enrich` each takes.");
}

fn bodies() -> Vec<(&'static str, Shape, Vec<u8>)> {
    let whole = concat!(
        r#"{"amount":12.5,"currency":"USD","source":"@world","#,
        r#""destination":"bln_484e6de5-3a9c-499f-840a-3ce55dea7af4","#,
        r#""description":"An order that was paid by card","allow_overdraft":true,"#,
        r#""meta_data":{"order":"8812","customer":"c_5521","items":[{"sku":"a-1","n":2},{"sku":"b-7","n":1}]}"#
    );
    let bulk = |item: String| format!(r#"{{"transactions":[{}],"atomic":true}}"#, vec![item; 10_000].join(","));
    let words =
        |text: &str, size: usize| format!(r#"{whole},"notes":"{}"}}"#, text.repeat((size - whole.len()) / text.len()));
    let full = format!(r#"{whole},"precision":100,"reference":"ref_e55c4f33-7f6c-4a4d-9d3a-0c1f6ab0e8ef"}}"#);
    vec![
        ("a create", Shape::Transaction, format!("{whole}}}").into_bytes()),
        ("a create that lacks nothing", Shape::Transaction, full.clone().into_bytes()),
        ("10,000 creates", Shape::Bulk, bulk(format!("{whole}}}")).into_bytes()),
        ("10,000 creates that lack nothing", Shape::Bulk, bulk(full).into_bytes()),
        ("5 MiB, one text, ASCII", Shape::Transaction, words("twelve words or so ", 5 << 20).into_bytes()),
        ("5 MiB, one text, not ASCII", Shape::Transaction, words("δώδεκα 十二 ", 5 << 20).into_bytes()),
        ("5 MiB, one text, all escapes", Shape::Transaction, words(r"\u00e9\n", 5 << 20).into_bytes()),
        ("5 MiB, brackets", Shape::Transaction, nested(5 << 20).into_bytes()),
    ]
}

fn nested(size: usize) -> String {
    let part = format!("{}{},", "[".repeat(100), "]".repeat(100));
    format!(r#"{{"a":[{}0]}}"#, part.repeat(size / part.len()))
}

fn random() -> [u8; 16] {
    *b"not random bytes"
}

fn by_value(body: &[u8], shape: Shape) -> Option<Vec<u8>> {
    let mut top: Value = serde_json::from_slice(body).ok()?;
    let items = match shape {
        Shape::Transaction => std::slice::from_mut(&mut top),
        Shape::Bulk => top.get_mut("transactions")?.as_array_mut()?,
    };
    for item in items {
        let members = item.as_object_mut()?;
        members.entry("precision").or_insert(100.into());
        members.entry("reference").or_insert_with(|| Reference::from_random(random()).to_string().into());
    }
    serde_json::to_vec(&top).ok()
}

fn by_raw_value(body: &[u8], shape: Shape) -> Option<Vec<u8>> {
    match shape {
        Shape::Transaction => {
            let mut top: BTreeMap<&str, Box<RawValue>> = serde_json::from_slice(body).ok()?;
            complete(&mut top)?;
            serde_json::to_vec(&top).ok()
        }
        Shape::Bulk => {
            let mut top: BTreeMap<&str, Box<RawValue>> = serde_json::from_slice(body).ok()?;
            let list = top.get("transactions")?;
            let mut items: Vec<BTreeMap<&str, Box<RawValue>>> = serde_json::from_str(list.get()).ok()?;
            items.iter_mut().try_for_each(complete)?;
            let list = to_raw_value(&items).ok()?;
            top.insert("transactions", list);
            serde_json::to_vec(&top).ok()
        }
    }
}

fn complete(members: &mut BTreeMap<&str, Box<RawValue>>) -> Option<()> {
    if !members.contains_key("precision") {
        members.insert("precision", to_raw_value(&100).ok()?);
    }
    if !members.contains_key("reference") {
        members.insert("reference", to_raw_value(&Reference::from_random(random()).to_string()).ok()?);
    }
    Some(())
}

/// The shortest of several rounds, each long enough to be measured.
fn time(mut run: impl FnMut() -> bool) -> Duration {
    assert!(run(), "the body must be accepted");
    let once = measure(&mut run, 1);
    let runs = (Duration::from_millis(20).as_nanos() / once.as_nanos().max(1)).clamp(1, 100_000);
    let runs = u32::try_from(runs).unwrap_or(1);
    (0..ROUNDS).map(|_| measure(&mut run, runs) / runs).min().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the clock is banned for the Worker's sake, and this never runs there")]
fn measure(run: &mut impl FnMut() -> bool, runs: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        black_box(run());
    }
    start.elapsed()
}

#[expect(clippy::cast_precision_loss, reason = "a speed is printed without decimals")]
fn speed(body: &[u8], time: Duration) -> f64 {
    body.len() as f64 / time.as_secs_f64() / 1e6
}
