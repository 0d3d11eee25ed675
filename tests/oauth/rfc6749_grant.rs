use blnk_edge::oauth::OAuthError::{InvalidRequest, InvalidScope, UnsupportedGrantType};
use blnk_edge::oauth::grant::body;
use blnk_edge::registry::{CredentialRecord, Scopes, TokenRules, TokenTtl};
use serde_json::Value;

use crate::world::{ID, NOW, ask, basic, claims, client, right, scopes, secret_of, signer};

const GRANT: &str = "grant_type=client_credentials";

fn scope(asked: &str, allowed: Scopes) -> Option<String> {
    let record = CredentialRecord { scopes: allowed, ..client() };
    match ask(Some(&right()), &format!("{GRANT}&scope={asked}"), Some(&record)) {
        Ok(claims) => Some(claims.scopes.to_string()),
        Err(error) => {
            assert_eq!(error, InvalidScope, "{asked}");
            None
        }
    }
}

#[test]
fn section_4_4_2_the_grant_type_is_client_credentials() {
    assert!(ask(Some(&right()), GRANT, Some(&client())).is_ok());
    for body in ["", "grant_type=", "scope=proxy:read"] {
        assert_eq!(ask(Some(&right()), body, Some(&client())), Err(InvalidRequest("grant_type is required")), "{body}");
    }
}

#[test]
fn section_5_2_every_other_grant_type_is_unsupported() {
    for grant in ["password", "refresh_token", "authorization_code", "Client_Credentials", "client_credentials+"] {
        let asked = ask(Some(&right()), &format!("grant_type={grant}&username=a&password=b"), Some(&client()));
        assert_eq!(asked, Err(UnsupportedGrantType), "{grant}");
    }
}

#[test]
fn section_3_3_a_scope_narrows() {
    let both = scopes(6);
    assert_eq!(scope("proxy:read", both).as_deref(), Some("proxy:read"));
    assert_eq!(scope("proxy:write+proxy:read", both).as_deref(), Some("proxy:read proxy:write"));
    assert_eq!(scope("proxy%3Aread%20proxy:read", both).as_deref(), Some("proxy:read"));
}

#[test]
fn section_3_3_whoever_has_the_star_may_ask_for_less() {
    let star = scopes(1);
    assert_eq!(scope("proxy:read", star).as_deref(), Some("proxy:read"));
    assert_eq!(scope("*", star).as_deref(), Some("*"));
}

#[test]
fn section_3_3_no_scope_is_all_that_the_client_has() {
    for bits in 1..8 {
        let record = CredentialRecord { scopes: scopes(bits), ..client() };
        assert_eq!(ask(Some(&right()), GRANT, Some(&record)).unwrap().scopes, scopes(bits));
    }
    let nothing = CredentialRecord { scopes: scopes(0), ..client() };
    assert_eq!(ask(Some(&right()), GRANT, Some(&nothing)), Err(InvalidScope));
}

#[test]
fn section_5_2_more_than_the_client_has_is_invalid_scope() {
    for (asked, bits) in [("*", 6), ("proxy:write", 2), ("proxy:read+proxy:write", 2), ("proxy:read", 4)] {
        assert_eq!(scope(asked, scopes(bits)), None, "{asked}");
    }
}

#[test]
fn section_3_3_a_malformed_or_unknown_scope_is_invalid_scope() {
    for asked in [
        "admin",
        "PROXY:READ",
        "proxy:read++proxy:write",
        "+proxy:read",
        "proxy:read+",
        "proxy:read,proxy:write",
        "proxy:read%09proxy:write",
        "%22",
        "proxy:read%00",
    ] {
        assert_eq!(scope(asked, scopes(7)), None, "{asked}");
    }
}

#[test]
fn the_scope_is_judged_only_of_a_client_that_is_who_it_says() {
    let asked = ask(Some(&basic(ID, &secret_of(2))), &format!("{GRANT}&scope=admin"), Some(&client()));
    assert_eq!(asked.unwrap_err().code(), "invalid_client");
}

#[test]
fn section_5_1_the_answer_has_the_token_its_type_its_lifetime_and_its_scope() {
    let answer: Value = serde_json::from_str(&body(&claims(), &signer(), NOW)).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    assert!(token.starts_with("blnk_at_"));
    assert_eq!(signer().read(token), Some(claims()));
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3_600);
    assert_eq!(answer["scope"], "proxy:read proxy:write");
    // Section 4.4.3: no refresh token.
    assert_eq!(answer.as_object().unwrap().len(), 4);
}

#[test]
fn a_token_lives_as_long_as_its_client_says() {
    for seconds in [60, 86_400] {
        let rules = TokenRules::new(TokenTtl::new(seconds).unwrap());
        let record = CredentialRecord { tokens: Some(rules), ..client() };
        let claims = ask(Some(&right()), GRANT, Some(&record)).unwrap();
        assert_eq!(claims.expires_at, NOW.plus_seconds(seconds.into()));
        assert_eq!(claims.issued_at, NOW);
    }
}

#[test]
fn a_token_that_is_issued_after_all_were_ended_is_good_at_once() {
    let mut record = client();
    record.tokens.as_mut().unwrap().end_all(NOW);
    let claims = ask(Some(&right()), GRANT, Some(&record)).unwrap();
    assert!(claims.accepted_by(&record, NOW).is_some());
    assert_eq!(claims.expires_at, NOW.plus_seconds(3_600), "and lives no longer for it");
}
