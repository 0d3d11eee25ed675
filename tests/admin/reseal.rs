use blnk_edge::registry::seal::Sealer;
use serde_json::json;

use crate::registry::{TestRegistry, sealing_key};

#[test]
fn what_the_old_key_sealed_is_sealed_by_the_new_one_until_nothing_is_left() {
    let mut registry = TestRegistry::new();
    for n in 0..60 {
        registry.instance(&json!({ "id": format!("i{n}"), "access": { "client_id": "c", "client_secret": "s" } }));
    }
    registry.instance(&json!({ "id": "gone" }));
    registry.done("DELETE", "/instances/gone", &json!({}));
    registry.sealer = Sealer::new(sealing_key('B'), Some(sealing_key('A')));
    registry.instance(&json!({ "id": "new" }));
    let (_, first) = registry.done("POST", "/instances/reseal", &json!({}));
    assert_eq!(first, json!({ "resealed": 50, "left": 10, "unreadable": [] }));
    let second = registry.handle("POST", "/instances/reseal", "").unwrap();
    assert_eq!(second.changed.len(), 10, "each is published");
    let (_, third) = registry.done("POST", "/instances/reseal", &json!({}));
    assert_eq!(third, json!({ "resealed": 0, "left": 0, "unreadable": [] }));
    registry.sealer = Sealer::new(sealing_key('B'), None);
    for n in 0..60 {
        let core = registry.stored_instance(&format!("i{n}")).open_core(&registry.sealer, false).unwrap();
        assert_eq!((core.key.expose(), core.access.unwrap().client_secret.expose()), ("master-key", "s"));
    }
}

#[test]
fn a_resealed_instance_has_a_line_and_a_revision() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "a" }));
    registry.sealer = Sealer::new(sealing_key('B'), Some(sealing_key('A')));
    registry.done("POST", "/instances/reseal", &json!({}));
    assert_eq!(registry.show("/instances/a")["revision"], 2);
    let line = registry.last_line();
    assert_eq!((&line["action"], &line["changes"]["core_key"]), (&json!("reseal"), &json!("changed")));
}

#[test]
fn what_no_key_opens_is_named_and_left_as_it_is() {
    let mut registry = TestRegistry::new();
    registry.instance(&json!({ "id": "lost" }));
    registry.sealer = Sealer::new(sealing_key('B'), None);
    let before = registry.store.dump();
    let (_, answer) = registry.done("POST", "/instances/reseal", &json!({}));
    assert_eq!(answer, json!({ "resealed": 0, "left": 1, "unreadable": ["lost"] }));
    assert_eq!(registry.store.dump(), before);
}
