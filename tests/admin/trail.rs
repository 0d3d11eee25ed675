use std::collections::BTreeMap;

use blnk_edge::clock::Timestamp;
use blnk_edge::error::Error;
use blnk_edge::registry::{CredentialId, RevokedToken, TokenId, TokenRevocation};
use blnk_edge::store::Store;
use blnk_edge::store::trail::{Limits, Mark};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::registry::{START, TestRegistry};

const HOUR: u64 = 3_600_000;

/// A client, and how many tokens it gave back.
struct Client {
    id: CredentialId,
    tokens: u128,
}

impl Client {
    fn new(registry: &mut TestRegistry) -> Self {
        let (_, made) = registry.done("POST", "/oauth-clients", &json!({ "name": "App", "scopes": ["proxy:read"] }));
        Self { id: CredentialId::parse(made["id"].as_str().unwrap()).unwrap(), tokens: 0 }
    }

    fn give_a_token_back(&mut self, registry: &mut TestRegistry) {
        self.tokens += 1;
        let id = TokenId::from_bytes(self.tokens.to_be_bytes());
        let token = RevokedToken { id, until: registry.now.plus_seconds(60) };
        let revocation = TokenRevocation { client: self.id.clone(), token, issued_at: registry.now };
        registry.revoke(revocation);
    }
}

fn at(hour: u64) -> Timestamp {
    Timestamp::from_millis(START + hour * HOUR)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn export(registry: &mut TestRegistry, query: &str) -> Vec<Value> {
    lines(&registry.text("GET", &format!("/audit/export{query}"), "").1)
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

fn confirm(registry: &mut TestRegistry, through: u64) -> Value {
    registry.done("POST", "/audit/exported", &json!({ "through": through })).1
}

/// What the alarm does.
fn prune(registry: &mut TestRegistry, limits: Limits) {
    let exported = registry.store.mark(Mark::Exported).unwrap();
    let pruning = registry.store.audit_ends(7).unwrap().prune(exported, limits, registry.now);
    if let Some(through) = pruning.through {
        registry.store.prune_audit(through).unwrap();
    }
}

/// An registry with five lines in its trail.
fn five() -> TestRegistry {
    let mut registry = TestRegistry::new();
    for id in ["a", "b", "c", "d", "e"] {
        registry.instance(&json!({ "id": id }));
    }
    registry
}

#[test]
fn a_clients_revocations_of_a_day_are_one_line_with_a_count() {
    let mut registry = TestRegistry::new();
    let (mut one, mut other) = (Client::new(&mut registry), Client::new(&mut registry));
    registry.instance(&json!({ "id": "a" }));
    for hour in 0..24 {
        registry.now = at(hour);
        one.give_a_token_back(&mut registry);
        if hour < 2 {
            other.give_a_token_back(&mut registry);
        }
    }
    let trail = registry.show("/audit");
    let seen: Vec<String> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {} {}", line["seq"], line["action"].as_str().unwrap(), line["changes"]["count"]))
        .collect();
    let expected = ["5 revoke_token 2", "4 revoke_token 24", "3 create null", "2 create null", "1 create null"];
    assert_eq!(seen, expected);
    assert_eq!(trail["data"][1]["at"], "2026-11-21T23:00:00.000Z", "the time is that of the last");
    registry.now = at(24);
    one.give_a_token_back(&mut registry);
    assert_eq!((&registry.last_line()["seq"], &registry.last_line()["changes"]), (&json!(6), &json!({ "count": 1 })));
}

#[test]
fn an_administrators_lines_stay_lines_of_their_own() {
    let mut registry = five();
    for name in ["x", "y", "z"] {
        registry.done("PATCH", "/instances/a", &json!({ "name": name }));
    }
    assert_eq!(registry.show("/audit")["data"].as_array().unwrap().len(), 8);
}

#[test]
fn an_export_gives_every_line_oldest_first_in_pages() {
    let mut registry = five();
    assert_eq!(numbers(&export(&mut registry, "?limit=2")), [1, 2]);
    assert_eq!(numbers(&export(&mut registry, "?limit=2&cursor=2")), [3, 4]);
    assert_eq!(numbers(&export(&mut registry, "?cursor=4")), [5]);
    assert_eq!(export(&mut registry, "?cursor=5"), Vec::<Value>::new());
    let shown = registry.show("/audit")["data"].as_array().unwrap().clone();
    assert_eq!(export(&mut registry, "").into_iter().rev().collect::<Vec<_>>(), shown, "as they are shown elsewhere");
}

#[test]
fn an_export_goes_on_from_what_was_confirmed() {
    let mut registry = five();
    export(&mut registry, "?limit=3");
    assert_eq!(numbers(&export(&mut registry, "?limit=1")), [1], "nobody said that they arrived");
    assert_eq!(confirm(&mut registry, 3), json!({ "exported_through": 3 }));
    assert_eq!(numbers(&export(&mut registry, "")), [4, 5]);
    assert_eq!(numbers(&export(&mut registry, "?cursor=0")), [1, 2, 3, 4, 5]);
    assert_eq!(confirm(&mut registry, 1), json!({ "exported_through": 3 }), "what was confirmed stays so");
}

#[test]
fn what_no_export_gave_can_be_neither_confirmed_nor_passed_over() {
    let mut registry = five();
    export(&mut registry, "?limit=2");
    assert!(matches!(registry.refused("POST", "/audit/exported", r#"{"through":3}"#), Error::AdminConflict { .. }));
    assert!(matches!(registry.refused("GET", "/audit/export?cursor=3", ""), Error::AdminInvalidRequest { .. }));
    for body in ["", "{}", r#"{"through":-1}"#, r#"{"through":"2"}"#, r#"{"through":2,"all":true}"#] {
        assert!(
            matches!(registry.refused("POST", "/audit/exported", body), Error::AdminInvalidRequest { .. }),
            "{body}"
        );
    }
    assert_eq!(confirm(&mut registry, 2), json!({ "exported_through": 2 }));
}

#[test]
fn a_line_that_was_given_out_is_not_changed_any_more() {
    let mut registry = TestRegistry::new();
    let mut client = Client::new(&mut registry);
    client.give_a_token_back(&mut registry);
    let given = export(&mut registry, "");
    client.give_a_token_back(&mut registry);
    client.give_a_token_back(&mut registry);
    assert_eq!(export(&mut registry, "?limit=2"), given);
    assert_eq!((&registry.last_line()["seq"], &registry.last_line()["changes"]), (&json!(3), &json!({ "count": 2 })));
}

#[test]
fn a_page_of_large_lines_ends_early_and_the_next_goes_on() {
    let mut registry = TestRegistry::new();
    let ids: Vec<String> = (0..100).map(|number| format!("{number:064}")).collect();
    for id in &ids {
        registry.instance(&json!({ "id": id }));
    }
    let key = registry.key(&json!({ "instances": ids }));
    let path = format!("/api-keys/{}", key["id"].as_str().unwrap());
    for round in 0..200 {
        let fewer = &ids[..99 - round % 2];
        registry.done("PATCH", &path, &json!({ "instances": fewer }));
    }
    let (mut all, mut cursor, mut pages) = (Vec::new(), 0, 0);
    loop {
        let page = export(&mut registry, &format!("?cursor={cursor}"));
        let Some(last) = page.last() else { break };
        cursor = last["seq"].as_u64().unwrap();
        assert!(page.iter().map(|line| line.to_string().len()).sum::<usize>() < 3 << 20);
        all.extend(numbers(&page));
        pages += 1;
    }
    assert_eq!(all, (1..=301).collect::<Vec<_>>());
    assert!(pages > 1, "{pages}");
}

#[derive(Clone, Debug)]
enum Step {
    Change,
    Revoke(usize),
    Export(u32),
    ExportFrom(u64),
    Confirm(u64),
    Prune(u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Change),
        5 => (0_usize..3).prop_map(Step::Revoke),
        2 => (1_u32..9).prop_map(Step::Export),
        1 => (0_u64..20).prop_map(Step::ExportFrom),
        2 => (0_u64..20).prop_map(Step::Confirm),
        2 => (0_u64..5).prop_map(Step::Prune),
        2 => (1_u64..40).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever the order of things: what is not stored any more was given out just as it was, nothing is counted
    /// twice, and nothing is left out.
    #[test]
    fn no_line_and_no_count_is_lost(steps in prop::collection::vec(step(), 1..80)) {
        let mut registry = TestRegistry::new();
        let mut clients = [Client::new(&mut registry), Client::new(&mut registry), Client::new(&mut registry)];
        let mut archive: BTreeMap<u64, Value> = BTreeMap::new();
        let (mut changes, mut revocations, mut clock) = (3, 0, 0);
        for step in steps {
            match step {
                Step::Change => {
                    changes += 1;
                    registry.instance(&json!({ "id": format!("i{changes}") }));
                }
                Step::Revoke(number) => {
                    revocations += 1;
                    clients[number].give_a_token_back(&mut registry);
                }
                Step::Export(limit) => {
                    for line in export(&mut registry, &format!("?limit={limit}")) {
                        let seq = line["seq"].as_u64().unwrap();
                        let before = archive.insert(seq, line.clone());
                        prop_assert!(before.is_none_or(|before| before == line), "it changed");
                    }
                }
                Step::ExportFrom(cursor) => {
                    // The caller does not keep these; an error is as good.
                    let _ = registry.handle("GET", &format!("/audit/export?cursor={cursor}&limit=1"), "");
                }
                Step::Confirm(through) => {
                    // As a caller who keeps what it got: only what it has.
                    let has = (1..=through).take_while(|seq| archive.contains_key(seq)).last().unwrap_or_default();
                    confirm(&mut registry, has);
                }
                Step::Prune(rows) => prune(&mut registry, Limits { rows, days: 1 }),
                Step::Wait(hours) => {
                    clock += hours;
                    registry.now = at(clock);
                }
            }
        }
        let stored = registry.store.audit_after(0, 10_000).unwrap();
        for line in stored {
            let line: Value = serde_json::from_str(&line.to_json()).unwrap();
            let seq = line["seq"].as_u64().unwrap();
            let before = archive.insert(seq, line.clone());
            prop_assert!(before.is_none_or(|before| before == line), "it changed after it was exported");
        }
        let counted: u64 = archive.values().filter_map(|line| line["changes"]["count"].as_u64()).sum();
        let creates = archive.values().filter(|line| line["action"] == "create").count();
        prop_assert_eq!((creates, counted), (changes, revocations));
        let all: Vec<u64> = archive.keys().copied().collect();
        prop_assert_eq!(&all, &(1..=all.len() as u64).collect::<Vec<_>>());
    }
}
