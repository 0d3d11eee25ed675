use blnk_edge::clock::Timestamp;
use blnk_edge::error::Error;
use blnk_edge::token::ApiKey;
use serde_json::{Value, json};

use crate::registry::{START, TestRegistry};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START).plus_seconds(seconds)
}

fn opens(registry: &TestRegistry, shown: &Value, now: Timestamp) -> bool {
    let token = ApiKey::parse(shown["key"].as_str().unwrap()).unwrap();
    registry.stored_key(token.id()).accepts(&token.hash(), now)
}

#[test]
fn a_new_key_is_shown_whole_with_its_id_first_and_the_token_once() {
    let mut registry = TestRegistry::new();
    let (status, text) =
        registry.text("POST", "/api-keys", r#"{"name":"Checkout","scopes":["proxy:write","proxy:read"]}"#);
    assert_eq!(status, 201);
    let shown: Value = serde_json::from_str(&text).unwrap();
    let (id, key) = (shown["id"].as_str().unwrap(), shown["key"].as_str().unwrap());
    let expected = format!(
        concat!(
            r#"{{"id":"{id}","name":"Checkout","workspace":"default","scopes":["proxy:read","proxy:write"],"#,
            r#""instances":null,"default_instance":null,"expires_at":null,"previous_key_until":null,"#,
            r#""status":"active","revision":1,"published":false,"created_at":"2026-11-21T00:00:00.000Z","#,
            r#""updated_at":"2026-11-21T00:00:00.000Z","key":"{key}"}}"#
        ),
        id = id,
        key = key
    );
    assert_eq!(text, expected);
    assert!(opens(&registry, &shown, at(0)));
    assert_eq!(registry.show(&format!("/api-keys/{id}"))["key"], Value::Null);
    assert!(!registry.store.dump().contains(key), "the token itself is kept nowhere");
    assert!(!registry.show("/audit").to_string().contains(key));
}

#[test]
fn a_key_can_be_made_for_some_instances_and_an_end() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a", "workspace": "w" }));
    registry.instance(&json!({ "id": "b", "workspace": "w" }));
    let given = json!({
        "workspace": "w", "instances": ["a", "b"], "default_instance": "b", "expires_at": "2026-11-21T01:00:00+01:00",
    });
    // That is the present moment, written in another zone.
    let faults = registry.faults("POST", "/api-keys", &{
        let mut body = given.clone();
        body["name"] = "n".into();
        body["scopes"] = json!([]);
        body
    });
    assert_eq!(faults, ["expires_at must be in the future; to end a key now, revoke it"]);
    let mut later = given;
    later["expires_at"] = "2026-11-21T01:00:01+01:00".into();
    let shown = registry.key(&later);
    assert_eq!(shown["expires_at"], "2026-11-21T00:00:01.000Z");
    assert!(opens(&registry, &shown, at(0)) && !opens(&registry, &shown, at(1)));
    assert_eq!(registry.stored_key(shown["id"].as_str().unwrap()).default_instance.as_deref(), Some("b"));
}

#[test]
fn a_key_without_scopes_can_be_made_and_opens_nothing() {
    let mut registry = TestRegistry::new();
    assert_eq!(registry.key(&json!({ "scopes": [] }))["scopes"], json!([]));
}

#[test]
fn every_fault_of_a_new_key_is_named_at_once() {
    let mut registry = TestRegistry::new();
    let body = json!({
        "name": 7, "workspace": "w", "instances": ["nowhere"], "default_instance": "elsewhere", "expires_at": "soon",
        "status": "active", "secret": "mine",
    });
    let faults = registry.faults("POST", "/api-keys", &body);
    let fields: Vec<&str> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    let expected =
        ["name", "scopes", "expires_at", "instances", "default_instance", "default_instance", "secret", "status"];
    assert_eq!(fields, expected);
}

#[test]
fn a_key_names_only_instances_of_its_own_workspace_that_are_there() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.instance(&json!({ "id": "foreign", "workspace": "w" }));
    registry.instance(&json!({ "id": "gone" }));
    registry.done("DELETE", "/instances/gone", &json!({}));
    for id in ["foreign", "gone", "never"] {
        let body = json!({ "name": "n", "scopes": ["*"], "instances": ["a", id] });
        assert_eq!(registry.faults("POST", "/api-keys", &body).len(), 1, "{id}");
        let body = json!({ "name": "n", "scopes": ["*"], "default_instance": id });
        assert_eq!(registry.faults("POST", "/api-keys", &body).len(), 1, "{id}");
    }
}

#[test]
fn a_change_of_a_key_touches_only_what_it_names() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let made = registry.key(&json!({ "instances": ["a"], "expires_at": "2027-01-01T00:00:00.000Z" }));
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    let (_, shown) =
        registry.done("PATCH", &path, &json!({ "scopes": ["*"], "expires_at": null, "default_instance": "a" }));
    assert_eq!(shown["scopes"], json!(["*"]));
    assert_eq!(shown["expires_at"], Value::Null);
    assert_eq!((&shown["default_instance"], &shown["instances"]), (&json!("a"), &json!(["a"])));
    assert_eq!((&shown["name"], &shown["revision"]), (&json!("Checkout"), &json!(2)));
    assert!(opens(&registry, &made, at(0)), "the token stays");
    let (_, shown) = registry.done("PATCH", &path, &json!({ "instances": null }));
    assert_eq!(shown["instances"], Value::Null);
}

#[test]
fn a_key_whose_instance_was_deleted_can_still_be_renamed() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let made = registry.key(&json!({ "instances": ["a"] }));
    registry.done("DELETE", "/instances/a", &json!({}));
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(registry.done("PATCH", &path, &json!({ "name": "New" })).1["name"], "New");
}

#[test]
fn the_default_instance_stays_one_of_the_keys_own() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.instance(&json!({ "id": "b" }));
    let made = registry.key(&json!({ "instances": ["a"], "default_instance": "a" }));
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    let expected = ["default_instance must be one of instances"];
    assert_eq!(registry.faults("PATCH", &path, &json!({ "instances": ["b"] })), expected);
    assert_eq!(registry.faults("PATCH", &path, &json!({ "default_instance": "b" })), expected);
    registry.done("PATCH", &path, &json!({ "instances": ["b"], "default_instance": "b" }));
}

#[test]
fn a_rotated_key_opens_beside_its_successor_until_the_grace_ends() {
    let mut registry = TestRegistry::new();
    let first = registry.key(&json!({}));
    let path = format!("/api-keys/{}/rotate", first["id"].as_str().unwrap());
    let (status, second) = registry.done("POST", &path, &json!({ "grace_seconds": 60 }));
    assert_eq!((status, &second["id"]), (200, &first["id"]));
    assert_eq!(second["previous_key_until"], "2026-11-21T00:01:00.000Z");
    assert!(opens(&registry, &first, at(59)) && !opens(&registry, &first, at(60)));
    assert!(opens(&registry, &second, at(1_000_000)));
}

#[test]
fn a_key_that_was_rotated_twice_keeps_the_last_two_secrets_only() {
    let mut registry = TestRegistry::new();
    let first = registry.key(&json!({}));
    let path = format!("/api-keys/{}/rotate", first["id"].as_str().unwrap());
    let (_, second) = registry.done("POST", &path, &json!({ "grace_seconds": 600 }));
    let (_, third) = registry.done("POST", &path, &json!({ "grace_seconds": 60 }));
    assert!(!opens(&registry, &first, at(1)) && opens(&registry, &second, at(1)) && opens(&registry, &third, at(1)));
    assert!(!opens(&registry, &second, at(60)));
}

#[test]
fn a_rotation_without_grace_ends_the_old_key_at_once() {
    let mut registry = TestRegistry::new();
    let first = registry.key(&json!({}));
    let path = format!("/api-keys/{}/rotate", first["id"].as_str().unwrap());
    let (_, text) = registry.text("POST", &path, "");
    assert!(!opens(&registry, &first, at(0)));
    assert!(opens(&registry, &serde_json::from_str(&text).unwrap(), at(0)));
    assert_eq!(registry.faults("POST", &path, &json!({ "grace_seconds": 2_592_001, "x": 1 })).len(), 2);
}

#[test]
fn a_revoked_key_is_revoked_for_good_and_stays_listed() {
    let mut registry = TestRegistry::new();
    let made = registry.key(&json!({}));
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    let (_, shown) = registry.done("POST", &format!("{path}/revoke"), &json!({}));
    assert_eq!((&shown["status"], &shown["revision"]), (&json!("revoked"), &json!(2)));
    assert!(!opens(&registry, &made, at(0)));
    assert_eq!(registry.show("/api-keys")["data"].as_array().unwrap().len(), 1);
    for (method, target) in [("PATCH", path.clone()), ("POST", format!("{path}/rotate"))] {
        assert!(matches!(registry.refused(method, &target, "{}"), Error::AdminConflict { .. }), "{target}");
    }
    let again = registry.handle("POST", &format!("{path}/revoke"), "").unwrap();
    assert!(again.changed.is_empty(), "once is enough");
}

#[test]
fn a_deleted_key_is_a_tombstone_that_nothing_revives() {
    let mut registry = TestRegistry::new();
    let made = registry.key(&json!({}));
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    registry.done("POST", &format!("{path}/revoke"), &json!({}));
    assert_eq!(registry.done("DELETE", &path, &json!({})).1["status"], "deleted");
    assert_eq!(registry.show(&path)["status"], "deleted");
    assert_eq!(registry.show("/api-keys")["data"], json!([]));
    assert!(!opens(&registry, &made, at(0)));
    for action in ["revoke", "rotate"] {
        let error = registry.refused("POST", &format!("{path}/{action}"), "");
        assert!(matches!(error, Error::AdminConflict { .. }), "{action}");
    }
}
