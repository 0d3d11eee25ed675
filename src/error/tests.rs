use serde_json::Value;

use super::*;
use crate::outcome::{Outcome, WriteOutcome};

/// One of each variant, and of each refusal of a body.
fn every_error() -> Vec<Error> {
    vec![
        Error::MissingCredential,
        Error::InvalidCredential,
        Error::InvalidInstanceId,
        Error::MissingInstanceId,
        Error::InstanceNotFound,
        Error::InvalidPath,
        Error::UriTooLong,
        Error::RouteNotFound,
        Error::MethodNotAllowed { allow: vec![Method::Get, Method::Post] },
        Error::InsufficientScope { needed: Scope::Write },
        Error::Body(BodyRefusal::Malformed { offset: 7, expected: "a value" }),
        Error::Body(BodyRefusal::Ambiguous { offset: 9 }),
        Error::Body(BodyRefusal::TooLarge { limit: 1_024 }),
        Error::Body(BodyRefusal::PrecisionRequired { item: Some(2) }),
        Error::Body(BodyRefusal::ZeroPrecision { item: None }),
        Error::UnsupportedEncoding,
        Error::UnsupportedMediaType,
        Error::BodyIncomplete,
        Error::Busy,
        Error::RateLimited,
        Error::TooManyInFlight,
        Error::IdempotencyNotSupported,
        Error::InvalidIdempotencyKey,
        Error::IdempotencyInFlight,
        Error::IdempotencyMismatch,
        Error::IdempotencyOutcomeUnknown,
        Error::IdempotencyReplayUnavailable { status: Some(201) },
        Error::IdempotencyUnavailable,
        Error::IdempotencyPartial { parts: Box::default() },
        Error::IdempotencyKeyNotFound,
        Error::ReferenceUsed { used: ReferenceList::default() },
        Error::AlreadyRefunded { parts: Box::default() },
        Error::RefundInFlight,
        Error::RegistryUnavailable,
        Error::CoreUnreachable { upstream_status: Some(502) },
        Error::CoreRedirect { upstream_status: 301 },
        Error::CoreTimeout { timeout_ms: 30_000 },
        Error::Misconfigured { faults: vec!["SEALING_KEY is not set".to_owned()] },
        Error::Internal,
        Error::AdminInvalidRequest { fields: vec![("name".to_owned(), "is required".to_owned())] },
        Error::AdminUnauthorized,
        Error::AdminNotFound,
        Error::AdminConflict { reason: "the id is in use".to_owned() },
        Error::AdminMethodNotAllowed { allow: vec![Method::Get] },
        Error::AdminUnavailable,
    ]
}

fn parsed(error: &Error, outcome: Option<&WriteOutcome>) -> Value {
    serde_json::from_str(&error.body("req-1", outcome)).unwrap()
}

#[test]
fn every_body_has_the_one_shape() {
    for error in every_error() {
        let body = parsed(&error, None);
        assert!(body["error"].is_string(), "{error:?}");
        assert_eq!(body["error"], body["error_detail"]["message"]);
        assert_eq!(body["error_detail"]["code"], error.code());
        assert_eq!(body["error_detail"]["details"]["request_id"], "req-1");
        assert_eq!(body.as_object().unwrap().len(), 2);
    }
}

#[test]
fn no_two_errors_share_a_code() {
    let mut codes: Vec<&str> = every_error().iter().map(Error::code).collect();
    codes.sort_unstable();
    assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
}

#[test]
fn the_page_on_errors_lists_every_code_with_its_status_and_no_other() {
    let page = include_str!("../../docs/errors.md");
    let mut listed: Vec<String> = Vec::new();
    for line in page.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        if let (Some(code), Some(status)) = (cells.next(), cells.next())
            && (code.starts_with("`PROXY_") || code.starts_with("`ADMIN_"))
            && status.parse::<u16>().is_ok()
        {
            listed.push(format!("{} {status}", code.trim_matches('`')));
        }
    }
    let mut expected: Vec<String> =
        every_error().iter().map(|error| format!("{} {}", error.code(), error.status())).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn an_unauthenticated_caller_is_told_how_to_authenticate() {
    let header = |error: &Error| error.headers().into_iter().find(|(name, _)| *name == "WWW-Authenticate");
    assert_eq!(header(&Error::MissingCredential).unwrap().1, "Bearer realm=\"blnk-edge\"");
    assert!(header(&Error::InvalidCredential).unwrap().1.contains("error=\"invalid_token\""));
    let scope = header(&Error::InsufficientScope { needed: Scope::Write }).unwrap().1;
    assert!(scope.contains("error=\"insufficient_scope\"") && scope.contains("scope=\"proxy:write\""));
    for error in every_error() {
        assert_eq!(header(&error).is_some(), matches!(error.status(), 401 | 403), "{error:?}");
    }
}

#[test]
fn every_405_has_allow_and_all_that_may_be_tried_again_retry_after() {
    for error in every_error() {
        let has = |wanted: &str| error.headers().iter().any(|(name, _)| *name == wanted);
        assert_eq!(has("Allow"), error.status() == 405, "{error:?}");
        let again =
            matches!(error.status(), 429 | 503) || matches!(error, Error::IdempotencyInFlight | Error::RefundInFlight);
        assert_eq!(has("Retry-After"), again, "{error:?}");
    }
    let allow = Error::MethodNotAllowed { allow: vec![Method::Get, Method::Put] }.headers();
    assert_eq!(allow, [("Allow", "GET, PUT".to_owned())]);
}

#[test]
fn a_write_that_was_not_sent_says_so() {
    let body = parsed(&Error::InvalidPath, Some(&WriteOutcome::NOT_SENT));
    assert_eq!(body["error_detail"]["details"]["outcome"], "not_sent");
    assert!(!body["error"].as_str().unwrap().contains("may have acted"));
}

#[test]
fn a_write_of_unknown_outcome_names_its_reference_and_what_is_safe() {
    let outcome =
        WriteOutcome { outcome: Outcome::Unknown, reference: Some("ref_1".to_owned()), references: Vec::new() };
    let body = parsed(&Error::CoreTimeout { timeout_ms: 1_000 }, Some(&outcome));
    let details = &body["error_detail"]["details"];
    assert_eq!(details["outcome"], "unknown");
    assert_eq!(details["reference"], "ref_1");
    assert_eq!(details["timeout_ms"], 1_000);
    assert!(body["error"].as_str().unwrap().contains("look the reference up before sending it again"));
}

#[test]
fn a_create_of_unknown_outcome_with_a_key_may_be_sent_again() {
    let reference = Some("ref_1".to_owned());
    let outcome = WriteOutcome { outcome: Outcome::UnknownWithKey, reference, references: Vec::new() };
    let body = parsed(&Error::CoreTimeout { timeout_ms: 1_000 }, Some(&outcome));
    assert_eq!(body["error_detail"]["details"]["outcome"], "unknown");
    assert!(body["error"].as_str().unwrap().ends_with("with the same Idempotency-Key, it is not booked twice"));
}

#[test]
fn a_write_that_was_done_says_so_with_the_status_that_it_got() {
    let reference = Some("ref_1".to_owned());
    let outcome = WriteOutcome { outcome: Outcome::Done, reference, references: Vec::new() };
    let body = parsed(&Error::IdempotencyReplayUnavailable { status: Some(201) }, Some(&outcome));
    let details = &body["error_detail"]["details"];
    assert_eq!(details["outcome"], "done");
    assert_eq!(details["status"], 201);
    assert_eq!(details["reference"], "ref_1");
    assert!(!body["error"].as_str().unwrap().contains("may have acted"));
}

#[test]
fn the_references_of_a_bulk_are_named_by_index() {
    let references = vec![(0, "ref_a".to_owned()), (7, "ref_b".to_owned())];
    let outcome = WriteOutcome { outcome: Outcome::Unknown, reference: None, references };
    let body = parsed(&Error::CoreUnreachable { upstream_status: None }, Some(&outcome));
    let details = &body["error_detail"]["details"];
    assert_eq!(details["references"]["7"], "ref_b");
    assert_eq!(details.get("upstream_status"), None);
}

#[test]
fn a_malformed_body_is_told_where_and_what_was_expected() {
    let body = parsed(&Error::Body(BodyRefusal::Malformed { offset: 7, expected: "a value" }), None);
    assert_eq!(body["error_detail"]["details"]["offset"], 7);
    assert_eq!(body["error_detail"]["details"]["expected"], "a value");
}
