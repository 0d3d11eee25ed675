use super::*;

mod refunds {
    use super::*;

    /// A transaction, queued with two legs that were carried out.
    fn two_legs(core: &mut Core) -> [String; 2] {
        ["r_1", "r_2"].map(|leg| add_queued(core, leg, "APPLIED", "txn_r", "txn_r")[1].clone())
    }

    /// What Core books of a refund at once: it keeps what the refunded row was queued with.
    fn refund_of_leg(core: &mut Core, leg: &str) -> String {
        let id = give_back(core, leg, "APPLIED");
        "txn_r".clone_into(&mut core.last().queued_with);
        id
    }

    #[test]
    fn the_refund_of_a_transaction_is_found_however_it_was_booked() {
        for status in ["APPLIED", "QUEUED"] {
            let mut core = Core::default();
            let id = core.add("r", "APPLIED", "");
            assert_eq!(after(&mut core, &refund(&id)).parts.extent(), Extent::None);
            give_back(&mut core, &id, status);
            let json = core.last().json();
            for purpose in [Purpose::Before, Purpose::After] {
                let found = look(&mut core, &refund(&id), purpose);
                // Only what may be an answer is asked for as a whole.
                let answer = Some(&json).filter(|_| purpose == Purpose::After);
                assert_eq!((found.parts.extent(), found.answer.as_ref()), (Extent::All, answer));
                assert_eq!(found.parts.booked.first, [format!("{id}_refund")]);
            }
        }
    }

    #[test]
    fn of_a_queued_transaction_what_became_of_it_is_refunded() {
        let mut core = Core::default();
        let [id, done] = add_queued(&mut core, "r", "APPLIED", "", "");
        core.rows.iter_mut().for_each(|row| id.clone_into(&mut row.queued_with));
        give_back(&mut core, &done, "APPLIED");
        id.clone_into(&mut core.last().queued_with);
        let found = after(&mut core, &refund(&id));
        assert_eq!((found.parts.extent(), found.parts.total), (Extent::All, 1));
    }

    #[test]
    fn a_refund_is_absent_where_nothing_of_it_can_come_late() {
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        assert_eq!(after(&mut core, &refund(&id)).absent, [id.as_str()]);
        give_back(&mut core, &id, "QUEUED");
        assert!(after(&mut core, &refund(&id)).absent.is_empty());
        two_legs(&mut core);
        assert!(after(&mut core, &refund("txn_r")).absent.is_empty());
    }

    #[test]
    fn refunds_of_legs_are_no_parts_of_their_own() {
        let mut core = Core::default();
        let legs = two_legs(&mut core);
        for leg in &legs {
            refund_of_leg(&mut core, leg);
        }
        let found = after(&mut core, &refund("txn_r"));
        assert_eq!((found.parts.extent(), found.parts.total), (Extent::All, 2));
    }

    #[test]
    fn one_leg_refunded_of_two_is_a_part() {
        let mut core = Core::default();
        let [first, second] = two_legs(&mut core);
        refund_of_leg(&mut core, &second);
        let found = look(&mut core, &refund("txn_r"), Purpose::Before);
        assert_eq!((found.parts.extent(), found.answer.clone()), (Extent::Some, None));
        assert_eq!(kinds(&found)[..2], [[format!("{second}_refund")], [format!("{first}_refund")]]);
    }

    #[test]
    fn a_refund_that_was_refunded_no_longer_stands() {
        for inherits in [false, true] {
            let mut core = Core::default();
            let [first, second] = two_legs(&mut core);
            let refunds = [first, second].map(|leg| refund_of_leg(&mut core, &leg));
            give_back(&mut core, &refunds[0], "APPLIED");
            if inherits {
                "txn_r".clone_into(&mut core.last().queued_with);
            }
            let found = after(&mut core, &refund("txn_r"));
            assert_eq!((found.parts.booked.count, found.parts.rolled_back.count, found.parts.total), (1, 1, 2));
        }
    }

    #[test]
    fn of_refunds_that_were_refunded_the_last_tells() {
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        let mut last = id.clone();
        for times in 1..=6 {
            last = give_back(&mut core, &last, "QUEUED");
            if times % 2 == 0 {
                let queued = core.last().clone();
                last = core.add(&format!("{}_q", queued.reference), "APPLIED", &queued.id);
            }
            let found = after(&mut core, &refund(&id));
            assert_eq!((found.parts.total, found.parts.booked.count), (1, times % 2), "{times}");
        }
    }

    #[test]
    fn a_refund_that_was_refused_does_not_stand() {
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        let queued = give_back(&mut core, &id, "QUEUED");
        core.add(&format!("{id}_refund_q"), "REJECTED", &queued);
        let found = after(&mut core, &refund(&id));
        assert_eq!((found.parts.extent(), found.parts.rejected.count), (Extent::Some, 1));
    }

    #[test]
    fn a_refund_can_itself_be_refunded_and_that_is_found_too() {
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        let first = give_back(&mut core, &id, "APPLIED");
        assert_eq!(after(&mut core, &refund(&first)).parts.extent(), Extent::None);
        assert_eq!(after(&mut core, &refund(&first)).parts.total, 1);
        give_back(&mut core, &first, "APPLIED");
        assert_eq!(after(&mut core, &refund(&first)).parts.extent(), Extent::All);
        let mut core = Core::default();
        let id = core.add("r", "APPLIED", "");
        let queued = give_back(&mut core, &id, "QUEUED");
        let done = core.add(&format!("{id}_refund_q"), "APPLIED", &queued);
        give_back(&mut core, &done, "APPLIED");
        let found = after(&mut core, &refund(&queued));
        assert_eq!((found.parts.extent(), found.parts.total), (Extent::All, 1));
    }

    #[test]
    fn what_cannot_be_refunded_has_no_parts() {
        let mut core = Core::default();
        let hold = core.add("r", "INFLIGHT", "");
        for id in [hold.as_str(), "txn_nowhere"] {
            let found = after(&mut core, &refund(id));
            assert_eq!((found.parts.extent(), found.parts.total), (Extent::None, 0));
            assert_eq!(found.absent, [id]);
        }
        add_queued(&mut core, "s", "REJECTED", "", "");
        assert_eq!(after(&mut core, &refund("txn_000002")).parts.total, 0);
    }
}

mod holds {
    use super::InflightAction::{Commit, Void};
    use super::*;

    fn hold(core: &mut Core, reference: &str, units: u128) -> String {
        let id = add(core, reference, units, "INFLIGHT", "txn_r");
        "txn_r".clone_into(&mut core.last().queued_with);
        id
    }

    #[test]
    fn a_commit_is_found_by_what_was_booked_of_the_hold() {
        let mut core = Core::default();
        let id = hold(&mut core, "r", 1_000);
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::None);
        core.add("ref_1", "APPLIED", &id);
        let json = core.last().json();
        let found = after(&mut core, &inflight(&id, Commit));
        assert_eq!((found.parts.extent(), found.answer), (Extent::All, Some(json)));
        assert_eq!(after(&mut core, &inflight(&id, Void)).parts.extent(), Extent::None);
    }

    #[test]
    fn of_two_holds_both_must_be_committed() {
        let mut core = Core::default();
        let holds = [hold(&mut core, "r_1_q", 400), hold(&mut core, "r_2_q", 600)];
        add(&mut core, "ref_2", 600, "APPLIED", &holds[1]);
        let found = after(&mut core, &inflight("txn_r", Commit));
        assert_eq!((found.parts.extent(), found.answer.clone()), (Extent::Some, None));
        assert_eq!(kinds(&found)[..2], [["r_2_q"], ["r_1_q"]]);
        add(&mut core, "ref_1", 400, "APPLIED", &holds[0]);
        assert_eq!(after(&mut core, &inflight("txn_r", Commit)).parts.extent(), Extent::All);
    }

    #[test]
    fn several_commits_may_make_up_the_whole() {
        let mut core = Core::default();
        let id = hold(&mut core, "r", 1_000);
        add(&mut core, "ref_1", 300, "APPLIED", &id);
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::None);
        add(&mut core, "ref_2", 700, "APPLIED", &id);
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::All);
    }

    #[test]
    fn a_void_is_found_also_of_what_a_commit_left() {
        let mut core = Core::default();
        let id = hold(&mut core, "r", 1_000);
        add(&mut core, "ref_1", 300, "APPLIED", &id);
        assert_eq!(after(&mut core, &inflight(&id, Void)).parts.extent(), Extent::None);
        add(&mut core, "ref_2", 700, "VOID", &id);
        let json = core.last().json();
        let found = after(&mut core, &inflight(&id, Void));
        assert_eq!((found.parts.extent(), found.answer), (Extent::All, Some(json)));
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::None);
    }

    #[test]
    fn a_commit_that_was_refunded_was_carried_out_all_the_same() {
        let mut core = Core::default();
        let id = hold(&mut core, "r", 1_000);
        let commit = core.add("ref_1", "APPLIED", &id);
        give_back(&mut core, &commit, "APPLIED");
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::All);
        // The one that is refunded is the commit.
        assert_eq!(after(&mut core, &refund(&id)).parts.booked.first, [format!("{commit}_refund")]);
    }

    #[test]
    fn of_a_queued_hold_what_became_of_it_is_committed() {
        let mut core = Core::default();
        let [id, done] = add_queued(&mut core, "r", "INFLIGHT", "", "");
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.missing.first, ["r_q"]);
        core.add("ref_1", "APPLIED", &done);
        assert_eq!(after(&mut core, &inflight(&id, Commit)).parts.extent(), Extent::All);
    }
}
