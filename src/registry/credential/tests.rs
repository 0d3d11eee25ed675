use super::*;
use crate::registry::Scope;

const GOLDEN: &str = concat!(
    r#"{"v":1,"kind":"api_key","id":"0123456789abcDEF","name":"Checkout","workspace":"default","#,
    r#""secrets":[{"sha256":"0101010101010101010101010101010101010101010101010101010101010101"},"#,
    r#"{"sha256":"0202020202020202020202020202020202020202020202020202020202020202","until":5000}],"#,
    r#""scopes":["proxy:read","proxy:write"],"instances":["instance_a"],"default_instance":"instance_a","#,
    r#""status":"active","not_after":9000,"revision":3}"#
);

fn record() -> CredentialRecord {
    CredentialRecord {
        v: 1,
        kind: CredentialKind::ApiKey,
        id: CredentialId::parse("0123456789abcDEF").unwrap(),
        name: "Checkout".to_owned(),
        workspace: Workspace::default(),
        secrets: vec![
            StoredSecret { sha256: SecretHash([1; 32]), until: None },
            StoredSecret { sha256: SecretHash([2; 32]), until: Some(Timestamp::from_millis(5_000)) },
        ],
        scopes: [Scope::Read, Scope::Write].into_iter().collect(),
        instances: InstanceId::parse("instance_a").map(|id| vec![id]),
        default_instance: InstanceId::parse("instance_a"),
        status: CredentialStatus::Active,
        not_after: Some(Timestamp::from_millis(9_000)),
        tokens: None,
        revision: 3,
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn the_stored_format_of_a_credential_is_unchanged() {
    assert_eq!(record().to_json(), GOLDEN);
    let read = CredentialRecord::from_json(GOLDEN).unwrap();
    assert_eq!(read.to_json(), GOLDEN);
}

#[test]
fn a_record_of_a_newer_version_is_named_as_such() {
    let newer = GOLDEN.replacen("\"v\":1", "\"v\":2", 1);
    assert_eq!(CredentialRecord::from_json(&newer).unwrap_err(), RecordError::Version(2));
    assert_eq!(CredentialRecord::from_json("garbage").unwrap_err(), RecordError::Shape);
    assert_eq!(CredentialRecord::from_json("{\"v\":1}").unwrap_err(), RecordError::Shape);
}

#[test]
fn the_current_secret_is_accepted_and_another_is_not() {
    assert!(record().accepts(&SecretHash([1; 32]), at(0)));
    assert!(!record().accepts(&SecretHash([3; 32]), at(0)));
}

#[test]
fn a_rotated_secret_is_accepted_until_its_grace_ends() {
    assert!(record().accepts(&SecretHash([2; 32]), at(4_999)));
    assert!(!record().accepts(&SecretHash([2; 32]), at(5_000)));
}

#[test]
fn an_expired_credential_is_not_accepted() {
    assert!(record().accepts(&SecretHash([1; 32]), at(8_999)));
    assert!(!record().accepts(&SecretHash([1; 32]), at(9_000)));
}

#[test]
fn a_revoked_or_deleted_credential_is_not_accepted() {
    for status in [CredentialStatus::Disabled, CredentialStatus::Revoked, CredentialStatus::Deleted] {
        assert!(!CredentialRecord { status, ..record() }.accepts(&SecretHash([1; 32]), at(0)));
    }
}

#[test]
fn a_credential_reaches_only_its_own_workspace_and_the_instances_it_names() {
    let (a, b) = (InstanceId::parse("instance_a").unwrap(), InstanceId::parse("instance_b").unwrap());
    let other = Workspace::parse("other").unwrap();
    assert!(record().reaches(&a, &Workspace::default()));
    assert!(!record().reaches(&b, &Workspace::default()));
    assert!(!record().reaches(&a, &other));
    let unlimited = CredentialRecord { instances: None, ..record() };
    assert!(unlimited.reaches(&b, &Workspace::default()));
    assert!(!unlimited.reaches(&b, &other));
    let none = CredentialRecord { instances: Some(vec![]), ..record() };
    assert!(!none.reaches(&a, &Workspace::default()));
}

#[test]
fn a_hash_does_not_show_in_debug_output() {
    assert!(!format!("{:?}", record()).contains("0101"));
}

#[test]
fn what_is_absent_may_be_null_and_what_is_unknown_is_left_aside() {
    let with = |right: &str, other: &str| CredentialRecord::from_json(&GOLDEN.replacen(right, other, 1));
    for (right, other) in [
        (r#""instances":["instance_a"],"#, r#""instances":null,"#),
        (r#""default_instance":"instance_a","#, ""),
        (r#""not_after":9000"#, r#""not_after":null,"tokens":null"#),
        (r#""revision":3"#, r#""revision":3,"color":{"red":1e999},"color":2"#),
    ] {
        assert!(with(right, other).is_ok(), "{other}");
    }
}

#[test]
fn what_is_not_of_the_stored_shape_is_not_read() {
    for (right, wrong) in [
        (r#""revision":3"#, r#""revision":3,"revision":3"#),
        (r#""revision":3"#, r#""revision":"3""#),
        (r#""revision":3"#, r#""revision":3.0"#),
        (r#","revision":3"#, ""),
        (r#""v":1"#, r#""v":1,"v":1"#),
        (r#""kind":"api_key""#, r#""kind":"key""#),
        (r#""status":"active""#, r#""status":{"active":null}"#),
        (r#""status":"active""#, r#""status":null"#),
        (r#""id":"0123456789abcDEF""#, r#""id":"at""#),
        (r#""sha256":"01"#, r#""sha256":""#),
        (r#""sha256":"01"#, r#""sha256":"zz"#),
        (r#""instances":["instance_a"]"#, r#""instances":["a b"]"#),
        (r#""scopes":["proxy:read","#, r#""scopes":["proxy:admin","#),
    ] {
        assert!(GOLDEN.contains(right));
        let error = CredentialRecord::from_json(&GOLDEN.replacen(right, wrong, 1)).unwrap_err();
        assert_eq!(error, RecordError::Shape, "{wrong}");
    }
}
