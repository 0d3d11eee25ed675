//! Access tokens on `/proxy`: RFC 6750, and what each must not open.

use std::rc::Rc;

use blnk_edge::clock::Timestamp;
use blnk_edge::enrich::Rule;
use blnk_edge::error::Error;
use blnk_edge::http::Method;
use blnk_edge::proxy::{Decision, Head, Known, Plan, decide};
use blnk_edge::registry::{
    BaseUrl, Cached, Core, CredentialKind, CredentialRecord, CredentialStatus, Instance, InstanceId, Profile, Scope,
    Secret, TimeoutMs, Workspace,
};

use crate::world::{ID, NOW, claims, client, scopes, signer, signer_of};
use blnk_edge::token::{Claims, Signer};

const READ: (Method, &str) = (Method::Get, "/ledgers?instance_id=instance_a");
const WRITE: (Method, &str) = (Method::Post, "/ledgers?instance_id=instance_a");

fn instance() -> Instance {
    Instance {
        id: InstanceId::parse("instance_a").unwrap(),
        workspace: Workspace::default(),
        profile: Profile::Extended,
        core: Some(Rc::new(Core {
            base_url: BaseUrl::parse("https://core.example").unwrap(),
            key: Secret::new("core-key".to_owned()),
            access: None,
            timeout: TimeoutMs::DEFAULT,
            upload_timeout: TimeoutMs::UPLOAD_DEFAULT,
            rule: Rule::default(),
        })),
        revision: 1,
    }
}

/// A request with a token, and what is known of its records.
struct Case {
    token: String,
    client: Cached<CredentialRecord>,
    instance: Instance,
    signer: Option<Signer>,
    now: Timestamp,
}

fn case() -> Case {
    case_of(&claims(), client())
}

fn case_of(claims: &Claims, client: CredentialRecord) -> Case {
    Case {
        token: signer().sign(claims).expose().to_owned(),
        client: Cached::Found(Rc::new(client)),
        instance: instance(),
        signer: Some(signer()),
        now: NOW,
    }
}

impl Case {
    fn decide(&self, (method, path): (Method, &str), key_header: bool) -> Decision {
        let url = format!("https://edge.example/proxy{path}");
        let bearer = format!("Bearer {}", self.token);
        let head = Head {
            method,
            url: &url,
            authorization: Some(bearer.as_str()).filter(|_| !key_header),
            blnk_key: Some(self.token.as_str()).filter(|_| key_header),
            idempotency_key: None,
            content_type: None,
        };
        let instance = Cached::Found(Rc::new(self.instance.clone()));
        let mut known = Known { credential: self.client.clone(), instance };
        decide(&head, &mut known, self.signer.as_ref(), self.now)
    }

    fn plan(&self, route: (Method, &str)) -> Plan {
        match self.decide(route, false) {
            Decision::Forward(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self, route: (Method, &str)) -> Error {
        match self.decide(route, false) {
            Decision::Refuse(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn rfc6750_section_2_1_a_token_opens_what_its_client_may() {
    assert_eq!(&*case().plan(READ).credential.id, ID);
    case().plan(WRITE);
}

#[test]
fn a_token_is_taken_from_the_header_that_blnks_sdks_send() {
    assert!(matches!(case().decide(READ, true), Decision::Forward(_)));
}

#[test]
fn a_token_names_its_clients_record_and_nothing_else_is_read() {
    let case = Case { client: Cached::Unknown, ..case() };
    match case.decide(READ, false) {
        Decision::Need(need) => assert_eq!((need.credential.as_deref(), need.instance), (Some(ID), None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forged_cut_or_foreign_token_is_refused_with_no_record_read() {
    let good = case().token;
    for token in [
        signer_of(9).sign(&claims()).expose().to_owned(),
        good[..good.len() - 1].to_owned(),
        good.replacen('A', "B", 1),
        format!("{good}A"),
        "blnk_at_".to_owned(),
    ] {
        let case = Case { token, client: Cached::Unknown, ..case() };
        assert_eq!(case.refusal(READ), Error::InvalidCredential, "{}", case.token);
    }
}

#[test]
fn without_a_signing_key_no_token_is_good() {
    let case = Case { signer: None, client: Cached::Unknown, ..case() };
    assert_eq!(case.refusal(READ), Error::InvalidCredential);
}

#[test]
fn a_token_stays_good_while_the_key_under_it_is_rotated_and_no_longer() {
    let (old, new) = ([1; 32], [2; 32]);
    let key = |bytes: [u8; 32]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        blnk_edge::token::SigningKey::from_base64(&text).unwrap()
    };
    Case { signer: Some(Signer::new(key(new), Some(key(old)))), ..case() }.plan(READ);
    let case = Case { signer: Some(Signer::new(key(new), None)), ..case() };
    assert_eq!(case.refusal(READ), Error::InvalidCredential);
}

#[test]
fn rfc6750_section_3_1_an_expired_token_is_invalid() {
    let case = case();
    Case { now: Timestamp::from_millis(claims().expires_at.millis() - 1), ..case_of(&claims(), client()) }.plan(READ);
    assert_eq!(Case { now: claims().expires_at, ..case }.refusal(READ), Error::InvalidCredential);
    let stale = Case { client: Cached::Stale(Rc::new(client())), ..case_of(&claims(), client()) };
    stale.plan(READ);
    assert_eq!(Case { now: claims().expires_at, ..stale }.refusal(READ), Error::InvalidCredential);
}

#[test]
fn rfc6750_section_3_1_a_revoked_token_is_invalid_however_often_it_is_shown() {
    let mut record = client();
    let revoked = blnk_edge::registry::RevokedToken { id: claims().id, until: claims().expires_at };
    record.tokens.as_mut().unwrap().revoke(revoked, claims().issued_at, NOW);
    let case = case_of(&claims(), record);
    for _ in 0..3 {
        assert_eq!(case.refusal(READ), Error::InvalidCredential);
    }
}

#[test]
fn a_client_that_is_disabled_deleted_unknown_or_an_api_key_has_no_tokens() {
    for record in [
        CredentialRecord { status: CredentialStatus::Disabled, ..client() },
        CredentialRecord { status: CredentialStatus::Deleted, ..client() },
        CredentialRecord { kind: CredentialKind::ApiKey, ..client() },
    ] {
        assert_eq!(case_of(&claims(), record).refusal(READ), Error::InvalidCredential);
    }
    assert_eq!(Case { client: Cached::Missing, ..case() }.refusal(READ), Error::InvalidCredential);
}

#[test]
fn rfc6750_section_3_1_a_narrow_token_lacks_the_scope_that_its_client_has() {
    let narrow = case_of(&Claims { scopes: scopes(2), ..claims() }, client());
    narrow.plan(READ);
    let error = narrow.refusal(WRITE);
    assert_eq!(error, Error::InsufficientScope { needed: Scope::Write });
    let challenge = error.headers().into_iter().find(|(name, _)| *name == "WWW-Authenticate").unwrap().1;
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"proxy:write\""), "{challenge}");
}

#[test]
fn a_scope_that_is_taken_from_the_client_is_taken_from_its_tokens() {
    let reader = CredentialRecord { scopes: scopes(2), ..client() };
    assert_eq!(case_of(&claims(), reader).refusal(WRITE), Error::InsufficientScope { needed: Scope::Write });
}

#[test]
fn a_token_of_one_workspace_opens_no_instance_of_another() {
    let elsewhere = Workspace::parse("elsewhere").unwrap();
    let case = Case { instance: Instance { workspace: elsewhere, ..instance() }, ..case() };
    assert_eq!(case.refusal(READ), Error::InstanceNotFound);
    let listed = CredentialRecord { instances: Some(vec![InstanceId::parse("instance_b").unwrap()]), ..client() };
    assert_eq!(case_of(&claims(), listed).refusal(READ), Error::InstanceNotFound);
}

#[test]
fn a_token_means_its_clients_default_instance_where_none_is_named() {
    let record = CredentialRecord { default_instance: InstanceId::parse("instance_a"), ..client() };
    assert_eq!(&*case_of(&claims(), record).plan((Method::Get, "/ledgers")).instance.id, "instance_a");
    assert_eq!(case().refusal((Method::Get, "/ledgers")), Error::MissingInstanceId);
}
