use blnk_edge::clock::Timestamp;
use blnk_edge::error::Error;
use blnk_edge::registry::{CredentialId, CredentialRecord, MAX_REVOKED, RevokedToken, TokenId, TokenRevocation};
use blnk_edge::store::Store;
use blnk_edge::token::client_secret_hash;
use serde_json::{Value, json};

use crate::registry::{START, TestRegistry};
use blnk_edge::registry::Kind;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START).plus_seconds(seconds)
}

fn client(registry: &mut TestRegistry, extra: &Value) -> Value {
    let mut body = json!({ "name": "App", "scopes": ["proxy:read"] });
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, record) = registry.done("POST", "/oauth-clients", &body);
    assert_eq!(status, 201);
    record
}

fn path(client: &Value) -> String {
    format!("/oauth-clients/{}", client["id"].as_str().unwrap())
}

fn stored(registry: &TestRegistry, client: &Value) -> CredentialRecord {
    let row = registry.store.row(Kind::OauthClient, client["id"].as_str().unwrap()).unwrap().unwrap();
    CredentialRecord::from_json(&row.json).unwrap()
}

fn knows(registry: &TestRegistry, client: &Value, secret: &Value, now: Timestamp) -> bool {
    stored(registry, client).knows(&client_secret_hash(secret.as_str().unwrap()).unwrap(), now)
}

/// Revokes a token as the Worker asks for it, and gives the record that it gets back.
fn revoke(registry: &mut TestRegistry, client: &Value, number: u8, issued_at: Timestamp) -> CredentialRecord {
    let revocation = TokenRevocation {
        client: CredentialId::parse(client["id"].as_str().unwrap()).unwrap(),
        token: RevokedToken { id: TokenId::from_bytes([number; 16]), until: at(3_600) },
        issued_at,
    };
    registry.revoke(revocation)
}

#[test]
fn a_new_client_is_shown_whole_with_its_id_first_and_its_secret_once() {
    let mut registry = TestRegistry::new();
    let (status, text) =
        registry.text("POST", "/oauth-clients", r#"{"name":"App","scopes":["proxy:write","proxy:read"]}"#);
    assert_eq!(status, 201);
    let shown: Value = serde_json::from_str(&text).unwrap();
    let (id, secret) = (shown["id"].as_str().unwrap(), shown["client_secret"].as_str().unwrap());
    let expected = format!(
        concat!(
            r#"{{"id":"{id}","client_id":"{id}","name":"App","workspace":"default","#,
            r#""scopes":["proxy:read","proxy:write"],"instances":null,"default_instance":null,"#,
            r#""token_ttl_seconds":3600,"tokens_ended_at":null,"revoked_tokens":0,"previous_secret_until":null,"#,
            r#""status":"active","revision":1,"published":false,"created_at":"2026-11-21T00:00:00.000Z","#,
            r#""updated_at":"2026-11-21T00:00:00.000Z","client_secret":"{secret}"}}"#
        ),
        id = id,
        secret = secret
    );
    assert_eq!(text, expected);
    assert!(knows(&registry, &shown, &shown["client_secret"], at(0)));
    assert_eq!(registry.show(&path(&shown))["client_secret"], Value::Null);
    assert!(!registry.store.dump().contains(secret), "the secret itself is kept nowhere");
    assert!(!registry.show("/audit").to_string().contains(secret));
    assert_eq!(registry.last_line()["kind"], "oauth_client");
}

#[test]
fn a_client_can_be_made_for_some_instances_and_a_lifetime() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a", "workspace": "w" }));
    let given = json!({ "workspace": "w", "instances": ["a"], "default_instance": "a", "token_ttl_seconds": 60 });
    let shown = client(&mut registry, &given);
    for (field, value) in given.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
    assert_eq!(stored(&registry, &shown).tokens.unwrap().ttl_seconds.seconds(), 60);
}

#[test]
fn every_fault_of_a_client_is_named_at_once() {
    let mut registry = TestRegistry::new();
    let faults = registry.faults(
        "POST",
        "/oauth-clients",
        &json!({
            "scopes": ["admin"], "instances": ["nowhere"], "default_instance": "other", "token_ttl_seconds": 59,
            "client_id": "mine", "status": "active", "expires_at": null,
        }),
    );
    let fields: Vec<&str> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    let expected = [
        "name",
        "scopes",
        "token_ttl_seconds",
        "instances",
        "default_instance",
        "default_instance",
        "client_id",
        "expires_at",
        "status",
    ];
    assert_eq!(fields, expected, "{faults:?}");
}

#[test]
fn a_client_is_changed_but_for_what_it_is() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let change = json!({ "name": "Other", "scopes": ["*"], "token_ttl_seconds": 86_400 });
    let (status, shown) = registry.done("PATCH", &path(&made), &change);
    assert_eq!((status, &shown["name"], &shown["revision"]), (200, &json!("Other"), &json!(2)));
    assert_eq!(shown["token_ttl_seconds"], 86_400);
    let fixed = json!({ "id": "x", "client_id": "x", "workspace": "w", "status": "deleted" });
    let faults = registry.faults("PATCH", &path(&made), &fixed);
    assert_eq!(
        faults,
        [
            "status must be \"active\" or \"disabled\"",
            "client_id cannot be changed",
            "id cannot be changed",
            "workspace cannot be changed",
        ]
    );
}

#[test]
fn a_disabled_client_loses_its_tokens_for_good_and_can_be_active_again() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let issued = at(0);
    let token = TokenId::from_bytes([1; 16]);
    assert!(stored(&registry, &made).tokens.unwrap().allow(token, issued));
    let (_, disabled) = registry.done("PATCH", &path(&made), &json!({ "status": "disabled" }));
    assert_eq!(disabled["status"], "disabled");
    assert!(!stored(&registry, &made).is_active(at(0)));
    let (_, again) = registry.done("PATCH", &path(&made), &json!({ "status": "active" }));
    assert_eq!((&again["status"], &again["tokens_ended_at"]), (&json!("active"), &json!("2026-11-21T00:00:05.000Z")));
    let record = stored(&registry, &made);
    assert!(record.is_active(at(0)) && knows(&registry, &made, &made["client_secret"], at(0)));
    let rules = record.tokens.unwrap();
    assert!(!rules.allow(token, issued), "an old token is not good again");
    assert!(rules.allow(token, rules.issue_time(at(0))), "a new one is good at once");
}

#[test]
fn a_token_that_was_issued_to_a_disabled_client_is_not_good_when_it_is_active_again() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    registry.done("PATCH", &path(&made), &json!({ "status": "disabled" }));
    registry.now = at(60);
    registry.done("PATCH", &path(&made), &json!({ "status": "active" }));
    // A Worker may issue one until it hears that the client is disabled.
    let rules = stored(&registry, &made).tokens.unwrap();
    assert!(!rules.allow(TokenId::from_bytes([1; 16]), at(20)));
    assert!(rules.allow(TokenId::from_bytes([1; 16]), at(66)));
}

#[test]
fn disabling_a_client_twice_changes_nothing_more() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let (_, first) = registry.done("PATCH", &path(&made), &json!({ "status": "disabled" }));
    registry.now = at(60);
    let (_, second) = registry.done("PATCH", &path(&made), &json!({ "status": "disabled" }));
    assert_eq!(first, second);
}

#[test]
fn a_rotated_secret_is_accepted_until_its_grace_ends_and_shown_once() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let rotate = format!("{}/rotate", path(&made));
    let (status, rotated) = registry.done("POST", &rotate, &json!({ "grace_seconds": 60 }));
    assert_eq!((status, &rotated["previous_secret_until"]), (200, &json!("2026-11-21T00:01:00.000Z")));
    assert_eq!(rotated["key"], Value::Null);
    let (old, new) = (&made["client_secret"], &rotated["client_secret"]);
    assert!(knows(&registry, &made, old, at(59)) && knows(&registry, &made, new, at(59)));
    assert!(!knows(&registry, &made, old, at(60)) && knows(&registry, &made, new, at(60)));
    let line = registry.last_line();
    assert_eq!((&line["action"], &line["changes"]["client_secret"]), (&json!("rotate"), &json!("changed")));
    // Without a grace the old one is over at once.
    let (_, last) = registry.done("POST", &rotate, &json!({}));
    assert!(!knows(&registry, &made, new, at(0)) && knows(&registry, &made, &last["client_secret"], at(0)));
}

#[test]
fn a_deleted_client_keeps_no_secret_and_cannot_come_back() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let (status, deleted) = registry.done("DELETE", &path(&made), &json!({}));
    assert_eq!((status, &deleted["status"]), (200, &json!("deleted")));
    assert!(stored(&registry, &made).secrets.is_empty());
    assert!(!stored(&registry, &made).tokens.unwrap().allow(TokenId::from_bytes([1; 16]), at(0)));
    assert_eq!(registry.show("/oauth-clients")["data"], json!([]));
    assert_eq!(registry.show(&path(&made))["status"], "deleted");
    for (method, path, body) in
        [("PATCH", path(&made), r#"{"status":"active"}"#), ("POST", format!("{}/rotate", path(&made)), "{}")]
    {
        assert!(matches!(registry.refused(method, &path, body), Error::AdminConflict { .. }), "{method}");
    }
    assert_eq!(registry.done("DELETE", &path(&made), &json!({})).1, deleted);
}

#[test]
fn clients_and_keys_are_listed_apart() {
    let mut registry = TestRegistry::new();
    let key = registry.key(&json!({}));
    let made = client(&mut registry, &json!({}));
    let disabled = client(&mut registry, &json!({}));
    registry.done("PATCH", &path(&disabled), &json!({ "status": "disabled" }));
    let ids = |registry: &mut TestRegistry, target: &str| -> Vec<Value> {
        registry.show(target)["data"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect()
    };
    assert_eq!(ids(&mut registry, "/oauth-clients"), [disabled["id"].clone(), made["id"].clone()]);
    assert_eq!(ids(&mut registry, "/oauth-clients?status=active"), [made["id"].clone()]);
    assert_eq!(ids(&mut registry, "/api-keys"), [key["id"].clone()]);
    let crossed = registry.refused("GET", &format!("/api-keys/{}", made["id"].as_str().unwrap()), "");
    assert_eq!(crossed, Error::AdminNotFound);
}

#[test]
fn a_revoked_token_is_in_the_record_and_the_trail_shows_its_client_alone() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let record = revoke(&mut registry, &made, 7, at(0));
    assert_eq!(record.revision, 2);
    let rules = record.tokens.unwrap();
    assert!(!rules.allow(TokenId::from_bytes([7; 16]), at(0)) && rules.allow(TokenId::from_bytes([8; 16]), at(0)));
    let line = registry.last_line();
    assert_eq!((&line["action"], &line["id"]), (&json!("revoke_token"), &made["id"]));
    assert_eq!(line["changes"], json!({ "count": 1 }));
    let before = registry.store.dump();
    assert_eq!(revoke(&mut registry, &made, 7, at(0)).revision, 2, "once is enough");
    assert_eq!(registry.store.dump(), before);
}

#[test]
fn revoking_is_no_route_of_the_surface() {
    let mut registry = TestRegistry::new();
    for path in ["/oauth/revoke", "/../oauth/revoke", "/oauth-clients/x/revoke"] {
        assert_eq!(registry.refused("POST", path, "{}"), Error::AdminNotFound, "{path}");
    }
}

#[test]
fn a_record_stays_small_however_many_tokens_are_revoked() {
    let mut registry = TestRegistry::new();
    let made = client(&mut registry, &json!({}));
    let id = CredentialId::parse(made["id"].as_str().unwrap()).unwrap();
    for number in 0..=MAX_REVOKED as u128 {
        let token = RevokedToken { id: TokenId::from_bytes(number.to_be_bytes()), until: at(3_600) };
        let revocation = TokenRevocation { client: id.clone(), token, issued_at: at(0) };
        registry.revoke(revocation);
        assert!(registry.store.row(Kind::OauthClient, &id).unwrap().unwrap().json.len() < 40_000);
    }
    let shown = registry.show(&path(&made));
    assert_eq!((&shown["revoked_tokens"], &shown["tokens_ended_at"]), (&json!(0), &json!("2026-11-21T00:00:05.000Z")));
    let ended = json!({ "old": null, "new": "2026-11-21T00:00:05.000Z" });
    assert_eq!(registry.last_line()["changes"], json!({ "count": MAX_REVOKED + 1, "tokens_ended_at": ended }));
}
