use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::registry::{CredentialStatus, RevokedToken, Scope, TokenRules, TokenTtl, Workspace};

const NOW: Timestamp = Timestamp::from_millis(1_795_230_067_057);
/// What the claims below become under a key of 32 bytes of 1: the format is a promise to tokens that are out.
const GOLDEN: &str = concat!(
    "blnk_at_AXLNboQwMTIzNDU2Nzg5YWJjREVGBgAAAaH8DOlxAAABofxD1_Grq6",
    "urq6urq6urq6urq6urrs1l4jsl00ZULphasq1TOWdG6GUJCPJ68EV_wM3U3m4"
);

fn key(byte: u8) -> SigningKey {
    SigningKey::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

fn signer() -> Signer {
    Signer::new(key(1), None)
}

fn claims() -> Claims {
    Claims {
        client: CredentialId::parse("0123456789abcDEF").unwrap(),
        scopes: [Scope::Read, Scope::Write].into_iter().collect(),
        issued_at: NOW,
        expires_at: NOW.plus_seconds(3_600),
        id: TokenId::from_bytes([0xab; 16]),
    }
}

fn token() -> String {
    signer().sign(&claims()).expose().to_owned()
}

fn client() -> CredentialRecord {
    CredentialRecord {
        v: 1,
        kind: CredentialKind::OauthClient,
        id: claims().client,
        name: "App".to_owned(),
        workspace: Workspace::default(),
        secrets: Vec::new(),
        scopes: [Scope::All].into_iter().collect(),
        instances: None,
        default_instance: None,
        status: CredentialStatus::Active,
        not_after: None,
        tokens: Some(TokenRules::new(TokenTtl::DEFAULT)),
        revision: 1,
    }
}

/// The bytes of a token, to be meddled with, and a token of any bytes.
fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap()
}

fn of_bytes(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn the_format_of_a_token_is_unchanged() {
    assert_eq!(token(), GOLDEN);
    assert_eq!(GOLDEN.len(), LENGTH);
    assert_eq!(signer().read(GOLDEN), Some(claims()));
}

#[test]
fn the_mac_is_the_published_hmac_sha_256() {
    // RFC 4231 section 4.3, test case 2.
    let mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
    let mac = mac.chain_update(b"what do ya want for nothing?").finalize().into_bytes();
    assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn a_token_is_one_text_that_any_client_can_carry() {
    // RFC 6750 section 2.1: b64token.
    assert!(token().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
    assert!(crate::token::ApiKey::parse(&token()).is_none());
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    let bytes = bytes(&token());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(signer().read(&of_bytes(&changed)), None, "bit {bit}");
    }
}

#[test]
fn a_cut_or_padded_token_is_refused() {
    let token = token();
    for end in 0..token.len() {
        assert_eq!(signer().read(token.get(..end).unwrap()), None, "{end}");
    }
    for padded in [format!("{token}A"), format!("{token}="), format!(" {token}"), format!("{token}\n")] {
        assert_eq!(signer().read(&padded), None);
    }
    let bytes = bytes(&token);
    assert_eq!(signer().read(&of_bytes(&[bytes.as_slice(), &[0]].concat())), None);
    assert_eq!(signer().read(&of_bytes(&bytes[1..])), None);
}

#[test]
fn no_other_spelling_of_a_token_is_read() {
    let token = token();
    // The last digit has two bits to spare; a lenient decoder would take all four.
    for digit in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let spelt = format!("{}{digit}", token.get(..LENGTH - 1).unwrap());
        assert_eq!(signer().read(&spelt).is_some(), spelt == token, "{spelt}");
    }
    assert_eq!(signer().read(&token.replacen("blnk_at_", "BLNK_AT_", 1)), None);
    assert_eq!(signer().read(&token.replacen("blnk_at_", "blnk_rt_", 1)), None);
}

#[test]
fn the_claims_of_one_token_do_not_go_with_the_mac_of_another() {
    let (a, b) = (bytes(&token()), {
        let more = Claims { scopes: [Scope::All].into_iter().collect(), ..claims() };
        bytes(signer().sign(&more).expose())
    });
    let swapped = [&b[..CLAIMS_LENGTH], &a[CLAIMS_LENGTH..]].concat();
    assert_eq!(signer().read(&of_bytes(&swapped)), None);
}

#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    // A header that names an algorithm, a key that is none, or no MAC at all: nothing of it is even looked at.
    for foreign in ["eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"] {
        assert_eq!(signer().read(foreign), None);
        assert_eq!(signer().read(&format!("{PREFIX}{foreign}")), None);
    }
    let mut unsigned = bytes(&token());
    unsigned[CLAIMS_LENGTH..].fill(0);
    assert_eq!(signer().read(&of_bytes(&unsigned)), None);
    // A MAC under a key that the forger has, with the id of ours or of its own.
    for id in [key(1).id, key(9).id] {
        let forger = SigningKey { id, mac: key(9).mac };
        assert_eq!(signer().read(Signer::new(forger, None).sign(&claims()).expose()), None);
    }
}

#[test]
fn another_format_is_refused_though_it_is_signed() {
    let mut signed = bytes(&token());
    signed.truncate(CLAIMS_LENGTH);
    for format in [0, 2, 255] {
        signed[0] = format;
        let mac = key(1).mac.chain_update(&signed).finalize().into_bytes();
        assert_eq!(signer().read(&of_bytes(&[&signed, mac.as_slice()].concat())), None, "{format}");
    }
}

#[test]
fn the_previous_key_verifies_and_no_longer_signs() {
    let rotated = Signer::new(key(2), Some(key(1)));
    assert_eq!(rotated.read(&token()), Some(claims()));
    let new = rotated.sign(&claims());
    assert_eq!(signer().read(new.expose()), None);
    assert_eq!(Signer::new(key(2), None).read(new.expose()), Some(claims()));
    assert_eq!(Signer::new(key(2), None).read(&token()), None, "the old key is gone, and its tokens with it");
}

#[test]
fn a_key_is_32_bytes_and_does_not_show() {
    for bad in ["", "AAAA", "not base64", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
        assert!(SigningKey::from_base64(bad).is_none(), "{bad}");
    }
    assert_eq!(format!("{:?}", key(1)), "SigningKey(72cd6e84, REDACTED)");
}

#[test]
fn a_token_is_accepted_until_it_expires() {
    let accepted = |at| claims().accepted_by(&client(), at).is_some();
    assert!(accepted(NOW));
    assert!(accepted(Timestamp::from_millis(NOW.millis() + 3_599_999)));
    assert!(!accepted(NOW.plus_seconds(3_600)));
}

#[test]
fn a_token_opens_what_was_granted_as_far_as_the_client_still_has_it() {
    let granted = [Scope::Read, Scope::Write].into_iter().collect();
    assert_eq!(claims().accepted_by(&client(), NOW), Some(granted), "the client's star gives a token no more");
    let reader = CredentialRecord { scopes: [Scope::Read].into_iter().collect(), ..client() };
    assert_eq!(claims().accepted_by(&reader, NOW), Some([Scope::Read].into_iter().collect()));
    let nobody = CredentialRecord { scopes: Scopes::default(), ..client() };
    assert_eq!(claims().accepted_by(&nobody, NOW), Some(Scopes::default()));
}

#[test]
fn a_token_of_a_client_that_is_disabled_deleted_or_none_is_refused() {
    let other = CredentialId::parse("ZZZZZZZZZZZZZZZZ").unwrap();
    for (what, record) in [
        ("disabled", CredentialRecord { status: CredentialStatus::Disabled, ..client() }),
        ("revoked", CredentialRecord { status: CredentialStatus::Revoked, ..client() }),
        ("deleted", CredentialRecord { status: CredentialStatus::Deleted, ..client() }),
        ("over", CredentialRecord { not_after: Some(NOW), ..client() }),
        ("an API key", CredentialRecord { kind: CredentialKind::ApiKey, ..client() }),
        ("without rules", CredentialRecord { tokens: None, ..client() }),
        ("another", CredentialRecord { id: other, ..client() }),
    ] {
        assert_eq!(claims().accepted_by(&record, NOW), None, "{what}");
    }
}

#[test]
fn a_revoked_token_is_refused_and_its_sisters_are_not() {
    let mut record = client();
    let revoked = RevokedToken { id: claims().id, until: claims().expires_at };
    record.tokens.as_mut().unwrap().revoke(revoked, NOW, NOW);
    assert_eq!(claims().accepted_by(&record, NOW), None);
    let sister = Claims { id: TokenId::from_bytes([1; 16]), ..claims() };
    assert!(sister.accepted_by(&record, NOW).is_some());
}
