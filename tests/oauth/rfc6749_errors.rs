use std::collections::BTreeSet;

use blnk_edge::http::Method;
use blnk_edge::oauth::OAuthError;
use blnk_edge::oauth::form::{ENCODED, INCOMPLETE, TOO_LARGE, TOO_MANY};
use serde_json::Value;

fn every_error() -> Vec<OAuthError> {
    vec![
        OAuthError::InvalidRequest("A parameter is there more than once"),
        TOO_LARGE,
        TOO_MANY,
        INCOMPLETE,
        ENCODED,
        OAuthError::InvalidClient,
        OAuthError::UnauthorizedClient("The client is disabled"),
        OAuthError::UnsupportedGrantType,
        OAuthError::InvalidScope,
        OAuthError::UnsupportedTokenType,
        OAuthError::MethodNotAllowed { allow: Method::Post },
        OAuthError::TemporarilyUnavailable,
        OAuthError::RateLimited,
        OAuthError::ServerError,
    ]
}

#[test]
fn section_5_2_every_error_is_an_object_of_code_and_description() {
    for error in every_error() {
        let body: Value = serde_json::from_str(&error.body()).unwrap();
        assert_eq!(body["error"], error.code());
        assert_eq!(body["error_description"], error.description());
        assert_eq!(body.as_object().unwrap().len(), 2, "never the proxy's own shape");
    }
}

#[test]
fn section_5_2_descriptions_have_only_the_characters_that_are_allowed() {
    for error in every_error() {
        let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(error.description().bytes().all(allowed), "{error:?}");
        assert!(error.code().bytes().all(allowed));
    }
}

#[test]
fn section_5_2_invalid_client_is_401_with_a_challenge_and_nothing_else_is() {
    for error in every_error() {
        let challenge = error.headers().into_iter().find(|(name, _)| *name == "WWW-Authenticate");
        assert_eq!(error.status() == 401, error.code() == "invalid_client");
        assert_eq!(challenge.is_some(), error.status() == 401, "{error:?}");
        assert!(challenge.is_none_or(|(_, value)| value.starts_with("Basic realm=")));
    }
}

#[test]
fn section_5_2_what_the_client_did_wrong_is_400() {
    for code in
        ["invalid_scope", "unsupported_grant_type", "unauthorized_client", "unsupported_token_type", "invalid_request"]
    {
        let statuses: Vec<u16> = every_error()
            .into_iter()
            .filter(|error| error.code() == code && !matches!(error, OAuthError::MethodNotAllowed { .. }))
            .map(OAuthError::status)
            .collect();
        assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 400), "{code}");
    }
}

#[test]
fn rfc7009_section_2_2_1_a_503_says_when_to_come_back() {
    let headers = OAuthError::TemporarilyUnavailable.headers();
    assert_eq!((OAuthError::TemporarilyUnavailable.status(), headers), (503, vec![("Retry-After", "5")]));
}

#[test]
fn rfc6585_section_4_a_429_says_when_to_come_back() {
    let error = OAuthError::RateLimited;
    assert_eq!((error.status(), error.code()), (429, "temporarily_unavailable"));
    assert_eq!(error.headers(), [("Retry-After", "60")]);
}

#[test]
fn the_page_on_oauth_lists_every_error_with_its_status_and_no_other() {
    let page = include_str!("../../docs/oauth.md");
    let table = page.split("| error | status | when |").nth(1).unwrap().trim_start();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let listed: BTreeSet<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            format!("{} {}", cells[1].trim_matches('`'), cells[2])
        })
        .collect();
    let expected: BTreeSet<String> =
        every_error().iter().map(|error| format!("{} {}", error.code(), error.status())).collect();
    assert_eq!(listed, expected);
}
