use super::super::tests::core::{Core, Row as Stored};
use super::super::work::tests::create;
use super::super::work::{Create, InflightAction};
use super::*;

/// Asks a Core all there is to ask.
fn look(core: &mut Core, work: &Work, purpose: Purpose) -> Finding {
    let mut look = LookUp::new(work, purpose).unwrap();
    while let Some(question) = look.question().map(Question::body) {
        look.answered(200, Some(&core.answer(&question))).unwrap();
    }
    look.finding()
}

fn after(core: &mut Core, work: &Work) -> Finding {
    look(core, work, Purpose::After)
}

/// The references of each kind, as far as they are not booked for good: missing, rolled back, rejected, used.
fn kinds(finding: &Finding) -> [&[String]; 5] {
    let Parts { booked, missing, rolled_back, rejected, reference_used, .. } = &finding.parts;
    [booked, missing, rolled_back, rejected, reference_used].map(|references| references.first.as_slice())
}

/// A create of one transaction with this reference.
fn single(queued: bool) -> Work {
    Work::Create(create("r", true, 0, queued))
}

fn legs(legs: usize, queued: bool) -> Work {
    Work::Create(create("r", true, legs, queued))
}

/// A batch of transactions: their references, and into how many legs each is split.
fn bulk(items: &[(&str, usize)], queued: bool) -> Create {
    let items = items.iter().flat_map(|(reference, legs)| create(reference, true, *legs, queued).items).collect();
    Create { bulk: true, items, ..create("", true, 0, queued) }
}

fn refund(id: &str) -> Work {
    Work::Refund { id: id.to_owned() }
}

fn inflight(id: &str, action: InflightAction) -> Work {
    Work::Inflight { id: id.to_owned(), action }
}

/// Stores a row of so many units.
fn add(core: &mut Core, reference: &str, units: u128, status: &str, parent: &str) -> String {
    let id = core.add(reference, status, parent);
    core.last().units = units;
    id
}

/// Gives a row back.
fn give_back(core: &mut Core, id: &str, status: &str) -> String {
    core.add(&format!("{id}_refund"), status, id)
}

/// Stores a row, and its outcome when its turn came.
fn add_queued(core: &mut Core, reference: &str, outcome: &str, parent: &str, queued_with: &str) -> [String; 2] {
    let id = core.add(reference, "QUEUED", parent);
    queued_with.clone_into(&mut core.last().queued_with);
    let done = core.add(&format!("{reference}_q"), outcome, &id);
    queued_with.clone_into(&mut core.last().queued_with);
    [id, done]
}

fn strings<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(str::to_owned)
}

mod creates {
    use super::*;

    #[test]
    fn a_rejection_is_seen_where_an_older_core_does_not_say_what_its_row_belongs_to() {
        let mut core = Core::default();
        add_queued(&mut core, "r", "REJECTED", "", "txn_000001");
        core.last().parent.clear();
        let found = after(&mut core, &single(true));
        assert_eq!(found.parts.rejected.first, ["r"]);
    }

    #[test]
    fn a_transaction_that_is_stored_is_found_and_is_the_answer() {
        for (queued, status) in [(false, "APPLIED"), (false, "INFLIGHT"), (true, "QUEUED"), (true, "SCHEDULED")] {
            let mut core = Core::default();
            core.add("other", "APPLIED", "");
            core.add("r", status, "");
            let json = core.last().json();
            let found = after(&mut core, &single(queued));
            assert_eq!((found.parts.extent(), found.answer), (Extent::All, Some(json)), "{status}");
            assert!(found.absent.is_empty());
        }
    }

    #[test]
    fn a_transaction_that_is_not_stored_is_missing_and_absent() {
        for work in [single(false), single(true)] {
            let found = after(&mut Core::default(), &work);
            assert_eq!((found.parts.extent(), found.answer), (Extent::None, None));
            assert_eq!((found.parts.missing.first, found.absent), (vec!["r".to_owned()], vec!["r".to_owned()]));
        }
    }

    #[test]
    fn a_queued_transaction_counts_until_it_is_refused() {
        for (outcome, extent) in [("APPLIED", Extent::All), ("INFLIGHT", Extent::All), ("REJECTED", Extent::Some)] {
            let mut core = Core::default();
            add_queued(&mut core, "r", outcome, "", "");
            let found = after(&mut core, &single(true));
            assert_eq!(found.parts.extent(), extent, "{outcome}");
            assert_eq!(found.parts.rejected.count, usize::from(outcome == "REJECTED"));
            assert_eq!((found.parts.missing.count, found.absent.len()), (found.parts.rejected.count, 0));
        }
    }

    #[test]
    fn what_was_refused_at_once_burns_its_reference() {
        let mut core = Core::default();
        core.add("r", "REJECTED", "");
        assert_eq!(after(&mut core, &single(false)).parts.rejected.first, ["r"]);
    }

    #[test]
    fn a_row_that_became_of_another_transaction_does_not_count() {
        let mut core = Core::default();
        core.add("r", "QUEUED", "");
        core.add("r_q", "REJECTED", "txn_of_somebody");
        assert_eq!(after(&mut core, &single(true)).parts.extent(), Extent::All);
    }

    #[test]
    fn legs_are_complete_by_their_amounts_in_whatever_order() {
        for amounts in [[100, 900], [900, 100], [500, 500]] {
            for (queued, mark, status) in [(false, '-', "APPLIED"), (true, '_', "QUEUED")] {
                let mut core = Core::default();
                for (leg, units) in (1..).zip(amounts) {
                    add(&mut core, &format!("r{mark}{leg}"), units, status, "txn_r");
                }
                let found = after(&mut core, &legs(2, queued));
                assert_eq!((found.parts.extent(), found.parts.total), (Extent::All, 2));
                assert!(found.answer.unwrap().contains(&format!("\"r{mark}1\"")));
            }
        }
    }

    #[test]
    fn legs_that_are_booked_the_other_way_are_another_s() {
        for (stored, queued) in [("r_1", false), ("r_2", false), ("r-1", true)] {
            let mut core = Core::default();
            add(&mut core, stored, 500, "APPLIED", "txn_r");
            let found = after(&mut core, &Work::Create(create("r", false, 2, queued)));
            assert_eq!((found.parts.extent(), found.parts.reference_used.count), (Extent::Some, 2), "{stored}");
            assert!(found.absent.is_empty());
            // Of a reference that was made here there is no other request.
            assert_eq!(after(&mut core, &legs(2, queued)).parts.extent(), Extent::None);
        }
        let mut core = Core::default();
        for leg in ["r_1", "r-1", "r-2"] {
            add(&mut core, leg, 500, "APPLIED", "txn_r");
        }
        assert_eq!(after(&mut core, &Work::Create(create("r", false, 2, false))).parts.extent(), Extent::All);
    }

    #[test]
    fn a_leg_that_is_missing_makes_it_a_part() {
        for (stored, missing) in [("r-1", "r-2"), ("r-2", "r-1")] {
            let mut core = Core::default();
            add(&mut core, stored, 500, "APPLIED", "txn_r");
            let found = after(&mut core, &legs(2, false));
            assert_eq!((found.parts.extent(), found.answer.clone()), (Extent::Some, None));
            assert_eq!(kinds(&found)[..2], [[stored.to_owned()], [missing.to_owned()]]);
        }
    }

    #[test]
    fn a_share_of_nothing_is_not_stored_and_not_missed() {
        for stored in [["r-1", "r-2"], ["r-1", "r-3"], ["r-2", "r-3"]] {
            let mut core = Core::default();
            for reference in stored {
                add(&mut core, reference, 500, "APPLIED", "txn_r");
            }
            let found = after(&mut core, &legs(3, false));
            assert_eq!((found.parts.extent(), found.parts.total), (Extent::All, 2), "{stored:?}");
        }
    }

    #[test]
    fn two_shares_of_one_balance_are_one_leg() {
        let body = concat!(
            r#"{"reference":"r","currency":"USD","amount":10,"precision":100,"skip_queue":true,"#,
            r#""sources":[{"identifier":"a","distribution":"40%"},{"identifier":"a","distribution":"left"}]}"#
        )
        .as_bytes();
        let work = Work::of_create(body, crate::enrich::Shape::Transaction, crate::enrich::Rule::default(), &[]);
        let mut core = Core::default();
        add(&mut core, "r-1", 1_000, "APPLIED", "txn_r");
        assert_eq!(after(&mut core, &work).parts.extent(), Extent::All);
    }

    #[test]
    fn a_row_of_another_currency_or_amount_is_a_stranger_s() {
        for (currency, units) in [("EUR", 1_000), ("USD", 999), ("USD", 10_000)] {
            for (work, reference) in [(single(false), "r"), (single(true), "r"), (legs(1, false), "r-1")] {
                let mut core = Core::default();
                add(&mut core, reference, units, "APPLIED", "");
                currency.clone_into(&mut core.last().currency);
                let found = after(&mut core, &work);
                assert_eq!((found.parts.extent(), found.answer.is_none()), (Extent::Some, true));
                assert_eq!(found.parts.reference_used.first, [reference], "{currency} {units}");
            }
        }
    }

    #[test]
    fn as_many_legs_of_another_amount_are_a_stranger_s() {
        let mut core = Core::default();
        add(&mut core, "r-1", 1_000, "APPLIED", "");
        add(&mut core, "r-2", 1_000, "APPLIED", "");
        assert_eq!(kinds(&after(&mut core, &legs(2, false)))[4], strings(["r-1", "r-2"]));
    }

    #[test]
    fn what_was_given_back_no_longer_stands() {
        for status in ["APPLIED", "QUEUED"] {
            let mut core = Core::default();
            let id = add(&mut core, "r-1", 400, "APPLIED", "");
            add(&mut core, "r-2", 600, "APPLIED", "");
            give_back(&mut core, &id, status);
            let found = after(&mut core, &legs(2, false));
            let [booked, missing, rolled_back, ..] = kinds(&found);
            assert_eq!([booked, missing, rolled_back], [["r-2"], ["r-1"], ["r-1"]], "{status}");
            assert_eq!(found.parts.extent(), Extent::Some);
        }
    }

    #[test]
    fn a_refund_that_was_refused_gives_nothing_back() {
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        let refund = give_back(&mut core, &id, "QUEUED");
        core.add(&format!("{id}_refund_q"), "REJECTED", &refund);
        assert_eq!(after(&mut core, &single(false)).parts.extent(), Extent::All);
    }

    #[test]
    fn of_a_queued_transaction_it_is_the_outcome_that_is_given_back() {
        let mut core = Core::default();
        let [_, done] = add_queued(&mut core, "r", "APPLIED", "", "");
        give_back(&mut core, &done, "QUEUED");
        assert_eq!(after(&mut core, &single(true)).parts.rolled_back.first, ["r"]);
    }

    #[test]
    fn a_hold_that_was_released_no_longer_stands() {
        let mut core = Core::default();
        let hold = core.add("r", "INFLIGHT", "");
        core.add("ref_1", "VOID", &hold);
        assert_eq!(after(&mut core, &single(false)).parts.rolled_back.first, ["r"]);
        let mut core = Core::default();
        let [_, hold] = add_queued(&mut core, "r", "INFLIGHT", "", "");
        core.add("ref_1", "VOID", &hold);
        assert_eq!(after(&mut core, &single(true)).parts.rolled_back.first, ["r"]);
        let mut core = Core::default();
        let hold = core.add("r", "INFLIGHT", "");
        core.add("ref_1", "APPLIED", &hold);
        assert_eq!(after(&mut core, &single(false)).parts.extent(), Extent::All);
    }

    #[test]
    fn nothing_tells_of_what_leaves_no_trace() {
        let other = Work::Other { made: Vec::new() };
        assert!(LookUp::new(&other, Purpose::After).is_none() && LookUp::new(&other, Purpose::Before).is_none());
        assert!(LookUp::new(inflight("txn_1", InflightAction::Void), Purpose::Before).is_none());
        assert!(LookUp::new(single(false), Purpose::Before).is_none());
    }
}

mod bulks;
mod others;
