use std::num::NonZeroU64;

use super::*;

const LIMIT: usize = 5 << 20;

fn rule(default_precision: DefaultPrecision, zero_precision: ZeroPrecision) -> Rule {
    Rule { default_precision, zero_precision }
}

fn run(body: &str, shape: Shape, rule: Rule) -> Result<Enriched, BodyRefusal> {
    let mut next = 0;
    enrich(body.as_bytes(), shape, rule, LIMIT, move || {
        next += 1;
        [next; 16]
    })
}

/// The body that goes on, with each reference that was made as `R1`, `R2` and so on.
fn forwarded(body: &str, shape: Shape, rule: Rule) -> String {
    let done = run(body, shape, rule).unwrap();
    let text = done.body.map_or_else(|| body.to_owned(), |bytes| String::from_utf8(bytes).unwrap());
    (1..=9).fold(text, |text, number| {
        text.replace(&Reference::from_random([number; 16]).to_string(), &format!("R{number}"))
    })
}

fn single(body: &str) -> String {
    forwarded(body, Shape::Transaction, Rule::default())
}

fn bulk(body: &str) -> String {
    forwarded(body, Shape::Bulk, Rule::default())
}

#[test]
fn what_is_missing_is_added_before_the_closing_brace() {
    assert_eq!(single(r#"{"amount":12.5}"#), r#"{"amount":12.5,"precision":100,"reference":"R1"}"#);
    assert_eq!(single(r#"{"reference":"a"}"#), r#"{"reference":"a","precision":100}"#);
    assert_eq!(single(r#"{"precision":5}"#), r#"{"precision":5,"reference":"R1"}"#);
    assert_eq!(single(" { \"a\" : 1 \n} \t"), " { \"a\" : 1 \n,\"precision\":100,\"reference\":\"R1\"} \t");
}

#[test]
fn an_empty_object_gets_no_comma_first() {
    assert_eq!(single("{}"), r#"{"precision":100,"reference":"R1"}"#);
    assert_eq!(single("{ }"), r#"{ "precision":100,"reference":"R1"}"#);
}

#[test]
fn a_null_is_replaced_where_it_stands() {
    assert_eq!(
        single(r#"{"Reference": null ,"a":1,"PRECISION":null}"#),
        r#"{"Reference": "R1" ,"a":1,"PRECISION":100}"#
    );
    assert_eq!(single(r#"{"precision":null,"a":1}"#), r#"{"precision":100,"a":1,"reference":"R1"}"#);
}

#[test]
fn of_several_nulls_only_the_last_is_replaced() {
    assert_eq!(
        single(r#"{"precision":null,"precision":null,"reference":""}"#),
        r#"{"precision":null,"precision":100,"reference":""}"#
    );
}

#[test]
fn a_body_with_both_is_left_alone() {
    for body in [
        r#"{"precision":1,"reference":"a"}"#,
        r#"{"precision":1,"precision":null,"reference":"a","REFERENCE":null}"#,
        r#"{"preci\u017fion":0,"\u0072eference":""}"#,
        r#"{"precision":"x","reference":12}"#,
    ] {
        assert_eq!(run(body, Shape::Transaction, Rule::default()).unwrap().body, None, "{body}");
    }
}

#[test]
fn nothing_is_added_below_the_transaction() {
    assert_eq!(
        single(r#"{"meta_data":{"precision":null},"sources":[{"reference":null}]}"#),
        r#"{"meta_data":{"precision":null},"sources":[{"reference":null}],"precision":100,"reference":"R1"}"#
    );
}

#[test]
fn every_object_of_a_bulk_is_enriched_and_nothing_else_is() {
    assert_eq!(
        bulk(r#"{"precision":null,"transactions":[{},null,[{}],{"precision":2},"x"],"reference":null}"#),
        concat!(
            r#"{"precision":null,"transactions":[{"precision":100,"reference":"R1"},null,[{}],"#,
            r#"{"precision":2,"reference":"R2"},"x"],"reference":null}"#
        )
    );
    for body in [r"{}", r#"{"transactions":null}"#, r#"{"transactions":{}}"#, r#"{"a":{"transactions":[{}]}}"#] {
        assert_eq!(bulk(body), body);
    }
}

#[test]
fn the_references_made_for_a_bulk_are_told_by_index() {
    let done = run(r#"{"transactions":[{},null,{"reference":"a"},{}]}"#, Shape::Bulk, Rule::default()).unwrap();
    let References::Bulk(made) = done.references else { panic!("{:?}", done.references) };
    let expected = [(0, Reference::from_random([1; 16])), (3, Reference::from_random([2; 16]))];
    assert_eq!(made.kept().collect::<Vec<_>>(), expected);
}

#[test]
fn the_reference_that_core_will_see_is_told() {
    let told = |body| run(body, Shape::Transaction, Rule::default()).unwrap().references;
    assert_eq!(told(r"{}"), References::Made(Reference::from_random([1; 16])));
    assert_eq!(
        told(r#"{"reference":"a","Reference":"b\ud800\u0041\n","reference":null}"#),
        References::Given("b\u{fffd}A\n".to_owned())
    );
    assert_eq!(told(r#"{"reference":["a"]}"#), References::Unreadable);
}

#[test]
fn two_lists_of_transactions_are_ambiguous_whatever_they_hold() {
    for body in [
        r#"{"transactions":[{}],"Transactions":[{}]}"#,
        r#"{"transactions":null,"transactions":null}"#,
        r#"{"transactions":[{"precision":0}],"tran\u017factions":1,"transactions":2}"#,
    ] {
        let rule = rule(DefaultPrecision::Require, ZeroPrecision::Refuse);
        let offset = body.match_indices("\"tran").nth(1).or(body.match_indices("\"Tran").next()).unwrap().0;
        assert_eq!(run(body, Shape::Bulk, rule), Err(BodyRefusal::Ambiguous { offset }), "{body}");
    }
}

#[test]
fn a_required_precision_is_refused_by_the_first_item_without_one() {
    let require = rule(DefaultPrecision::Require, ZeroPrecision::Pass);
    assert_eq!(run("{}", Shape::Transaction, require), Err(BodyRefusal::PrecisionRequired { item: None }));
    let body = r#"{"transactions":[{"precision":0},null,{"precision":null},{}]}"#;
    assert_eq!(run(body, Shape::Bulk, require), Err(BodyRefusal::PrecisionRequired { item: Some(2) }));
    assert!(run(r#"{"precision":0}"#, Shape::Transaction, require).is_ok());
}

#[test]
fn a_zero_passes_or_counts_as_null_or_is_refused() {
    let add = DefaultPrecision::Add(NonZeroU64::new(1_000).unwrap());
    let body = r#"{"precision":-0.0e5,"precision":null,"reference":"a"}"#;
    let run = |rule| run(body, Shape::Transaction, rule);
    assert_eq!(run(rule(add, ZeroPrecision::Pass)).unwrap().body, None);
    let replaced = br#"{"precision":1000,"precision":null,"reference":"a"}"#;
    assert_eq!(run(rule(add, ZeroPrecision::Default)).unwrap().body.as_deref(), Some(&replaced[..]));
    assert_eq!(run(rule(add, ZeroPrecision::Refuse)), Err(BodyRefusal::ZeroPrecision { item: None }));
    let required = rule(DefaultPrecision::Require, ZeroPrecision::Default);
    assert_eq!(run(required), Err(BodyRefusal::PrecisionRequired { item: None }));
}

#[test]
fn a_zero_that_does_not_count_changes_nothing() {
    let refuse = rule(DefaultPrecision::default(), ZeroPrecision::Refuse);
    let body = r#"{"precision":0,"precision":7,"reference":"a","meta_data":{"precision":0}}"#;
    assert_eq!(run(body, Shape::Transaction, refuse).unwrap().body, None);
}

#[test]
fn core_splits_what_has_a_list_with_items_last() {
    let multi_leg = |body: &str| asked(body.as_bytes(), Shape::Transaction).unwrap().transactions[0].legs > 0;
    assert!(multi_leg(r#"{"sources":[{"identifier":"a"}]}"#));
    assert!(multi_leg(r#"{"Destination\u017f":null,"destinations":[ null]}"#));
    for body in [r"{}", "{\"sources\":[ \n]}", r#"{"sources":[1],"sources":null}"#, r#"{"source":[1]}"#] {
        assert!(!multi_leg(body), "{body}");
    }
}

#[test]
fn what_is_not_one_object_is_malformed_at_its_first_wrong_byte() {
    for (body, offset, expected) in [
        ("", 0, "an object"),
        (" [{}]", 1, "an object"),
        ("\u{feff}{}", 0, "an object"),
        ("{} {}", 3, "the end of the body"),
        ("{", 1, "a key in double quotes"),
        (r#"{"a":1,}"#, 7, "a key in double quotes"),
        (r#"{"a" 1}"#, 5, "`:`"),
        (r#"{"a":01}"#, 6, "`,` or `}`"),
        (r#"{"a":1.}"#, 7, "a digit"),
        (r#"{"a":nul}"#, 5, "`null`"),
        (r#"{"a":+1}"#, 5, "a value"),
        (r#"{"a":[1 2]}"#, 8, "`,` or `]`"),
        ("{\"a\":\"\n\"}", 6, "an escape in place of a control character"),
        (r#"{"a":"\x"}"#, 7, "a character that JSON lets escape"),
        (r#"{"a":"\u12g4"}"#, 10, "a hexadecimal digit"),
        (r#"{"a":"b"#, 7, "the end of the string"),
    ] {
        let refusal = BodyRefusal::Malformed { offset, expected };
        assert_eq!(run(body, Shape::Transaction, Rule::default()), Err(refusal), "{body}");
    }
}

#[test]
fn what_is_not_utf_8_is_malformed() {
    for (bytes, offset) in [(&b"{\"a\":\"\xc3\xa9\xff\"}"[..], 8), (b"{\"\xed\xa0\x80\":1}", 2), (b"{}\xff", 2)] {
        let done = enrich(bytes, Shape::Transaction, Rule::default(), LIMIT, || [0; 16]);
        assert!(matches!(done, Err(BodyRefusal::Malformed { offset: at, .. }) if at == offset), "{done:?}");
    }
}

#[test]
fn ten_thousand_levels_are_read_and_one_more_is_refused() {
    let nested = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(run(&nested(10_000), Shape::Transaction, Rule::default()).is_ok());
    let refusal = BodyRefusal::Malformed { offset: 10_004, expected: "at most 10,000 levels of nesting" };
    assert_eq!(run(&nested(10_001), Shape::Transaction, Rule::default()), Err(refusal));
}

#[test]
fn a_body_of_brackets_alone_is_refused_without_a_deep_stack() {
    let body = format!(r#"{{"a":{}"#, "[".repeat(LIMIT - 5));
    assert!(matches!(run(&body, Shape::Transaction, Rule::default()), Err(BodyRefusal::Malformed { .. })));
}

#[test]
fn the_limit_holds_before_and_after_the_additions() {
    let at = |body: &str, limit| enrich(body.as_bytes(), Shape::Bulk, Rule::default(), limit, || [0; 16]);
    assert_eq!(at("[", 0), Err(BodyRefusal::TooLarge { limit: 0 }));
    let body = format!(r#"{{"transactions":[{}{{}}]}}"#, "{},".repeat(999));
    let size = at(&body, LIMIT).unwrap().body.unwrap().len();
    assert!(at(&body, size).is_ok());
    assert_eq!(at(&body, size - 1), Err(BodyRefusal::TooLarge { limit: size - 1 }));
}

#[test]
fn a_long_zero_that_gives_way_makes_room_for_additions_before_it() {
    let default = rule(DefaultPrecision::default(), ZeroPrecision::Default);
    let zero = format!("0.{}", "0".repeat(500));
    let body = format!(r#"{{"transactions":[{{}},{{"precision":{zero},"reference":"a"}}]}}"#);
    let done = enrich(body.as_bytes(), Shape::Bulk, default, body.len(), || [0; 16]).unwrap();
    assert!(done.body.unwrap().len() < body.len());
}

#[test]
fn what_was_added_once_is_added_again_under_the_same_rule() {
    let first = rule(DefaultPrecision::Add(NonZeroU64::new(7).unwrap()), ZeroPrecision::Default);
    for body in [r"{}", r#"{"precision":0}"#, r#"{"precision":null}"#, r#"{"precision":5}"#] {
        let done = run(body, Shape::Transaction, first).unwrap();
        let random = done.references.made().unwrap().into_random();
        let again = enrich(body.as_bytes(), Shape::Transaction, first, LIMIT, || random);
        assert_eq!(again, Ok(done));
    }
}

#[test]
fn a_refusal_says_where_and_what() {
    let texts = [
        (BodyRefusal::Malformed { offset: 7, expected: "`:`" }, "the body cannot be read: expected `:` at byte 7"),
        (
            BodyRefusal::PrecisionRequired { item: Some(2) },
            "transactions[2] has no precision, and this instance requires one",
        ),
        (
            BodyRefusal::ZeroPrecision { item: None },
            "the precision of the transaction is zero, which Core would book as 1",
        ),
    ];
    for (refusal, text) in texts {
        assert_eq!(refusal.to_string(), text);
    }
}
