//! RFC 7009.

use blnk_edge::oauth::OAuthError::{InvalidClient, InvalidRequest, UnauthorizedClient, UnsupportedTokenType};
use blnk_edge::oauth::RevocationRequest;
use blnk_edge::registry::{CredentialId, CredentialRecord, CredentialStatus, RevokedToken};
use blnk_edge::token::new_api_key;

use crate::world::{ID, NOW, basic, claims, client, form, revoke, right, secret_of, signer, signer_of};
use blnk_edge::token::Claims;

fn token(claims: &Claims) -> String {
    signer().sign(claims).expose().to_owned()
}

#[test]
fn section_2_1_a_client_revokes_its_own_token() {
    let revocation = revoke(&format!("token={}", token(&claims())), &client()).unwrap().unwrap();
    assert_eq!(revocation.client, client().id);
    assert_eq!(revocation.token, RevokedToken { id: claims().id, until: claims().expires_at });
    assert_eq!(revocation.issued_at, claims().issued_at);
}

#[test]
fn section_2_1_the_hint_and_what_else_is_sent_change_nothing() {
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let body = format!("token={}&token_type_hint={hint}&extra=1", token(&claims()));
        assert!(revoke(&body, &client()).unwrap().is_some(), "{hint}");
    }
}

#[test]
fn section_2_1_the_token_is_required() {
    for body in ["", "token=", "access_token=x"] {
        assert_eq!(revoke(body, &client()), Err(InvalidRequest("token is required")), "{body}");
    }
}

#[test]
fn section_2_1_the_client_authenticates_as_at_the_token_endpoint() {
    let body = format!("token={}", token(&claims()));
    assert_eq!(RevocationRequest::read(None, &form(&body)).map(|_| ()), Err(InvalidClient));
    let wrong = RevocationRequest::read(Some(&basic(ID, &secret_of(2))), &form(&body)).unwrap();
    assert_eq!(wrong.judge(Some(&client()), &signer(), NOW), Err(InvalidClient));
    let unknown = RevocationRequest::read(Some(&right()), &form(&body)).unwrap();
    assert_eq!(unknown.judge(None, &signer(), NOW), Err(InvalidClient));
    let disabled = CredentialRecord { status: CredentialStatus::Disabled, ..client() };
    assert_eq!(revoke(&body, &disabled), Err(UnauthorizedClient("The client is disabled")));
}

#[test]
fn section_2_1_the_token_of_another_client_is_left_alone() {
    let other = Claims { client: CredentialId::parse("ZZZZZZZZZZZZZZZZ").unwrap(), ..claims() };
    let refused = revoke(&format!("token={}", token(&other)), &client());
    assert_eq!(refused, Err(UnauthorizedClient("The token was issued to another client")));
}

#[test]
fn section_2_2_an_invalid_token_is_over_already() {
    let forged = signer_of(9).sign(&claims());
    let cut = &token(&claims())[..100];
    for over in ["nonsense", "blnk_rt_x", forged.expose(), cut] {
        assert_eq!(revoke(&format!("token={over}"), &client()), Ok(None), "{over}");
    }
}

#[test]
fn section_2_2_a_token_that_is_expired_or_revoked_is_over_already() {
    let expired = Claims { expires_at: NOW, ..claims() };
    assert_eq!(revoke(&format!("token={}", token(&expired)), &client()), Ok(None));
    let mut record = client();
    let body = format!("token={}", token(&claims()));
    let revocation = revoke(&body, &record).unwrap().unwrap();
    record.tokens.as_mut().unwrap().revoke(revocation.token, revocation.issued_at, NOW);
    assert_eq!(revoke(&body, &record), Ok(None), "the second time changes nothing");
}

#[test]
fn section_2_2_1_an_api_key_is_not_revoked_here_and_nobody_is_told_that_it_was() {
    let key = new_api_key(&client().id, [3; 32]).0;
    assert_eq!(revoke(&format!("token={}", key.expose()), &client()), Err(UnsupportedTokenType));
}
