use blnk_edge::admin::Content;
use blnk_edge::clock::Timestamp;
use blnk_edge::error::Error;
use blnk_edge::registry::InstanceStatus;
use serde_json::json;

use crate::registry::{START, TestRegistry};

#[test]
fn a_new_instance_is_shown_whole_with_its_id_first_and_no_secret() {
    let mut registry = TestRegistry::new();
    let body = json!({ "name": "Main", "base_url": "https://core.example.com/", "core_key": "master-key" });
    let (status, text) = registry.text("POST", "/instances", &body.to_string());
    assert_eq!(status, 201);
    let expected = concat!(
        r#"{"id":"instance_01010101-0101-4101-8101-010101010101","name":"Main","workspace":"default","#,
        r#""base_url":"https://core.example.com","profile":"extended","timeout_ms":30000,"#,
        r#""upload_timeout_ms":300000,"default_precision":100,"zero_precision":"pass","has_access":false,"#,
        r#""sealing_key":"66687aad","status":"active","revision":1,"published":false,"#,
        r#""created_at":"2026-11-21T00:00:00.000Z","updated_at":"2026-11-21T00:00:00.000Z"}"#
    );
    assert_eq!(text, expected);
}

#[test]
fn every_field_of_a_new_instance_can_be_given() {
    let mut registry = TestRegistry::new();
    let given = json!({
        "id": "instance_a", "name": "Hauptbuch ä", "workspace": "team-a",
        "base_url": "https://core.example.com:8443/blnk",
        "profile": "documented", "timeout_ms": 1000, "upload_timeout_ms": 2000, "default_precision": "require",
        "zero_precision": "refuse",
    });
    let mut body = given.clone();
    body["core_key"] = "k".into();
    body["access"] = json!({ "client_id": "c.access", "client_secret": "s" });
    let shown = registry.instance(&body);
    for (field, value) in given.as_object().unwrap() {
        assert_eq!(shown[field], *value, "{field}");
    }
    assert_eq!(shown["has_access"], true);
    let core = registry.stored_instance("instance_a").open_core(&registry.sealer, false).unwrap();
    let access = core.access.unwrap();
    assert_eq!([core.key.expose(), access.client_id.expose(), access.client_secret.expose()], ["k", "c.access", "s"]);
}

#[test]
fn the_stored_record_is_what_the_request_path_opens() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let stored = registry.stored_instance("a");
    assert!(stored.open(&registry.sealer, false).unwrap().core.is_some());
    assert!(!stored.to_json().contains("master-key"));
}

#[test]
fn every_fault_of_a_new_instance_is_named_at_once_and_nothing_is_made() {
    let mut registry = TestRegistry::new();
    let body = json!({
        "id": "a b", "name": "", "base_url": "http://core.example.com", "workspace": "", "profile": "all",
        "timeout_ms": 999, "upload_timeout_ms": 300_001, "default_precision": 0, "zero_precision": "x",
        "access": { "client_id": "" , "token": "x" }, "colour": "red", "status": "paused",
    });
    let faults = registry.faults("POST", "/instances", &body);
    let fields: Vec<&str> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "id",
            "name",
            "core_key",
            "workspace",
            "access.client_id",
            "access.client_secret",
            "access.token",
            "profile",
            "timeout_ms",
            "upload_timeout_ms",
            "default_precision",
            "zero_precision",
            "base_url",
            "colour",
            "status",
        ]
    );
}

#[test]
fn an_insecure_core_is_refused_unless_it_is_allowed() {
    for url in ["http://core.example.com", "https://10.0.0.1", "https://localhost:5001", "http://127.0.0.1:5001"] {
        let mut registry = TestRegistry::new();
        let body = json!({ "name": "n", "base_url": url, "core_key": "k" });
        assert_eq!(registry.faults("POST", "/instances", &body).len(), 1, "{url}");
        registry.allow_insecure_core = true;
        assert_eq!(registry.done("POST", "/instances", &body).0, 201, "{url}");
    }
}

#[test]
fn an_id_is_taken_for_ever() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let again = json!({ "id": "a", "name": "n", "base_url": "https://b.example", "core_key": "k" }).to_string();
    assert!(matches!(registry.refused("POST", "/instances", &again), Error::AdminConflict { .. }));
    registry.done("DELETE", "/instances/a", &json!({}));
    assert!(matches!(registry.refused("POST", "/instances", &again), Error::AdminConflict { .. }));
}

#[test]
fn the_name_of_a_path_is_no_id() {
    let body = json!({ "id": "reseal", "name": "n", "base_url": "https://b.example", "core_key": "k" });
    assert_eq!(TestRegistry::new().faults("POST", "/instances", &body).len(), 1);
}

#[test]
fn a_change_touches_only_what_it_names() {
    let mut registry = TestRegistry::new();
    let before = registry.instance(&json!({ "id": "a", "timeout_ms": 5000 }));
    registry.now = Timestamp::from_millis(START + 1_000);
    let (status, after) = registry.done("PATCH", "/instances/a", &json!({ "name": "Other", "status": "paused" }));
    assert_eq!(status, 200);
    let mut expected = before;
    expected["name"] = "Other".into();
    expected["status"] = "paused".into();
    expected["revision"] = 2.into();
    expected["updated_at"] = "2026-11-21T00:00:01.000Z".into();
    assert_eq!(after, expected);
    assert_eq!(registry.stored_instance("a").status, InstanceStatus::Paused);
}

#[test]
fn a_change_that_changes_nothing_makes_no_revision() {
    let mut registry = TestRegistry::new();
    let before = registry.instance(&json!({ "id": "a" }));
    let same = json!({ "name": "Main", "base_url": "https://core.example.com/", "status": "active", "access": null });
    let handled = registry.handle("PATCH", "/instances/a", &same.to_string()).unwrap();
    assert!(handled.changed.is_empty());
    assert_eq!(registry.show("/instances/a"), before);
    assert_eq!(registry.show("/audit")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_new_address_must_bring_its_own_secrets() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a", "access": { "client_id": "c", "client_secret": "s" } }));
    let faults = registry.faults("PATCH", "/instances/a", &json!({ "base_url": "https://evil.example" }));
    assert_eq!(faults.len(), 2);
    assert!(faults[0].starts_with("core_key is required") && faults[1].starts_with("access is required"));
    let moved = json!({ "base_url": "https://new.example", "core_key": "new-key", "access": null });
    let (_, shown) = registry.done("PATCH", "/instances/a", &moved);
    assert_eq!((&shown["base_url"], &shown["has_access"]), (&json!("https://new.example"), &json!(false)));
    let core = registry.stored_instance("a").open_core(&registry.sealer, false).unwrap();
    assert_eq!(core.key.expose(), "new-key");
    assert!(core.access.is_none());
}

#[test]
fn a_new_core_key_leaves_the_access_token_as_it_was() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a", "access": { "client_id": "c", "client_secret": "s" } }));
    registry.done("PATCH", "/instances/a", &json!({ "core_key": "k2" }));
    let core = registry.stored_instance("a").open_core(&registry.sealer, false).unwrap();
    assert_eq!((core.key.expose(), core.access.unwrap().client_secret.expose()), ("k2", "s"));
}

#[test]
fn neither_id_nor_workspace_nor_deletion_is_a_change() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let faults = registry.faults("PATCH", "/instances/a", &json!({ "id": "b", "workspace": "w", "status": "deleted" }));
    assert_eq!(faults.len(), 3);
    let nulls = json!({ "name": null, "core_key": null, "timeout_ms": null });
    assert_eq!(registry.faults("PATCH", "/instances/a", &nulls).len(), 3);
}

#[test]
fn a_deleted_instance_stays_as_a_tombstone_without_secrets() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a", "access": { "client_id": "c", "client_secret": "s" } }));
    let (status, shown) = registry.done("DELETE", "/instances/a", &json!({}));
    assert_eq!((status, &shown["status"], &shown["revision"]), (200, &json!("deleted"), &json!(2)));
    assert_eq!(registry.show("/instances/a"), shown);
    assert_eq!(registry.show("/instances")["data"], json!([]));
    let stored = registry.stored_instance("a");
    assert!(stored.access.is_none() && stored.core_key.key_id().is_none());
    assert!(stored.open(&registry.sealer, false).unwrap().core.is_none(), "it can be read and reaches nothing");
}

#[test]
fn a_deleted_instance_cannot_be_changed_or_checked_and_is_deleted_once() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.done("DELETE", "/instances/a", &json!({}));
    assert!(matches!(registry.refused("PATCH", "/instances/a", r#"{"status":"active"}"#), Error::AdminConflict { .. }));
    assert!(matches!(registry.refused("POST", "/instances/a/check", ""), Error::AdminConflict { .. }));
    assert_eq!(registry.done("DELETE", "/instances/a", &json!({})).1["revision"], 2);
}

#[test]
fn a_check_asks_the_edge_to_look_at_this_core() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let handled = registry.handle("POST", "/instances/a/check", "").unwrap();
    assert!(matches!(handled.answer, Content::Check(record) if &*record.id == "a"));
    assert!(handled.changed.is_empty());
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut registry = TestRegistry::new();
    for (method, path) in [
        ("GET", "/instances/x"),
        ("PATCH", "/instances/x"),
        ("DELETE", "/instances/x"),
        ("POST", "/instances/x/check"),
        ("GET", "/api-keys/x"),
        ("POST", "/api-keys/x/revoke"),
        ("GET", "/nothing"),
    ] {
        assert_eq!(registry.refused(method, path, ""), Error::AdminNotFound, "{method} {path}");
    }
    assert!(matches!(registry.refused("PUT", "/instances", ""), Error::AdminMethodNotAllowed { .. }));
}
