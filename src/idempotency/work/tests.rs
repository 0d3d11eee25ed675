use super::*;

/// A create of one transaction of 10.00 USD.
pub fn create(reference: &str, made: bool, legs: usize, queued: bool) -> Create {
    let (currency, units) = ("USD".to_owned(), "1000".to_owned());
    let item = Item { reference: reference.to_owned(), made, legs, currency, units };
    Create { bulk: false, queued, atomic: false, inflight: false, rule: Rule::default(), items: vec![item] }
}

fn of(body: &str, shape: Shape) -> Work {
    Work::of_create(body.as_bytes(), shape, Rule::default(), &[])
}

#[test]
fn a_create_is_known_by_its_references_currencies_and_units() {
    let body = r#"{"reference":"r","currency":"USD","amount":10,"precision":100}"#;
    assert_eq!(of(body, Shape::Transaction), Work::Create(create("r", false, 0, true)));
    let legs = concat!(
        r#"{"reference":"r","currency":"USD","amount":10,"precision":100,"#,
        r#""skip_queue":true,"sources":[{"identifier":"a"},{"identifier":"b"}]}"#
    );
    assert_eq!(of(legs, Shape::Transaction), Work::Create(create("r", false, 2, false)));
}

#[test]
fn references_that_were_made_are_told_from_those_that_came() {
    let made = Reference::from_random([7; 16]);
    let body = format!(
        r#"{{"transactions":[{},{{"reference":"{made}","currency":"USD","amount":1}}]}}"#,
        r#"{"reference":"a","currency":"USD","amount":1}"#
    );
    let Work::Create(bulk) = Work::of_create(body.as_bytes(), Shape::Bulk, Rule::default(), &[made]) else {
        panic!("not a create")
    };
    assert_eq!(bulk.own_references().collect::<Vec<_>>(), ["a"]);
    assert_eq!(bulk.made_references().collect::<Vec<_>>(), [made]);
    let bulk = Work::Create(bulk);
    let claims = ["reference:a", "reference:a_q"];
    assert_eq!(bulk.claims(), claims);
    assert_eq!(bulk.claims_on(&["a".to_owned(), made.to_string(), "b".to_owned()]), claims);
    assert!(bulk.claims_on(&["b".to_owned()]).is_empty());
    assert_eq!(Work::Refund { id: "txn_1".to_owned() }.claims(), ["refund:txn_1"]);
}

#[test]
fn every_reference_under_which_core_stores_a_create_is_claimed() {
    let claims = |create: Create| Work::Create(create).claims().join(" ");
    assert_eq!(claims(create("r", false, 0, false)), "reference:r");
    assert_eq!(claims(create("r", false, 0, true)), "reference:r reference:r_q");
    assert_eq!(claims(create("r", false, 2, false)), "reference:r reference:r-1 reference:r-2");
    assert_eq!(claims(create("r", false, 1, true)), "reference:r reference:r_1 reference:r_1_q");
    assert_eq!(claims(create("r", true, 2, true)), "");
}

#[test]
fn a_request_that_names_a_reference_twice_collides_with_itself() {
    let batch = |references: [&str; 2], queued: bool| {
        let mut batch = create(references[0], false, 0, queued);
        batch.items.extend(create(references[1], false, 0, queued).items);
        names_twice(&Work::Create(Create { bulk: true, ..batch }).claims())
    };
    assert!(batch(["a", "a"], false) && batch(["a", "a_q"], true));
    assert!(!batch(["a", "b"], true) && !batch(["a", "a_q"], false));
}

#[test]
fn what_cannot_be_found_again_is_not_looked_for() {
    let with = |reference: &str| format!(r#"{{"reference":"{reference}","currency":"USD","amount":1}}"#);
    for body in [
        with(r"a\u0000"),
        with(&"x".repeat(4_097)),
        with("r").replace("\"r\"", "7"),
        with("r").replace(":1", ":\"1\""),
        "{}".to_owned(),
    ] {
        assert!(matches!(of(&body, Shape::Transaction), Work::Other { .. }), "{body}");
    }
    let item = with(&"x".repeat(4_000));
    let too_large = format!("{{\"transactions\":[{}]}}", vec![item; 400].join(","));
    assert!(matches!(of(&too_large, Shape::Bulk), Work::Other { .. }));
    assert!(matches!(of(r#"{"transactions":[]}"#, Shape::Bulk), Work::Other { .. }));
}

#[test]
fn a_dry_run_is_what_it_would_be_without_for_an_older_core_does_not_know_it() {
    let body = r#"{"reference":"r","currency":"USD","amount":10,"precision":100,"dry_run":true}"#;
    assert_eq!(of(body, Shape::Transaction), Work::Create(create("r", false, 0, true)));
    let refund = Work::of_other("/refund-transaction/:id", "/refund-transaction/txn_1", br#"{"dry_run":true}"#);
    assert_eq!(refund, Work::Refund { id: "txn_1".to_owned() });
}

#[test]
fn only_commits_and_voids_of_all_that_is_left_can_be_looked_for() {
    let of = |body: &str| Work::of_other("/transactions/inflight/:id", "/transactions/inflight/txn_1", body.as_bytes());
    let id = "txn_1".to_owned();
    assert_eq!(of(r#"{"status":"commit"}"#), Work::Inflight { id: id.clone(), action: InflightAction::Commit });
    assert_eq!(of(r#"{"status":"void"}"#), Work::Inflight { id: id.clone(), action: InflightAction::Void });
    for other in [r#"{"status":"commit","amount":1}"#, r#"{"status":"x"}"#, "{}", "", "[]"] {
        assert_eq!(of(other), Work::Other { made: Vec::new() }, "{other}");
    }
    assert_eq!(Work::of_other("/refund-transaction/:id", "/refund-transaction/txn_1", b""), Work::Refund { id });
    assert_eq!(Work::of_other("/ledgers", "/ledgers", b"{}"), Work::Other { made: Vec::new() });
}

#[test]
fn legs_are_stored_under_names_that_say_how_they_were_booked() {
    assert_eq!(create("r", false, 0, true).items[0].stored_as(true), ["r"]);
    assert_eq!(create("r", false, 2, true).items[0].stored_as(true), ["r_1", "r_2"]);
    assert_eq!(create("r", false, 2, true).items[0].stored_as(false), ["r-1", "r-2"]);
}
