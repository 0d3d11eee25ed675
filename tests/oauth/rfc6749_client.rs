use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blnk_edge::oauth::OAuthError::{InvalidClient, InvalidRequest, UnauthorizedClient};
use blnk_edge::oauth::TokenRequest;
use blnk_edge::registry::{CredentialId, CredentialKind, CredentialRecord, CredentialStatus, StoredSecret};
use blnk_edge::token::{new_api_key, new_client_secret};

use crate::world::{ID, NOW, ask, basic, client, form, right, secret, secret_of};

const GRANT: &str = "grant_type=client_credentials";

fn post(id: &str, secret: &str) -> String {
    format!("{GRANT}&client_id={id}&client_secret={secret}")
}

#[test]
fn section_2_3_1_a_client_authenticates_by_http_basic() {
    assert!(ask(Some(&right()), GRANT, Some(&client())).is_ok());
    let encoded = STANDARD.encode(format!("{ID}:{}", secret()));
    for scheme in ["basic ", "BASIC ", "Basic   "] {
        assert!(ask(Some(&format!("{scheme}{encoded}")), GRANT, Some(&client())).is_ok(), "{scheme}");
    }
}

#[test]
fn section_2_3_1_both_parts_of_http_basic_are_form_decoded() {
    // A library may escape anything: here every character of both.
    let escape = |text: &str| text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
    assert!(ask(Some(&basic(&escape(ID), &escape(&secret()))), GRANT, Some(&client())).is_ok());
    assert!(ask(Some(&basic(ID, &secret().replace('_', "%5f"))), GRANT, Some(&client())).is_ok());
    // Once, and not twice.
    assert_eq!(ask(Some(&basic(ID, &escape(&escape(&secret())))), GRANT, Some(&client())), Err(InvalidClient));
    assert_eq!(ask(Some(&basic(&format!("{ID}+"), &secret())), GRANT, Some(&client())), Err(InvalidClient));
}

#[test]
fn section_2_3_1_a_client_authenticates_in_the_body() {
    assert!(ask(None, &post(ID, &secret()), Some(&client())).is_ok());
    assert!(ask(None, &post(ID, &secret().replace('_', "%5F")), Some(&client())).is_ok());
    assert!(ask(Some(""), &post(ID, &secret()), Some(&client())).is_ok());
}

#[test]
fn section_2_3_a_client_never_authenticates_in_two_ways() {
    let both = InvalidRequest("A client authenticates in the header or in the body, not in both");
    for authorization in [right(), "Basic nonsense".to_owned(), "Bearer x".to_owned()] {
        assert_eq!(ask(Some(&authorization), &post(ID, &secret()), Some(&client())), Err(both), "{authorization}");
    }
}

#[test]
fn section_3_2_1_a_client_may_name_itself_beside_http_basic() {
    assert!(ask(Some(&right()), &format!("{GRANT}&client_id={ID}"), Some(&client())).is_ok());
    let another = ask(Some(&right()), &format!("{GRANT}&client_id=ZZZZZZZZZZZZZZZZ"), Some(&client()));
    assert_eq!(another, Err(InvalidRequest("The header and client_id name two clients")));
}

#[test]
fn section_5_2_no_client_authentication_is_invalid_client() {
    for body in [GRANT.to_owned(), format!("{GRANT}&client_id={ID}"), format!("{GRANT}&client_secret={}", secret())] {
        assert_eq!(ask(None, &body, Some(&client())), Err(InvalidClient), "{body}");
    }
}

#[test]
fn section_5_2_another_scheme_is_invalid_client_and_so_is_a_broken_header() {
    let encoded = STANDARD.encode(format!("{ID}:{}", secret()));
    for authorization in [
        format!("Bearer {}", secret()),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        format!("Basic {encoded}, Basic {encoded}"),
        format!("Basic {}", encoded.trim_end_matches('=').trim_end_matches(char::is_alphanumeric)),
        format!("Basic {}", STANDARD.encode(ID)),
        format!("Basic {}", STANDARD.encode(b"\xff:\xff")),
        format!("Basic {ID}:{}", secret()),
    ] {
        assert_eq!(ask(Some(&authorization), GRANT, Some(&client())), Err(InvalidClient), "{authorization}");
    }
}

#[test]
fn what_cannot_be_a_secret_is_refused_before_any_record_is_asked_for() {
    let key = new_api_key(&CredentialId::parse(ID).unwrap(), [1; 32]).0;
    let (cut, other) = (&secret()[1..], format!("{}0", secret()));
    for (id, wrong) in [(ID, "x"), (ID, key.expose()), (ID, cut), (ID, &other), ("app", &secret()), ("", &secret())] {
        let read = TokenRequest::read(Some(&basic(id, wrong)), &form(GRANT));
        assert_eq!(read.map(|_| ()), Err(InvalidClient), "{id}:{wrong}");
    }
}

#[test]
fn section_5_2_an_unknown_client_and_a_wrong_secret_get_one_answer() {
    assert_eq!(ask(Some(&right()), GRANT, None), Err(InvalidClient));
    assert_eq!(ask(Some(&basic(ID, &secret_of(2))), GRANT, Some(&client())), Err(InvalidClient));
    assert_eq!(ask(Some(&basic(ID, &secret_of(2))), GRANT, None), Err(InvalidClient));
}

#[test]
fn an_api_key_is_no_client_and_its_secret_opens_no_token() {
    // The same 256 bits as a client's secret would be.
    let record = CredentialRecord { kind: CredentialKind::ApiKey, ..client() };
    assert_eq!(ask(Some(&right()), GRANT, Some(&record)), Err(InvalidClient));
}

#[test]
fn a_client_secret_is_no_api_key() {
    let hash = new_client_secret([1; 32]).1;
    assert!(client().knows(&hash, NOW));
    assert!(!client().accepts(&hash, NOW));
}

#[test]
fn a_rotated_secret_is_accepted_until_its_grace_ends() {
    let old = |until| StoredSecret { sha256: new_client_secret([1; 32]).1, until: Some(until) };
    let new = StoredSecret { sha256: new_client_secret([2; 32]).1, until: None };
    let in_grace = CredentialRecord { secrets: vec![new.clone(), old(NOW.plus_seconds(1))], ..client() };
    assert!(ask(Some(&right()), GRANT, Some(&in_grace)).is_ok());
    assert!(ask(Some(&basic(ID, &secret_of(2))), GRANT, Some(&in_grace)).is_ok());
    let after = CredentialRecord { secrets: vec![new, old(NOW)], ..client() };
    assert_eq!(ask(Some(&right()), GRANT, Some(&after)), Err(InvalidClient));
}

#[test]
fn section_5_2_a_disabled_client_is_told_so_only_with_its_right_secret() {
    let disabled = CredentialRecord { status: CredentialStatus::Disabled, ..client() };
    assert_eq!(ask(Some(&right()), GRANT, Some(&disabled)), Err(UnauthorizedClient("The client is disabled")));
    assert_eq!(ask(Some(&basic(ID, &secret_of(2))), GRANT, Some(&disabled)), Err(InvalidClient));
}

#[test]
fn a_client_that_is_gone_is_no_client() {
    for status in [CredentialStatus::Deleted, CredentialStatus::Revoked] {
        let gone = CredentialRecord { status, ..client() };
        assert_eq!(ask(Some(&right()), GRANT, Some(&gone)), Err(InvalidClient));
    }
    let over = CredentialRecord { not_after: Some(NOW), ..client() };
    assert_eq!(ask(Some(&right()), GRANT, Some(&over)), Err(InvalidClient));
}
