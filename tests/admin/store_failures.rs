use blnk_edge::error::Error;
use blnk_edge::store::audit::{AuditAction, Change};
use blnk_edge::store::{RecordRow, Store};
use serde_json::json;

use crate::registry::TestRegistry;
use blnk_edge::registry::Kind;

#[test]
fn whatever_call_of_the_store_fails_nothing_is_half_done() {
    let create = json!({ "id": "b", "name": "n", "base_url": "https://b.example", "core_key": "k" }).to_string();
    let key = json!({ "name": "n", "scopes": ["*"], "instances": ["a"], "default_instance": "a" }).to_string();
    for (method, target, body) in [
        ("POST", "/instances", create.as_str()),
        ("PATCH", "/instances/a", r#"{"name":"Other"}"#),
        ("DELETE", "/instances/a", ""),
        ("POST", "/api-keys", key.as_str()),
        ("GET", "/instances", ""),
        ("GET", "/audit", ""),
        ("GET", "/audit/export", ""),
        ("POST", "/audit/exported", r#"{"through":0}"#),
    ] {
        let mut failures = 0;
        for calls in 0..10 {
            let mut registry = TestRegistry::new();
            registry.instance(&json!({ "id": "a" }));
            let before = registry.store.dump();
            registry.store.calls_left.set(Some(calls));
            let Err(failure) = registry.handle(method, target, body) else { break };
            assert_eq!(failure.error, Error::AdminUnavailable, "{method} {target}");
            assert!(failure.detail.is_some(), "the log says why");
            assert_eq!(registry.store.dump(), before, "{method} {target} after {calls} calls");
            failures += 1;
        }
        assert!((1..10).contains(&failures), "{method} {target}: {failures}");
    }
}

#[test]
fn a_record_that_cannot_be_read_is_named_in_the_log_and_not_shown() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let mut row = registry.store.row(Kind::Instance, "a").unwrap().unwrap();
    row = RecordRow { revision: 2, json: row.json.replacen("\"v\":1", "\"v\":2", 1), ..row };
    let change = Change { at: registry.now, actor: "x".into(), action: AuditAction::Update, changes: "{}".to_owned() };
    registry.store.write(&row, &change).unwrap();
    for (method, target) in [("GET", "/instances/a"), ("GET", "/instances"), ("PATCH", "/instances/a")] {
        let failure = match registry.handle(method, target, "{}") {
            Err(failure) => failure,
            Ok(handled) => match handled.answer {
                blnk_edge::admin::Content::Record(shown) => shown.body().unwrap_err(),
                other => panic!("{other:?}"),
            },
        };
        assert_eq!(failure.error, Error::AdminUnavailable);
        let detail = failure.detail.unwrap();
        assert_eq!(detail, "instance a: the record has version 2; this worker reads version 1");
    }
}

#[test]
fn a_body_that_is_not_one_object_or_repeats_a_field_is_refused() {
    let mut registry = TestRegistry::new();
    for body in ["[]", "x", "{\"name\":", "null", r#"{"name":"a"}{"name":"b"}"#] {
        assert!(matches!(registry.refused("POST", "/instances", body), Error::AdminInvalidRequest { .. }), "{body}");
    }
    let twice = r#"{"name":"a","name":"b","base_url":"https://b.example","core_key":"k"}"#;
    let Error::AdminInvalidRequest { fields } = registry.refused("POST", "/instances", twice) else { panic!() };
    assert_eq!(fields, [("name".to_owned(), "must be there once".to_owned())]);
}

#[test]
fn every_change_is_handed_over_to_be_published() {
    let mut registry = TestRegistry::new();
    let create = json!({ "id": "a", "name": "n", "base_url": "https://b.example", "core_key": "k" }).to_string();
    for (method, target, body) in [
        ("POST", "/instances", create.as_str()),
        ("PATCH", "/instances/a", r#"{"status":"paused"}"#),
        ("DELETE", "/instances/a", ""),
    ] {
        let handled = registry.handle(method, target, body).unwrap();
        assert_eq!(handled.changed, [(Kind::Instance, "a".to_owned())], "{method} {target}");
        assert_eq!(registry.store.unpublished(10).unwrap().len(), 1);
        let revision = registry.store.row(Kind::Instance, "a").unwrap().unwrap().revision;
        registry.store.mark_published(Kind::Instance, "a", revision).unwrap();
        assert!(registry.store.unpublished(10).unwrap().is_empty());
        assert_eq!(registry.show("/instances/a")["published"], true);
    }
}
