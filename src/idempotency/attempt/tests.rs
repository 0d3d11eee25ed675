use super::super::ending::Left;
use super::super::work::tests::create;
use super::super::work::{InflightAction, Work};
use super::*;
use crate::outcome::{Part, Parts};

use Ending::{
    AlreadyRefunded, Answered, Found, Lost, NotActed, OutcomeUnknown, Partial, ReferenceUsed, RefundInFlight,
    Unchecked, Unclear, Unresolved,
};
use NextStep::{Claim, ClaimRows, Finish, Look, Send};

const BEFORE: NextStep = Look { purpose: Purpose::Before, times: 1 };
const AFTER: NextStep = Look { purpose: Purpose::After, times: 1 };
const PATIENTLY: NextStep = Look { purpose: Purpose::After, times: 3 };

fn made() -> Work {
    Work::Create(create("r", true, 0, false))
}

fn own() -> Work {
    Work::Create(create("r", false, 0, false))
}

fn legs() -> Work {
    Work::Create(create("r", true, 2, false))
}

fn atomic() -> Work {
    Work::Create(super::super::work::Create { atomic: true, ..create("r", true, 2, false) })
}

fn refund() -> Work {
    Work::Refund { id: "txn_1".to_owned() }
}

fn commit() -> Work {
    Work::Inflight { id: "txn_1".to_owned(), action: InflightAction::Commit }
}

fn other() -> Work {
    Work::Other { made: Vec::new() }
}

fn finding(found: &[Part]) -> Finding {
    let mut parts = Parts::default();
    for part in found {
        parts.add("r", *part);
    }
    Finding { parts, ..Finding::default() }
}

fn all() -> Finding {
    finding(&[Part::Booked, Part::Booked])
}

fn some() -> Finding {
    finding(&[Part::Booked, Part::Missing])
}

fn none() -> Finding {
    finding(&[Part::Missing])
}

const ANSWERS: [Option<Verdict>; 10] = [
    None,
    Some(Verdict::Done),
    Some(Verdict::Previewed),
    Some(Verdict::Queued),
    Some(Verdict::Duplicate),
    Some(Verdict::Refunded),
    Some(Verdict::Refused),
    Some(Verdict::Stopped),
    Some(Verdict::NotActed),
    Some(Verdict::Unclear),
];

/// What each of [`ANSWERS`] leads to.
fn after_sending(attempt: &Attempt) -> Vec<NextStep> {
    ANSWERS.iter().map(|verdict| attempt.clone().answered(*verdict)).collect()
}

fn answered(mut attempt: Attempt, verdict: Verdict) -> Attempt {
    let _ = attempt.answered(Some(verdict));
    attempt
}

#[test]
fn a_first_attempt_sends_at_once_unless_something_must_be_claimed() {
    for work in [made(), legs(), commit(), other()] {
        assert_eq!(Attempt::first(&work).start(), Send, "{work:?}");
    }
    for work in [own(), refund()] {
        assert_eq!(Attempt::first(&work).start(), Claim, "{work:?}");
    }
}

#[test]
fn a_reference_is_claimed_and_looked_for_before_it_is_sent() {
    let mut first = Attempt::first(&own());
    assert_eq!(first.claimed(Claimed::Granted), BEFORE);
    assert_eq!(first.claimed(Claimed::Taken), Finish(ReferenceUsed));
    assert_eq!(first.claimed(Claimed::Failed), Finish(Unchecked));
    assert_eq!(first.looked(Some(&none())), Send);
    for found in [all(), some(), finding(&[Part::ReferenceUsed]), finding(&[Part::RolledBack])] {
        assert_eq!(first.looked(Some(&found)), Finish(ReferenceUsed), "{found:?}");
    }
    assert_eq!(first.looked(None), Finish(Unchecked));
}

#[test]
fn of_a_transaction_one_refund_is_sent_and_no_other() {
    let mut first = Attempt::first(&refund());
    assert_eq!(first.claimed(Claimed::Granted), BEFORE);
    for sent in [none(), finding(&[]), finding(&[Part::RolledBack]), finding(&[Part::Rejected])] {
        assert_eq!(first.looked(Some(&sent)), Send, "{sent:?}");
    }
    for found in [all(), some()] {
        assert_eq!(first.looked(Some(&found)), Finish(AlreadyRefunded), "{found:?}");
    }
    assert_eq!(first.claimed(Claimed::Taken), BEFORE);
    assert_eq!(first.looked(Some(&all())), Finish(AlreadyRefunded));
    assert_eq!(first.looked(Some(&none())), Finish(RefundInFlight));
    assert_eq!(first.looked(None), Finish(Unchecked));
}

#[test]
fn a_refund_is_claimed_by_every_row_that_it_means_before_it_is_sent() {
    let mut first = Attempt::first(&refund());
    let legs = || Finding { meant: vec!["txn_2".to_owned(), "txn_3".to_owned()], ..none() };
    assert_eq!(first.claimed(Claimed::Granted), BEFORE);
    assert_eq!(first.looked(Some(&legs())), ClaimRows);
    assert_eq!(first.claimed_rows(Claimed::Granted), BEFORE);
    assert_eq!(first.looked(Some(&legs())), Send);
    assert_eq!(first.claimed_rows(Claimed::Taken), BEFORE);
    assert_eq!(first.looked(Some(&legs())), Finish(RefundInFlight));
    assert_eq!(first.claimed_rows(Claimed::Failed), Finish(Unchecked));
}

#[test]
fn a_request_that_names_a_reference_twice_is_refused_before_anything_is_claimed() {
    let mut twice = create("r", false, 0, true);
    twice.bulk = true;
    twice.items.extend(create("r", false, 0, true).items);
    assert_eq!(Attempt::first(&Work::Create(twice)).start(), Finish(ReferenceUsed));
}

#[test]
fn every_answer_to_a_first_attempt_ends_it_unless_something_may_be_booked_behind_a_refusal() {
    assert_eq!(
        after_sending(&Attempt::first(&other())),
        [Lost, Answered, Answered, Answered, Answered, Answered, Answered, Answered, NotActed, Unclear].map(Finish),
    );
    let works =
        [(made(), AFTER), (own(), AFTER), (legs(), AFTER), (refund(), AFTER), (commit(), AFTER), (atomic(), PATIENTLY)];
    for (work, look) in works {
        let (done, not_acted, unclear) = (Finish(Answered), Finish(NotActed), Finish(Unclear));
        assert_eq!(
            after_sending(&Attempt::first(&work)),
            [Finish(Lost), done, done, done, look, look, look, look, not_acted, unclear],
            "{work:?}"
        );
    }
}

#[test]
fn a_refusal_is_the_answer_unless_everything_is_booked_behind_it() {
    for work in [made(), own(), legs(), refund()] {
        let refused = answered(Attempt::first(&work), Verdict::Refused);
        for found in [Some(some()), Some(none()), None] {
            assert_eq!(refused.looked(found.as_ref()), Finish(Answered), "{work:?}");
        }
        assert_eq!(refused.looked(Some(&all())), Finish(Found), "{work:?}");
        assert!(!refused.looks_again(&some()));
    }
    let atomic = answered(Attempt::first(&atomic()), Verdict::Refused);
    assert!(atomic.looks_again(&some()) && !atomic.looks_again(&finding(&[Part::RolledBack, Part::Missing])));
}

#[test]
fn a_duplicate_is_one_s_own_where_the_reference_was_made_here() {
    assert_eq!(answered(Attempt::first(&made()), Verdict::Duplicate).looked(Some(&all())), Finish(Found));
    assert_eq!(answered(Attempt::first(&own()), Verdict::Duplicate).looked(Some(&all())), Finish(Answered));
}

#[test]
fn a_refund_that_core_calls_a_second_one_is_found_where_it_is_the_first() {
    let refused = answered(Attempt::first(&refund()), Verdict::Refunded);
    assert_eq!(refused.looked(Some(&all())), Finish(Found));
    assert_eq!(refused.looked(Some(&some())), Finish(Answered));
    assert_eq!(refused.looked(Some(&none())), Finish(Answered));
    // A commit may be somebody else's, and the same code says so.
    for verdict in [Verdict::Refused, Verdict::Refunded] {
        assert_eq!(answered(Attempt::first(&commit()), verdict).looked(Some(&all())), Finish(Answered));
    }
}

#[test]
fn another_attempt_looks_before_it_sends_anything() {
    for work in [made(), own(), legs(), refund(), commit()] {
        let attempt = Attempt::again(&work, false);
        assert_eq!(attempt.start(), PATIENTLY, "{work:?}");
        assert_eq!(attempt.looked(Some(&all())), Finish(Found));
        assert_eq!(attempt.looked(Some(&some())), Finish(Partial));
        assert_eq!(attempt.looked(None), Finish(Unresolved));
        assert!(attempt.looks_again(&none()) && attempt.looks_again(&some()) && !attempt.looks_again(&all()));
    }
    assert_eq!(Attempt::again(&other(), false).start(), Finish(OutcomeUnknown));
}

#[test]
fn only_a_create_of_which_there_is_no_trace_is_sent_again() {
    assert_eq!(Attempt::again(&made(), false).looked(Some(&none())), Send);
    let mut own = Attempt::again(&own(), false);
    assert_eq!(own.looked(Some(&none())), Claim);
    assert_eq!(own.claimed(Claimed::Granted), Send);
    assert_eq!(own.claimed(Claimed::Taken), Finish(OutcomeUnknown));
    assert_eq!(own.claimed(Claimed::Failed), Finish(Unresolved));
    // Once some of it was seen it is never sent again, whatever a later look says.
    assert_eq!(Attempt::again(&legs(), true).looked(Some(&none())), Finish(OutcomeUnknown));
    for work in [refund(), commit()] {
        assert_eq!(Attempt::again(&work, false).looked(Some(&none())), Finish(OutcomeUnknown), "{work:?}");
    }
}

#[test]
fn what_core_says_to_a_resend_is_settled_by_another_look() {
    let attempt = Attempt::again(&legs(), false);
    let (done, look, unclear) = (Finish(Answered), PATIENTLY, Finish(Unclear));
    assert_eq!(after_sending(&attempt), [Finish(Lost), done, done, look, look, look, look, look, unclear, unclear]);
    for (verdict, nothing) in
        [(Verdict::Queued, Unresolved), (Verdict::Duplicate, Unresolved), (Verdict::Refused, Answered)]
    {
        let attempt = answered(attempt.clone(), verdict);
        assert_eq!(attempt.looked(Some(&all())), Finish(Found), "{verdict:?}");
        assert_eq!(attempt.looked(Some(&some())), Finish(Partial), "{verdict:?}");
        assert_eq!(attempt.looked(Some(&none())), Finish(nothing), "{verdict:?}");
        assert_eq!(attempt.looked(None), Finish(Unresolved), "{verdict:?}");
    }
}

#[test]
fn who_only_asks_sends_nothing() {
    for work in [made(), own(), legs(), refund(), commit()] {
        let ask = Attempt::ask(&work);
        assert_eq!(ask.start(), AFTER, "{work:?}");
        assert_eq!(ask.looked(Some(&all())), Finish(Found));
        assert_eq!(ask.looked(Some(&some())), Finish(Partial));
        assert_eq!(ask.looked(Some(&none())), Finish(OutcomeUnknown));
        assert_eq!(ask.looked(None), Finish(Unresolved));
    }
    assert_eq!(Attempt::ask(&other()).start(), Finish(OutcomeUnknown));
}

#[test]
fn every_ending_leaves_what_the_table_says() {
    for (ending, left) in [
        (Answered, Left::Answer),
        (Found, Left::Answer),
        (NotActed, Left::Nothing),
        (Unclear, Left::Unknown),
        (Lost, Left::Unknown),
        (Unresolved, Left::Unknown),
        (OutcomeUnknown, Left::Unknown),
        (Partial, Left::Partial),
        (ReferenceUsed, Left::AsItWas),
        (AlreadyRefunded, Left::AsItWas),
        (RefundInFlight, Left::AsItWas),
        (Unchecked, Left::AsItWas),
    ] {
        assert_eq!(ending.leaves(), left, "{ending:?}");
    }
}

#[test]
fn behind_a_refusal_it_is_said_how_much_stands() {
    let legs = answered(Attempt::first(&legs()), Verdict::Refused);
    assert_eq!(legs.booked(Some(&some())).as_deref(), Some("1/2"));
    assert_eq!(legs.booked(Some(&none())).as_deref(), Some("0/1"));
    assert_eq!(legs.booked(None).as_deref(), Some("unknown"));
    let commit = answered(Attempt::first(&commit()), Verdict::Refused);
    assert_eq!(
        (commit.booked(Some(&some())).as_deref(), commit.booked(Some(&none())), commit.booked(None)),
        (Some("1/2"), None, None)
    );
    assert_eq!(answered(Attempt::first(&made()), Verdict::Refused).booked(None), None);
    assert_eq!(answered(Attempt::first(&self::legs()), Verdict::Done).booked(None), None);
    let stopped = answered(Attempt::first(&self::legs()), Verdict::Stopped);
    assert_eq!(stopped.booked(Some(&some())).as_deref(), Some("unknown"));
}

#[test]
fn a_claim_is_given_back_only_where_nothing_can_have_come_of_it() {
    let first = Attempt::first(&own());
    for ending in [NotActed, ReferenceUsed, AlreadyRefunded, Unchecked] {
        assert_eq!(first.releases(ending), Release::All, "{ending:?}");
    }
    for ending in [Lost, Unclear, Found, Partial, Unresolved, OutcomeUnknown, RefundInFlight] {
        assert_eq!(first.releases(ending), Release::Nothing, "{ending:?}");
    }
    assert_eq!(answered(first.clone(), Verdict::Done).releases(Answered), Release::Nothing);
    assert_eq!(answered(first.clone(), Verdict::Queued).releases(Answered), Release::Nothing);
    assert_eq!(answered(first, Verdict::Refused).releases(Answered), Release::All);
    assert_eq!(answered(Attempt::first(&legs()), Verdict::Refused).releases(Answered), Release::Absent);
    // An earlier attempt may be on its way, and so may be what a batch queued before it failed.
    assert_eq!(answered(Attempt::again(&own(), false), Verdict::Refused).releases(Answered), Release::Nothing);
    assert_eq!(answered(Attempt::again(&legs(), false), Verdict::Refused).releases(Answered), Release::Nothing);
    let batch = Work::Create(super::super::work::Create { bulk: true, ..create("r", false, 0, true) });
    assert_eq!(answered(Attempt::first(&batch), Verdict::Stopped).releases(Answered), Release::Nothing);
    assert_eq!(answered(Attempt::first(&batch), Verdict::Refused).releases(Answered), Release::Absent);
    // A dry run has booked nothing, the first time and any other.
    for attempt in [Attempt::first(&own()), Attempt::again(&own(), false)] {
        assert_eq!(answered(attempt, Verdict::Previewed).releases(Answered), Release::All);
    }
}
