use super::*;

#[test]
fn a_batch_is_answered_as_core_answers_it() {
    let mut core = Core::default();
    core.add("a", "APPLIED", "bulk_1");
    add(&mut core, "b-1", 400, "APPLIED", "txn_b");
    add(&mut core, "b-2", 600, "APPLIED", "txn_b");
    let found = after(&mut core, &Work::Create(bulk(&[("a", 0), ("b", 2)], false)));
    assert_eq!(found.parts.total, 3);
    assert_eq!(found.answer.as_deref(), Some(r#"{"batch_id":"bulk_1","status":"applied","transaction_count":2}"#));
}

#[test]
fn a_queued_batch_is_named_by_what_its_transactions_were_queued_with() {
    let mut core = Core::default();
    core.add("a_1", "QUEUED", "txn_a");
    "bulk_7".clone_into(&mut core.last().queued_with);
    add_queued(&mut core, "b", "APPLIED", "bulk_7", "bulk_7");
    let found = after(&mut core, &Work::Create(bulk(&[("a", 1), ("b", 0)], true)));
    assert_eq!(found.answer.as_deref(), Some(r#"{"batch_id":"bulk_7","status":"applied","transaction_count":2}"#));
}

#[test]
fn a_batch_of_holds_is_in_flight_and_one_of_legs_alone_has_no_name() {
    let mut core = Core::default();
    core.add("a-1", "INFLIGHT", "txn_a");
    core.add("b-1", "INFLIGHT", "txn_b");
    let held = Create { inflight: true, ..bulk(&[("a", 1), ("b", 1)], false) };
    let found = after(&mut core, &Work::Create(held));
    assert_eq!(found.answer.as_deref(), Some(r#"{"status":"inflight","transaction_count":2}"#));
}

#[test]
fn of_a_batch_every_part_is_told_apart_and_what_has_no_trace_is_absent() {
    let mut core = Core::default();
    core.add("a", "APPLIED", "bulk_1");
    add(&mut core, "b-2", 400, "APPLIED", "txn_b");
    let id = core.add("c", "APPLIED", "bulk_1");
    give_back(&mut core, &id, "APPLIED");
    let found = after(&mut core, &Work::Create(bulk(&[("a", 0), ("b", 2), ("c", 0), ("d", 0), ("e", 3)], false)));
    assert_eq!((found.parts.extent(), found.parts.booked_of_total().as_str()), (Extent::Some, "2/8"));
    assert_eq!(kinds(&found)[0], strings(["a", "b-2"]));
    assert_eq!(kinds(&found)[1], strings(["b-1", "c", "d", "e-1", "e-2", "e-3"]));
    assert_eq!(kinds(&found)[2], strings(["c"]));
    assert_eq!(found.absent, strings(["d", "e"]));
}

#[test]
fn a_reference_that_a_batch_brings_twice_is_booked_once() {
    let mut core = Core::default();
    core.add("a", "APPLIED", "bulk_1");
    let found = after(&mut core, &Work::Create(bulk(&[("a", 0), ("a", 0)], false)));
    assert_eq!((found.parts.extent(), found.parts.booked.count, found.absent.len()), (Extent::Some, 1, 0));
    let mut core = Core::default();
    core.add("a-1", "APPLIED", "txn_a");
    let found = after(&mut core, &Work::Create(bulk(&[("a", 1), ("a-1", 0)], false)));
    assert_eq!((found.parts.extent(), found.parts.booked.count), (Extent::Some, 1));
}

#[test]
fn three_thousand_transactions_are_found_over_many_pages_and_questions() {
    let names: Vec<String> = (0..3_000).map(|number| format!("order/{number:04}")).collect();
    let items: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let mut core = Core::default();
    for name in &names {
        core.add(name, "APPLIED", "bulk_1");
    }
    let work = Work::Create(bulk(&items, false));
    let found = after(&mut core, &work);
    assert_eq!((found.parts.extent(), found.parts.booked.count), (Extent::All, 3_000));
    // Thirty pages, and the refunds of 3,000.
    assert_eq!(core.asked, 30 + 6);
    let mut core = Core::default();
    names.iter().filter(|name| !name.ends_with("77")).for_each(|name| drop(core.add(name, "APPLIED", "bulk_1")));
    let found = after(&mut core, &work);
    assert_eq!((found.parts.booked.count, found.absent.len()), (2_970, 30));
    assert_eq!((found.parts.missing.first.len(), found.parts.booked.first.len()), (30, 100));
}

#[test]
fn too_many_questions_are_no_answer() {
    let names: Vec<String> = (0..10_000).map(|number| format!("order-{number:05}")).collect();
    let items: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let mut look = LookUp::new(Work::Create(bulk(&items, false)), Purpose::After).unwrap();
    let mut asked = 0;
    // Pages of one row each, and always more to come.
    let page = |question: &str| {
        let question: serde_json::Value = serde_json::from_str(question).unwrap();
        let reference = question["filters"][0]["values"][0].as_str().unwrap().to_owned();
        let row = Stored { id: "txn_1".to_owned(), reference, currency: "USD".to_owned(), ..Stored::default() };
        format!(r#"{{"data":[{}],"total_count":100000}}"#, row.json())
    };
    while let Some(question) = look.question().map(Question::body) {
        asked += 1;
        if look.answered(200, Some(page(&question).as_bytes())).is_err() {
            break;
        }
    }
    assert_eq!(asked, 600);
}

mod before {
    use super::*;

    fn own(legs: usize, queued: bool) -> Work {
        Work::Create(create("R", false, legs, queued))
    }

    #[test]
    fn a_reference_of_the_caller_s_own_is_found_in_every_form() {
        for (stored, forms) in [("R", 0), ("R_q", 0), ("R-1", 2), ("R-2", 2), ("R_1", 2), ("R_2", 2), ("R_2_q", 2)] {
            for queued in [false, true] {
                let mut core = Core::default();
                core.add(stored, "REJECTED", "");
                let found = look(&mut core, &own(forms, queued), Purpose::Before);
                assert_eq!(found.parts.extent(), Extent::Some, "{stored}");
                assert_eq!(found.parts.reference_used.first, ["R"]);
            }
        }
        for stored in ["r", "R-3", "R2", "R_", "-1"] {
            let mut core = Core::default();
            core.add(stored, "APPLIED", "");
            let found = look(&mut core, &own(2, false), Purpose::Before);
            assert_eq!(found.parts.extent(), Extent::None, "{stored}");
        }
    }

    #[test]
    fn what_was_made_here_is_not_asked_for() {
        let mut work = bulk(&[("a", 0), ("b", 2), ("c", 0)], true);
        work.items[1].made = false;
        let mut core = Core::default();
        core.add("a", "APPLIED", "");
        let found = look(&mut core, &Work::Create(work.clone()), Purpose::Before);
        assert_eq!((found.parts.extent(), found.parts.total), (Extent::None, 1));
        let question = LookUp::new(Work::Create(work), Purpose::Before).unwrap().question().unwrap().body();
        assert!(question.contains("\"b_2_q\"") && !question.contains("\"a\"") && !question.contains("\"c\""));
    }

    #[test]
    fn the_first_page_with_a_row_is_enough() {
        let names: Vec<String> = (0..3_000).map(|number| format!("order-{number:04}")).collect();
        let items: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 0)).collect();
        let mut work = bulk(&items, false);
        work.items.iter_mut().for_each(|item| item.made = false);
        let mut core = Core::default();
        for name in names.iter().skip(2_000) {
            core.add(name, "APPLIED", "");
        }
        let found = look(&mut core, &Work::Create(work), Purpose::Before);
        assert_eq!((found.parts.extent(), found.parts.reference_used.count), (Extent::Some, 100));
        assert!(core.asked < 9, "{}", core.asked);
    }
}

mod not_core_s_word {
    use super::*;

    #[test]
    fn what_is_not_plainly_core_s_own_word_is_no_answer() {
        let foreign = Stored { id: "txn_1".to_owned(), reference: "x".to_owned(), ..Stored::default() }.json();
        let foreign = format!(r#"{{"data":[{foreign}],"total_count":1}}"#);
        for (status, body) in
            [(500, r#"{"data":[]}"#), (404, r#"{"data":[]}"#), (200, foreign.as_str()), (200, "<html>")]
        {
            let mut look = LookUp::new(single(false), Purpose::After).unwrap();
            look.question().unwrap();
            assert_eq!(look.answered(status, Some(body.as_bytes())), Err(NotAnswered), "{status} {body}");
        }
    }

    #[test]
    fn a_page_that_is_too_large_is_asked_for_again_in_smaller_ones() {
        let mut core = Core::default();
        core.add("r", "APPLIED", "");
        let mut look = LookUp::new(single(false), Purpose::After).unwrap();
        look.question().unwrap();
        look.answered(200, None).unwrap();
        while let Some(question) = look.question().map(Question::body) {
            look.answered(200, Some(&core.answer(&question))).unwrap();
        }
        assert_eq!(look.finding().parts.extent(), Extent::All);
    }

    #[test]
    fn an_answer_that_was_not_asked_for_is_none() {
        assert_eq!(LookUp::new(single(false), Purpose::After).unwrap().answered(200, Some(b"{}")), Err(NotAnswered));
    }
}
