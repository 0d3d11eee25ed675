use super::*;

fn question(references: &[&str]) -> Question {
    let references: Vec<String> = references.iter().map(|&reference| reference.to_owned()).collect();
    Question::references(&references).next().unwrap()
}

fn row(reference: &str) -> String {
    format!(
        concat!(
            r#"{{"precise_amount":1000,"amount":1e1,"transaction_id":"txn_{0}","#,
            r#""parent_transaction":"","reference":"{0}","#,
            r#""currency":"USD","status":"APPLIED","meta_data":{{"QUEUED_PARENT_TRANSACTION":"txn_0","x":1}}}}"#
        ),
        reference
    )
}

fn page(rows: &[String], total: usize) -> Vec<u8> {
    format!(r#"{{"data":[{}],"total_count":{total}}}"#, rows.join(",")).into_bytes()
}

#[test]
fn a_question_names_every_value_and_orders_the_pages() {
    assert_eq!(
        question(&["a/\"b"]).body(),
        concat!(
            r#"{"filters":[{"field":"reference","operator":"in","values":["a/\"b"]}],"#,
            r#""logical_operator":"and","sort_by":"reference","sort_order":"asc","#,
            r#""limit":100,"offset":0,"include_count":true}"#
        )
    );
    let family = Question::of(Wanted::Family("txn_1".to_owned())).body();
    assert!(family.contains(r#""logical_operator":"or""#) && family.matches("\"txn_1\"").count() == 3, "{family}");
    let voids = Question::children(&["txn_1".to_owned()], Some("VOID")).next().unwrap().body();
    assert!(voids.contains(r#"{"field":"status","operator":"eq","value":"VOID"}"#), "{voids}");
}

#[test]
fn many_values_are_asked_for_in_several_questions() {
    let references: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
    assert_eq!(Question::references(&references).count(), 3);
    assert_eq!(Question::references(&[]).count(), 0);
}

#[test]
fn pages_follow_each_other_until_all_rows_are_there() {
    let (rows, next) = question(&["a", "b"]).answered(200, Some(&page(&[row("a")], 2))).unwrap();
    assert_eq!((rows[0].id.as_str(), rows[0].units.as_str()), ("txn_a", "1000"));
    assert_eq!((rows[0].queued_with.as_deref(), &rows[0].json), (Some("txn_0"), &None));
    let next = next.unwrap();
    assert!(next.body().contains("\"offset\":1"));
    let (rows, next) = next.answered(200, Some(&page(&[row("b")], 2))).unwrap();
    assert!(rows.len() == 1 && next.is_none());
    let (rows, next) = question(&["a"]).answered(200, Some(br#"{"data":[]}"#)).unwrap();
    assert!(rows.is_empty() && next.is_none());
}

#[test]
fn a_row_is_kept_as_core_wrote_it_only_where_that_is_asked_for() {
    let (rows, _) = Question::whole("a".to_owned()).answered(200, Some(&page(&[row("a")], 1))).unwrap();
    assert_eq!(rows[0].json, Some(row("a")));
}

#[test]
fn an_amount_below_zero_is_one_too() {
    let negative = row("a").replace(":1000", ":-5");
    let (rows, _) = question(&["a"]).answered(200, Some(&page(&[negative], 1))).unwrap();
    assert_eq!(rows[0].units, "-5");
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let mut question = question(&["a"]);
    for limit in [10, 1] {
        question = question.answered(200, None).unwrap().1.unwrap();
        assert!(question.body().contains(&format!("\"limit\":{limit},")));
    }
    assert_eq!(question.answered(200, None).unwrap_err(), NotAnswered);
}

#[test]
fn only_core_s_own_word_counts() {
    let good = String::from_utf8(page(&[row("a")], 1)).unwrap();
    for (status, body) in [
        (500, good.clone()),
        (401, good.clone()),
        (404, r#"{"data":[]}"#.to_owned()),
        (302, r#"{"data":[]}"#.to_owned()),
        (200, "[]".to_owned()),
        (200, "{}".to_owned()),
        (200, "<html>".to_owned()),
        (200, String::new()),
        (200, good.replace("\"total_count\":1", "\"x\":1")),
        (200, good.replace("\"reference\":\"a\"", "\"reference\":\"A\"")),
        (200, good.replace("\"txn_a\"", "\"\"")),
        (200, good.replace(":1000", ":\"1000\"")),
        (200, good.replace(":1000", ":null")),
    ] {
        assert_eq!(
            question(&["a"]).answered(status, Some(body.as_bytes())).unwrap_err(),
            NotAnswered,
            "{status} {body}"
        );
    }
    assert!(question(&["a"]).answered(200, Some(good.as_bytes())).is_ok());
}

#[test]
fn a_refund_is_known_by_what_it_refunds() {
    let with = |reference: &str, parent: &str| {
        let json =
            row(reference).replace("\"parent_transaction\":\"\"", &format!("\"parent_transaction\":\"{parent}\""));
        Row::read(&RawValue::from_string(json).unwrap(), false).unwrap()
    };
    assert!(with("txn_1_refund", "txn_1").is_refund());
    assert!(with("txn_1_refund_q", "txn_2").is_refund());
    assert!(!with("order_refund", "txn_1").is_refund());
    assert!(!with("order_refund_q", "txn_1").is_refund());
}
