use serde_json::{Value, json};

use crate::registry::TestRegistry;

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[test]
fn a_list_goes_from_the_newest_on_page_by_page() {
    let mut registry = TestRegistry::new();
    for id in ["a", "b", "c", "d", "e"] {
        registry.instance(&json!({ "id": id }));
    }
    let first = registry.show("/instances?limit=2");
    assert_eq!(ids(&first), ["e", "d"]);
    registry.instance(&json!({ "id": "f" }));
    let second = registry.show(&format!("/instances?limit=2&cursor={}", first["cursor"].as_str().unwrap()));
    assert_eq!(ids(&second), ["c", "b"], "what is made meanwhile shifts no page");
    let last = registry.show(&format!("/instances?limit=2&cursor={}", second["cursor"].as_str().unwrap()));
    assert_eq!((ids(&last), &last["cursor"]), (vec!["a"], &Value::Null));
}

#[test]
fn a_list_shows_what_was_just_made_as_a_read_does() {
    let mut registry = TestRegistry::new();
    let made = registry.instance(&json!({ "id": "a" }));
    let expected = json!({ "data": [made], "cursor": null });
    assert_eq!(registry.show("/instances"), expected);
    assert_eq!(registry.show("/instances/a"), made);
}

#[test]
fn a_list_is_narrowed_by_workspace_and_status() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.instance(&json!({ "id": "b", "workspace": "w" }));
    registry.done("PATCH", "/instances/b", &json!({ "status": "paused" }));
    assert_eq!(ids(&registry.show("/instances?workspace=w")), ["b"]);
    assert_eq!(ids(&registry.show("/instances?status=active")), ["a"]);
    assert_eq!(ids(&registry.show("/instances?workspace=default&status=paused")), Vec::<&str>::new());
}

#[test]
fn a_list_of_keys_holds_no_instances_and_no_tokens() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let made = registry.key(&json!({}));
    let list = registry.show("/api-keys?status=active");
    assert_eq!(ids(&list), [made["id"].as_str().unwrap()]);
    assert!(!list.to_string().contains("\"key\""));
}

#[test]
fn parameters_are_refused_where_none_are_looked_at() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    assert_eq!(registry.faults("DELETE", "/instances/a?dry_run=true", &json!({})).len(), 1);
    assert_eq!(registry.faults("GET", "/instances?status=deleted", &json!({})).len(), 1);
}

#[test]
fn every_change_has_one_line_in_the_trail_newest_first() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.actor = "ci";
    registry.done("PATCH", "/instances/a", &json!({ "name": "Other", "core_key": "k2" }));
    let made = registry.key(&json!({}));
    let key = format!("/api-keys/{}", made["id"].as_str().unwrap());
    registry.done("POST", &format!("{key}/rotate"), &json!({}));
    registry.done("POST", &format!("{key}/revoke"), &json!({}));
    registry.done("DELETE", &key, &json!({}));
    registry.done("DELETE", "/instances/a", &json!({}));
    let trail = registry.show("/audit");
    let seen: Vec<String> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            format!("{} {} {} {}", line["seq"], text("actor"), text("action"), text("kind"))
        })
        .collect();
    let expected = [
        "7 ci delete instance",
        "6 ci delete api_key",
        "5 ci revoke api_key",
        "4 ci rotate api_key",
        "3 ci create api_key",
        "2 ci update instance",
        "1 ops create instance",
    ];
    assert_eq!(seen, expected);
    assert_eq!(trail["data"][6]["at"], "2026-11-21T00:00:00.000Z");
    let page = registry.show("/audit?limit=3&cursor=6");
    assert_eq!((&page["data"][0]["seq"], &page["cursor"]), (&json!(5), &json!("3")));
}

#[test]
fn a_line_shows_old_and_new_but_no_secret() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    let access = json!({ "client_id": "visible-id", "client_secret": "hidden-secret" });
    registry.done("PATCH", "/instances/a", &json!({ "name": "Other", "core_key": "k2-hidden", "access": access }));
    let expected = json!({
        "name": { "old": "Main", "new": "Other" },
        "has_access": { "old": false, "new": true },
        "core_key": "changed",
        "access": "changed",
    });
    assert_eq!(registry.last_line()["changes"], expected);
    let trail = registry.show("/audit").to_string();
    for secret in ["k2-hidden", "hidden-secret", "visible-id", "master-key", "v1."] {
        assert!(!trail.contains(secret), "{secret}");
    }
}

#[test]
fn reading_leaves_no_line() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.show("/instances/a");
    registry.show("/instances");
    registry.handle("POST", "/instances/a/check", "").unwrap();
    assert_eq!(registry.show("/audit")["data"].as_array().unwrap().len(), 1);
}
