//! Whole decisions: one promise a test.

use std::rc::Rc;

use super::*;
use crate::enrich::Rule;
use crate::http::MAX_URL_BYTES;
use crate::registry::{
    BaseUrl, Core, CredentialKind, CredentialStatus, InstanceId, Profile, Scope, Secret, StoredSecret, TimeoutMs,
    Workspace,
};
use crate::token::{new_api_key, new_credential_id};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// A request and the world around it; tests change one thing at a time.
struct Case {
    method: Method,
    url: String,
    authorization: Option<String>,
    blnk_key: Option<String>,
    idempotency_key: Option<&'static str>,
    content_type: Option<&'static str>,
    credential: Cached<CredentialRecord>,
    instance: Cached<Instance>,
}

fn key() -> String {
    new_api_key(&new_credential_id([1; 16]), [1; 32]).0.expose().to_owned()
}

fn credential() -> CredentialRecord {
    let id = new_credential_id([1; 16]);
    let sha256 = new_api_key(&id, [1; 32]).1;
    CredentialRecord {
        v: 1,
        kind: CredentialKind::ApiKey,
        id,
        name: "test".to_owned(),
        workspace: Workspace::default(),
        secrets: vec![StoredSecret { sha256, until: None }],
        scopes: [Scope::All].into_iter().collect(),
        instances: None,
        default_instance: None,
        status: CredentialStatus::Active,
        not_after: None,
        tokens: None,
        revision: 1,
    }
}

fn instance() -> Instance {
    Instance {
        id: InstanceId::parse("instance_a").unwrap(),
        workspace: Workspace::default(),
        profile: Profile::Extended,
        core: Some(Rc::new(Core {
            base_url: BaseUrl::parse("https://core.example/base").unwrap(),
            key: Secret::new("core-key".to_owned()),
            access: None,
            timeout: TimeoutMs::DEFAULT,
            upload_timeout: TimeoutMs::UPLOAD_DEFAULT,
            rule: Rule::default(),
        })),
        revision: 1,
    }
}

fn found<T>(record: T) -> Cached<T> {
    Cached::Found(Rc::new(record))
}

fn case(method: Method, path_and_query: &str) -> Case {
    Case {
        method,
        url: format!("https://edge.example/proxy{path_and_query}"),
        authorization: Some(format!("Bearer {}", key())),
        blnk_key: None,
        idempotency_key: None,
        content_type: None,
        credential: found(credential()),
        instance: found(instance()),
    }
}

fn get() -> Case {
    case(Method::Get, "/ledgers?instance_id=instance_a")
}

impl Case {
    fn decide(&self) -> Decision {
        self.decide_at(NOW)
    }

    fn decide_at(&self, now: Timestamp) -> Decision {
        let head = Head {
            method: self.method,
            url: &self.url,
            authorization: self.authorization.as_deref(),
            blnk_key: self.blnk_key.as_deref(),
            idempotency_key: self.idempotency_key,
            content_type: self.content_type,
        };
        let mut known = Known { credential: self.credential.clone(), instance: self.instance.clone() };
        decide(&head, &mut known, None, now)
    }

    fn refusal(&self) -> Error {
        match self.decide() {
            Decision::Refuse(error) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn need(&self) -> Need {
        match self.decide() {
            Decision::Need(need) => need,
            other => panic!("nothing needed: {other:?}"),
        }
    }

    fn plan(&self) -> Plan {
        match self.decide() {
            Decision::Forward(plan) => plan,
            other => panic!("not forwarded: {other:?}"),
        }
    }
}

#[test]
fn a_good_request_is_forwarded_to_its_instances_core() {
    let plan = case(Method::Get, "/ledgers?limit=2&instance_id=instance_a&offset=1").plan();
    assert_eq!(plan.url, "https://core.example/base/ledgers?limit=2&offset=1");
    assert_eq!(plan.route.pattern, "/ledgers");
    assert_eq!(plan.core.key.expose(), "core-key");
    assert!(plan.https);
}

#[test]
fn the_sdks_header_is_as_good_as_authorization() {
    let mut case = get();
    case.authorization = None;
    case.blnk_key = Some(key());
    case.plan();
}

#[test]
fn both_records_are_asked_for_at_once() {
    let mut case = get();
    case.credential = Cached::Unknown;
    case.instance = Cached::Unknown;
    let id = new_credential_id([1; 16]).to_string();
    assert_eq!(case.need(), Need { credential: Some(id), instance: Some("instance_a".to_owned()) });
}

#[test]
fn only_what_is_not_known_is_asked_for() {
    let mut case = get();
    case.credential = Cached::Unknown;
    assert_eq!(case.need().instance, None);
    let mut case = get();
    case.instance = Cached::Unknown;
    assert_eq!(case.need(), Need { credential: None, instance: Some("instance_a".to_owned()) });
}

#[test]
fn without_an_instance_id_the_credential_is_read_and_judged_first() {
    let mut case = case(Method::Get, "/ledgers");
    case.credential = Cached::Unknown;
    case.instance = Cached::Unknown;
    assert_eq!(case.need().instance, None);
    case.credential = found(CredentialRecord { status: CredentialStatus::Revoked, ..credential() });
    assert_eq!(case.refusal(), Error::InvalidCredential);
    case.credential = found(credential());
    assert_eq!(case.refusal(), Error::MissingInstanceId);
    case.credential = found(CredentialRecord { default_instance: InstanceId::parse("instance_a"), ..credential() });
    assert_eq!(case.need(), Need { credential: None, instance: Some("instance_a".to_owned()) });
}

#[test]
fn an_instance_id_in_the_query_wins_over_the_default() {
    let mut case = case(Method::Get, "/ledgers?instance_id=instance_b");
    case.credential = found(CredentialRecord { default_instance: InstanceId::parse("instance_a"), ..credential() });
    case.instance = Cached::Unknown;
    assert_eq!(case.need().instance.as_deref(), Some("instance_b"));
}

#[test]
fn no_record_is_asked_for_where_the_token_or_the_instance_id_is_malformed() {
    let unknown = |mut case: Case| {
        case.credential = Cached::Unknown;
        case.instance = Cached::Unknown;
        case.refusal()
    };
    let with = |authorization: Option<&str>| Case { authorization: authorization.map(str::to_owned), ..get() };
    assert_eq!(unknown(with(None)), Error::MissingCredential);
    assert_eq!(unknown(with(Some("Bearer garbage"))), Error::InvalidCredential);
    assert_eq!(unknown(with(Some("Basic eA=="))), Error::InvalidCredential);
    assert_eq!(unknown(case(Method::Get, "/ledgers?instance_id=a%62")), Error::InvalidInstanceId);
    assert_eq!(unknown(case(Method::Get, "/ledgers?instance_id=a&instance_id=a")), Error::InvalidInstanceId);
}

#[test]
fn unknown_wrong_revoked_deleted_and_expired_credentials_get_the_same_answer() {
    let wrong = StoredSecret { sha256: new_api_key(&new_credential_id([1; 16]), [9; 32]).1, until: None };
    for credential in [
        Cached::Missing,
        found(CredentialRecord { secrets: vec![wrong], ..credential() }),
        found(CredentialRecord { secrets: vec![], ..credential() }),
        found(CredentialRecord { status: CredentialStatus::Revoked, ..credential() }),
        found(CredentialRecord { status: CredentialStatus::Deleted, ..credential() }),
        found(CredentialRecord { not_after: Some(NOW), ..credential() }),
    ] {
        assert_eq!(Case { credential, ..get() }.refusal(), Error::InvalidCredential);
    }
}

#[test]
fn a_stranger_learns_nothing_about_paths_scopes_or_instances() {
    for path in ["/hooks?instance_id=instance_a", "/nope?instance_id=x", "//?instance_id=x", "/ledgers/"] {
        let case = Case { credential: Cached::Missing, instance: Cached::Missing, ..case(Method::Delete, path) };
        assert_eq!(case.refusal(), Error::InvalidCredential, "{path}");
    }
}

#[test]
fn each_scope_opens_its_methods_only() {
    let scoped =
        |scopes: &[Scope]| found(CredentialRecord { scopes: scopes.iter().copied().collect(), ..credential() });
    let post = || case(Method::Post, "/ledgers?instance_id=instance_a");
    Case { credential: scoped(&[Scope::Read]), ..get() }.plan();
    Case { credential: scoped(&[Scope::Write]), ..post() }.plan();
    let refused = Case { credential: scoped(&[Scope::Write]), ..get() }.refusal();
    assert_eq!(refused, Error::InsufficientScope { needed: Scope::Read });
    let refused = Case { credential: scoped(&[Scope::Read]), ..post() }.refusal();
    assert_eq!(refused, Error::InsufficientScope { needed: Scope::Write });
    assert_eq!(Case { credential: scoped(&[]), ..get() }.refusal(), Error::InsufficientScope { needed: Scope::Read });
}

#[test]
fn unknown_paused_foreign_and_unlisted_instances_get_the_same_answer() {
    let foreign = Instance { workspace: Workspace::parse("other").unwrap(), ..instance() };
    let unlisted = CredentialRecord { instances: Some(vec![]), ..credential() };
    for case in [
        Case { instance: Cached::Missing, ..get() },
        Case { instance: found(Instance { core: None, ..instance() }), ..get() },
        Case { instance: found(foreign), ..get() },
        Case { credential: found(unlisted), ..get() },
    ] {
        assert_eq!(case.refusal(), Error::InstanceNotFound);
    }
}

#[test]
fn a_default_instance_is_checked_like_a_named_one() {
    let record = CredentialRecord {
        default_instance: InstanceId::parse("instance_a"),
        instances: Some(vec![InstanceId::parse("instance_b").unwrap()]),
        ..credential()
    };
    let case = Case { credential: found(record), ..case(Method::Get, "/ledgers") };
    assert_eq!(case.refusal(), Error::InstanceNotFound);
}

#[test]
fn a_route_outside_the_profile_is_not_found_but_only_for_those_who_reach_the_instance() {
    let documented = || found(Instance { profile: Profile::Documented, ..instance() });
    assert_eq!(Case { instance: documented(), ..get() }.refusal(), Error::RouteNotFound);
    Case { instance: documented(), ..case(Method::Post, "/ledgers?instance_id=instance_a") }.plan();
    let foreign = Case {
        instance: documented(),
        credential: found(CredentialRecord { instances: Some(vec![]), ..credential() }),
        ..get()
    };
    assert_eq!(foreign.refusal(), Error::InstanceNotFound);
}

#[test]
fn path_tricks_and_bad_queries_are_refused() {
    for path in ["/%6cedgers", "/ledgers/", "//ledgers", "/ledgers/..", "/ledgers%2fx", "/"] {
        let case = case(Method::Get, &format!("{path}?instance_id=instance_a"));
        assert_eq!(case.refusal(), Error::InvalidPath, "{path}");
    }
    assert_eq!(case(Method::Get, "/ledgers?instance_id=instance_a&x=#y").refusal(), Error::InvalidPath);
}

#[test]
fn an_idempotency_key_is_taken_on_a_write_and_ignored_on_a_read() {
    let with_key = |method, path: &str, key| Case { idempotency_key: Some(key), ..case(method, path) };
    for key in ["k", "a,b"] {
        assert_eq!(with_key(Method::Get, "/ledgers?instance_id=instance_a", key).plan().idempotency, None);
        assert_eq!(with_key(Method::Post, "/ledgers/filter?instance_id=instance_a", key).plan().idempotency, None);
        let upload = with_key(Method::Post, "/reconciliation/upload?instance_id=instance_a", key);
        assert_eq!(upload.refusal(), Error::IdempotencyNotSupported);
    }
    for (method, path) in [
        (Method::Post, "/ledgers?instance_id=instance_a"),
        (Method::Post, "/transactions?instance_id=instance_a"),
        (Method::Delete, "/reconciliation/matching-rules/rule_1?instance_id=instance_a"),
    ] {
        assert!(with_key(method, path, "k").plan().idempotency.is_some(), "{path}");
        assert_eq!(with_key(method, path, "a,b").refusal(), Error::InvalidIdempotencyKey, "{path}");
        assert_eq!(case(method, path).plan().idempotency, None);
    }
}

#[test]
fn an_idempotency_key_is_looked_at_only_of_a_caller_who_may() {
    let post = case(Method::Post, "/ledgers?instance_id=instance_b");
    let refused = Case { idempotency_key: Some("a,b"), instance: Cached::Missing, ..post }.refusal();
    assert_eq!(refused, Error::InstanceNotFound);
}

#[test]
fn multipart_is_taken_by_the_upload_alone() {
    let multipart = |method, path: &str| Case {
        content_type: Some("multipart/form-data; boundary=b"),
        ..case(method, &format!("{path}?instance_id=instance_a"))
    };
    for route in routes::ROUTES.iter().filter(|route| route.method != Method::Get) {
        let path = route.pattern.replace(":entity", "txn_1").replace(":collection", "ledgers");
        let path = path.replace(":id", "x").replace(":text", "x");
        match multipart(route.method, &path).decide() {
            Decision::Forward(plan) => assert_eq!(plan.route.body, Body::Upload, "{path}"),
            Decision::Refuse(error) => {
                assert_eq!(error, Error::UnsupportedMediaType, "{path}");
                assert_ne!(route.body, Body::Upload, "{path}");
            }
            Decision::Need(need) => panic!("{need:?}"),
        }
    }
}

#[test]
fn the_media_type_is_looked_at_only_of_a_caller_who_has_the_scope() {
    let mut record = credential();
    record.scopes = [Scope::Read].into_iter().collect();
    let post = case(Method::Post, "/ledgers?instance_id=instance_a");
    let refused = Case { content_type: Some("multipart/form-data"), credential: found(record), ..post }.refusal();
    assert_eq!(refused, Error::InsufficientScope { needed: Scope::Write });
}

#[test]
fn an_upload_gets_the_longer_deadline() {
    let upload = case(Method::Post, "/reconciliation/upload?instance_id=instance_a").plan();
    assert_eq!(upload.timeout(), TimeoutMs::UPLOAD_DEFAULT);
    assert_eq!(get().plan().timeout(), TimeoutMs::DEFAULT);
}

#[test]
fn a_url_over_the_limit_is_refused_before_anything_is_read() {
    let mut case = case(Method::Get, &format!("/ledgers?instance_id=instance_a&x={}", "a".repeat(MAX_URL_BYTES)));
    case.credential = Cached::Unknown;
    assert_eq!(case.refusal(), Error::UriTooLong);
}

#[test]
fn a_refused_write_says_so_and_a_refused_read_does_not() {
    let url = |path: &str| format!("https://e/proxy{path}");
    assert!(could_write(Method::Post, &url("/transactions")));
    assert!(could_write(Method::Delete, &url("/nope")));
    assert!(!could_write(Method::Get, &url("/ledgers")));
    assert!(!could_write(Method::Post, &url("/ledgers/filter")));
    assert!(!could_write(Method::Get, &url("/nope")));
}

#[test]
fn a_stale_record_is_judged_like_any_other_and_by_the_present_time() {
    let end = NOW.plus_seconds(60);
    let stale = |credential| Case {
        credential: Cached::Stale(Rc::new(credential)),
        instance: Cached::Stale(Rc::new(instance())),
        ..get()
    };
    let graced = |until| credential().secrets.into_iter().map(|secret| StoredSecret { until, ..secret }).collect();
    for ending in [
        CredentialRecord { not_after: Some(end), ..credential() },
        CredentialRecord { secrets: graced(Some(end)), ..credential() },
    ] {
        let case = stale(ending);
        assert!(matches!(case.decide_at(NOW.plus_seconds(59)), Decision::Forward(_)));
        assert!(matches!(case.decide_at(end), Decision::Refuse(Error::InvalidCredential)));
    }
    let revoked = CredentialRecord { status: CredentialStatus::Revoked, ..credential() };
    assert_eq!(stale(revoked).refusal(), Error::InvalidCredential);
    let paused = Cached::Stale(Rc::new(Instance { core: None, ..instance() }));
    assert_eq!(Case { instance: paused, ..stale(credential()) }.refusal(), Error::InstanceNotFound);
}
