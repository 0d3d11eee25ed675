//! Generated documents: right ones, and right ones that were cut, padded or changed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;

use crate::check::check;

/// Keys that Core reads as a field, and keys that it nearly does.
const KEYS: [&str; 34] = [
    "precision",
    "Precision",
    "PRECISION",
    "preci\u{17f}ion",
    r"preci\u017fion",
    r"preci\u017Fion",
    r"\u0070recision",
    r"\u0070\u0072\u0065\u0063\u0069\u0073\u0069\u006f\u006e",
    "precision ",
    r"precision\u0000",
    "ｐrecision",
    "precisıon",
    "preci\u{df}ion",
    r"preci\/sion",
    "precisions",
    "reference",
    "rEfErEnCe",
    r"\u0072eference",
    r"ref\u0065rence",
    "references",
    "REFERENCĘ",
    r"refer\ud800ence",
    "transactions",
    "Transactions",
    "tran\u{17f}action\u{17f}",
    r"transaction\u0073",
    "transaction",
    "sources",
    "Source\u{17f}",
    "destinations",
    r"de\u017ftinations",
    "amount",
    "",
    "meta_data",
];

/// Values that decide something for a precision or a reference, and others.
const VALUES: [&str; 38] = [
    "null",
    "null",
    "null",
    "0",
    "-0",
    "0.0",
    "0e5",
    "0E-5",
    "1e-400",
    "-1e-400",
    "2e-324",
    "5e-324",
    "1",
    "100",
    "1e3",
    "1e400",
    "-1",
    "2.5",
    "123456789012345678901234567890",
    "\"\"",
    "\"ref\"",
    r#""\u0072ef""#,
    r#""\ud800""#,
    r#""\ud83d\ude00""#,
    r#""a\\\"b\n\/""#,
    "\"😀é\"",
    "\"null\"",
    "true",
    "false",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[null]",
    "[{\"identifier\":\"a\"}]",
    "{\"precision\":null,\"reference\":null}",
    "{\"transactions\":[{}]}",
    "[[[{\"a\":[1,2,{}]}]]]",
];

const SPACES: [&str; 6] = ["", "", "", " ", "\n", "\r\n\t "];

fn space() -> impl Strategy<Value = &'static str> {
    select(&SPACES[..])
}

fn object(value: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    let member = (select(&KEYS[..]), value, space(), space(), space());
    let member = member.prop_map(|(key, value, a, b, c)| format!("{a}\"{key}\"{b}:{c}{value}"));
    (vec(member, 0..=most), space()).prop_map(|(members, end)| format!("{{{}{end}}}", members.join(",")))
}

fn transaction() -> impl Strategy<Value = String> {
    object(select(&VALUES[..]).prop_map(str::to_owned), 7)
}

fn bulk() -> impl Strategy<Value = String> {
    let item = prop_oneof![9 => transaction(), 1 => select(&VALUES[..]).prop_map(str::to_owned)];
    let list = (vec((item, space()), 0..6), space()).prop_map(|(items, end)| {
        let items: Vec<_> = items.into_iter().map(|(item, space)| format!("{space}{item}{space}")).collect();
        format!("[{}{end}]", items.join(","))
    });
    let first = (list, select(&KEYS[22..26])).prop_map(|(list, key)| format!("\"{key}\":{list}"));
    (object(select(&VALUES[..]).prop_map(str::to_owned), 3), first, any::<bool>()).prop_map(|(others, list, before)| {
        let inside = others[1..others.len() - 1].trim_end_matches(' ');
        match (inside.trim().is_empty(), before) {
            (true, _) => format!("{{{list}{inside}}}"),
            (false, true) => format!("{{{list},{inside}}}"),
            (false, false) => format!("{{{inside},{list}}}"),
        }
    })
}

fn document() -> impl Strategy<Value = String> {
    let document = prop_oneof![transaction(), bulk()];
    (space(), document, space()).prop_map(|(before, document, after)| format!("{before}{document}{after}"))
}

/// Bytes that matter to a reader of JSON, and to one of UTF-8.
const BYTES: &[u8] = b"{}[]:,\"\\ \n0-1.eEtfnu/\x00\x1f\x7f\x80\xbf\xc3\xe2\xed\xa0\xf0\xf4\xff\xef\xbb";

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/fixtures/enrich/regressions.txt"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn every_document_keeps_every_promise(document in document()) {
        check(document.as_bytes());
    }

    #[test]
    fn a_cut_document_keeps_every_promise(document in document(), at in any::<Index>()) {
        check(&document.as_bytes()[..at.index(document.len())]);
    }

    #[test]
    fn a_padded_document_keeps_every_promise(
        document in document(), padding in vec(select(BYTES), 1..4), after in any::<bool>()
    ) {
        let document = document.into_bytes();
        check(&if after { [document, padding].concat() } else { [padding, document].concat() });
    }

    #[test]
    fn a_changed_document_keeps_every_promise(
        document in document(), changes in vec((any::<Index>(), 0..3, select(BYTES)), 1..4)
    ) {
        let mut document = document.into_bytes();
        for (at, change, byte) in changes {
            let at = at.index(document.len().max(1));
            match change {
                0 => document.insert(at, byte),
                1 if at < document.len() => document[at] = byte,
                _ if at < document.len() => drop(document.remove(at)),
                _ => {}
            }
        }
        check(&document);
    }

    #[test]
    fn any_bytes_keep_every_promise(bytes in vec(any::<u8>(), 0..64)) {
        check(&bytes);
    }
}
