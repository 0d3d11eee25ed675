use super::super::Fingerprint;
use super::super::record::RECORD_VERSION;
use super::super::work::tests::create;
use super::*;
use crate::clock::Timestamp;

fn record(phase: Phase, work: Work) -> KeyRecord {
    KeyRecord {
        v: RECORD_VERSION,
        instance: "instance_a".to_owned(),
        fingerprint: Fingerprint::of("instance_a", "POST", "/transactions", b"{}"),
        work,
        phase,
        first_seen: Timestamp::default(),
        expires_at: Timestamp::default(),
    }
}

fn done(kept: Kept) -> KeyRecord {
    record(Phase::Done { kept, booked: Some("1/2".to_owned()) }, Work::Create(create("r", true, 0, false)))
}

fn whole() -> KeyRecord {
    done(Kept::Whole { status: 201, headers: Vec::new() })
}

fn ended(ending: Ending, record: &KeyRecord) -> Ended<'_> {
    let (lost, parts) = (None, Parts { total: 2, ..Parts::default() });
    Ended { ending, has_answer: true, lost, is_again: false, record, parts }
}

fn refused(response: Response) -> (&'static str, &'static str, Outcome) {
    match response {
        Response::Refused(KeyRefusal { said, error, outcome }) => (said, error.code(), outcome),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_of_core_is_passed_on_and_named_by_its_attempt() {
    let record = whole();
    for (ending, again, said) in [
        (Ending::Answered, false, "first"),
        (Ending::Answered, true, "sent_again"),
        (Ending::NotActed, true, "not_acted"),
        (Ending::Unclear, false, "unknown"),
    ] {
        let ended = Ended { is_again: again, ..ended(ending, &record) };
        assert_eq!(ended.response(), Response::FromCore { said }, "{ending:?}");
    }
}

#[test]
fn what_was_found_is_the_answer_unless_only_its_status_was_kept_before() {
    assert_eq!(ended(Ending::Found, &whole()).response(), Response::Found);
    let status = done(Kept::Status { status: 201 });
    let unavailable = ("replay_unavailable", "PROXY_IDEMPOTENCY_REPLAY_UNAVAILABLE", Outcome::Done);
    assert_eq!(refused(ended(Ending::Found, &status).response()), unavailable);
    assert_eq!(refused(Received::Replay(&status).response().unwrap()), unavailable);
    assert_eq!(Received::Replay(&whole()).response(), Some(Response::Replay));
}

#[test]
fn every_other_ending_is_an_error_that_says_whether_core_may_have_acted() {
    let record = whole();
    for (ending, said, code, outcome) in [
        (Ending::Partial, "partial", "PROXY_IDEMPOTENCY_PARTIAL", Outcome::Partial),
        (Ending::ReferenceUsed, "reference_used", "PROXY_REFERENCE_USED", Outcome::NotSent),
        (Ending::AlreadyRefunded, "already_refunded", "PROXY_ALREADY_REFUNDED", Outcome::NotSent),
        (Ending::RefundInFlight, "refund_in_flight", "PROXY_REFUND_IN_FLIGHT", Outcome::NotSent),
        (Ending::Unchecked, "unchecked", "PROXY_IDEMPOTENCY_UNAVAILABLE", Outcome::NotSent),
        (Ending::Unresolved, "unresolved", "PROXY_IDEMPOTENCY_UNAVAILABLE", Outcome::UnknownWithKey),
        (Ending::OutcomeUnknown, "unknown", "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN", Outcome::Unknown),
    ] {
        assert_eq!(refused(ended(ending, &record).response()), (said, code, outcome), "{ending:?}");
    }
}

#[test]
fn an_answer_that_was_lost_is_told_with_its_own_error() {
    let record = whole();
    let lost = Some(Error::CoreTimeout { timeout_ms: 1_000 });
    let ended = Ended { lost, has_answer: false, ..ended(Ending::Lost, &record) };
    assert_eq!(refused(ended.response()), ("unknown", "PROXY_CORE_TIMEOUT", Outcome::UnknownWithKey));
}

#[test]
fn an_answer_that_should_be_there_and_is_not_is_a_defect_and_never_a_success() {
    let record = whole();
    for ending in [Ending::Answered, Ending::NotActed, Ending::Unclear, Ending::Found, Ending::Lost] {
        let ended = Ended { has_answer: false, ..ended(ending, &record) };
        assert_eq!(refused(ended.response()), ("unknown", "PROXY_INTERNAL", Outcome::UnknownWithKey), "{ending:?}");
    }
}

#[test]
fn a_request_is_refused_at_once_while_another_is_under_way_or_the_key_is_another_s() {
    let other = record(Phase::Unknown, Work::Other { made: Vec::new() });
    for (received, said, code, outcome) in [
        (Received::InFlight, "in_flight", "PROXY_IDEMPOTENCY_IN_FLIGHT", Outcome::UnknownWithKey),
        (Received::Mismatch, "mismatch", "PROXY_IDEMPOTENCY_MISMATCH", Outcome::NotSent),
        (Received::OutcomeUnknown(&other), "unknown", "PROXY_IDEMPOTENCY_OUTCOME_UNKNOWN", Outcome::Unknown),
    ] {
        assert_eq!(refused(received.response().unwrap()), (said, code, outcome));
    }
    assert_eq!(Received::First.response(), None);
    assert_eq!(Received::Again(&other).response(), None);
}

#[test]
fn a_report_names_a_reference_only_where_it_was_made_here() {
    let report = Report::about(Some(&whole()), "first");
    assert_eq!((report.made_reference.as_deref(), report.reference.as_deref()), (Some("r"), Some("made")));
    let given = record(Phase::Unknown, Work::Create(create("mine", false, 0, false)));
    let report = Report::about(Some(&given), "first");
    assert_eq!((report.made_reference, report.reference.as_deref()), (None, Some("given")));
    assert_eq!(Report::about(None, "busy"), Report { said: "busy".to_owned(), ..Report::default() });
}

#[test]
fn an_error_tells_the_references_that_are_stored() {
    let outcome = write_outcome(Some(&whole()), Outcome::Unknown);
    assert_eq!((outcome.outcome, outcome.reference.as_deref()), (Outcome::Unknown, Some("r")));
    assert_eq!(write_outcome(None, Outcome::NotSent), WriteOutcome::NOT_SENT);
    assert_eq!(whole().booked(), Some("1/2"));
}
