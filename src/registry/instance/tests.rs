use super::*;
use crate::registry::RECORD_VERSION;
use crate::registry::seal::SealingKey;

const GOLDEN: &str = include_str!("../../../tests/fixtures/instance-record.json");

fn sealer() -> Sealer {
    // 32 bytes of 7.
    Sealer::new(SealingKey::from_base64("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap(), None)
}

fn golden() -> InstanceRecord {
    InstanceRecord::from_json(GOLDEN).unwrap()
}

fn record(base_url: &str) -> InstanceRecord {
    let placeholder = Sealed(String::new());
    let mut record = InstanceRecord {
        v: RECORD_VERSION,
        id: InstanceId::parse("instance_golden").unwrap(),
        name: "Main ledger".to_owned(),
        workspace: Workspace::default(),
        base_url: BaseUrl::parse(base_url).unwrap(),
        profile: Profile::Extended,
        timeout_ms: TimeoutMs::DEFAULT,
        upload_timeout_ms: TimeoutMs::UPLOAD_DEFAULT,
        default_precision: DefaultPrecision::default(),
        zero_precision: ZeroPrecision::default(),
        core_key: placeholder,
        access: None,
        status: InstanceStatus::Active,
        revision: 1,
    };
    let seal = |field, text: &str, nonce| {
        sealer().seal(&Secret::new(text.to_owned()), record.binding(field), [nonce; 12]).unwrap()
    };
    let core_key = seal(InstanceRecord::CORE_KEY, "core-master-key", 3);
    let access = SealedAccess {
        client_id: seal(InstanceRecord::ACCESS_CLIENT_ID, "id.access", 4),
        client_secret: seal(InstanceRecord::ACCESS_CLIENT_SECRET, "access-secret", 5),
    };
    record.core_key = core_key;
    record.access = Some(access);
    record
}

#[test]
fn the_stored_format_of_an_instance_is_unchanged() {
    let record = record("https://core.example.com");
    assert_eq!(record.to_json(), GOLDEN.trim_end());
    assert_eq!(golden(), record);
}

#[test]
fn a_record_of_a_newer_version_is_named_as_such() {
    let newer = GOLDEN.replacen("\"v\":1", "\"v\":9", 1);
    assert_eq!(InstanceRecord::from_json(&newer).unwrap_err(), RecordError::Version(9));
    assert_eq!(InstanceRecord::from_json("[]").unwrap_err(), RecordError::Shape);
}

#[test]
fn an_active_instance_opens_with_its_secrets() {
    let core = golden().open(&sealer(), false).unwrap().core.unwrap();
    assert_eq!(core.key.expose(), "core-master-key");
    let access = core.access.clone().unwrap();
    assert_eq!(access.client_id.expose(), "id.access");
    assert_eq!(access.client_secret.expose(), "access-secret");
}

#[test]
fn a_paused_or_deleted_instance_opens_without_its_core() {
    for status in [InstanceStatus::Paused, InstanceStatus::Deleted] {
        let record = InstanceRecord { status, ..golden() };
        assert!(record.open(&sealer(), false).unwrap().core.is_none());
    }
}

#[test]
fn a_key_that_was_moved_to_another_core_does_not_open() {
    let moved = InstanceRecord { base_url: BaseUrl::parse("https://evil.example").unwrap(), ..golden() };
    let error = moved.open(&sealer(), false).unwrap_err();
    assert!(matches!(error, OpenError::Unseal { source: UnsealError::Broken, .. }), "{error}");
}

#[test]
fn a_plain_http_core_opens_only_where_that_is_allowed() {
    let record = record("http://127.0.0.1:5001");
    assert!(record.open(&sealer(), true).is_ok());
    assert_eq!(record.open(&sealer(), false).unwrap_err(), OpenError::Insecure);
}

#[test]
fn a_timeout_outside_its_bounds_is_no_record() {
    for (wrong, right) in [(999, false), (1_000, true), (300_000, true), (300_001, false)] {
        assert_eq!(TimeoutMs::new(wrong).is_some(), right);
        let json = GOLDEN.replacen("\"timeout_ms\":30000", &format!("\"timeout_ms\":{wrong}"), 1);
        assert_eq!(InstanceRecord::from_json(&json).is_ok(), right);
    }
}
