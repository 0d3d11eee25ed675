use base64::engine::general_purpose::STANDARD;

use super::*;

fn key(byte: u8) -> SealingKey {
    SealingKey::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

fn secret() -> Secret {
    Secret::new("core-master-key".to_owned())
}

struct Record {
    instance: InstanceId,
    workspace: Workspace,
}

impl Record {
    fn new(instance: &str) -> Self {
        Self { instance: InstanceId::parse(instance).unwrap(), workspace: Workspace::default() }
    }

    fn binding(&self) -> Binding<'_> {
        let (instance, workspace) = (&self.instance, &self.workspace);
        Binding { instance, workspace, field: "core_key", origin: "https://core.example" }
    }
}

#[test]
fn what_was_sealed_opens_for_its_own_record() {
    let (keys, record) = (Sealer::new(key(1), None), Record::new("a"));
    let sealed = keys.seal(&secret(), record.binding(), [9; 12]).unwrap();
    assert_eq!(keys.open(&sealed, record.binding()).unwrap(), secret());
    assert!(!sealed.0.contains("core-master-key"));
}

#[test]
fn what_was_sealed_opens_for_no_other_record_field_or_core() {
    let (keys, record) = (Sealer::new(key(1), None), Record::new("a"));
    let sealed = keys.seal(&secret(), record.binding(), [9; 12]).unwrap();
    let other = Record::new("b");
    let moved = Workspace::parse("elsewhere").unwrap();
    for binding in [
        other.binding(),
        Binding { workspace: &moved, ..record.binding() },
        Binding { field: "access.client_secret", ..record.binding() },
        Binding { origin: "https://evil.example", ..record.binding() },
    ] {
        assert_eq!(keys.open(&sealed, binding).unwrap_err(), UnsealError::Broken);
    }
}

#[test]
fn the_previous_key_still_opens_and_a_key_that_is_gone_is_named() {
    let record = Record::new("a");
    let sealed = Sealer::new(key(1), None).seal(&secret(), record.binding(), [9; 12]).unwrap();
    let rotated = Sealer::new(key(2), Some(key(1)));
    assert_eq!(rotated.open(&sealed, record.binding()).unwrap(), secret());
    let gone = Sealer::new(key(2), None).open(&sealed, record.binding()).unwrap_err();
    assert_eq!(gone, UnsealError::UnknownKey(key(1).id().to_owned()));
}

#[test]
fn the_current_key_seals() {
    let record = Record::new("a");
    let keys = Sealer::new(key(2), Some(key(1)));
    let sealed = keys.seal(&secret(), record.binding(), [9; 12]).unwrap();
    assert_eq!(sealed.key_id(), Some(key(2).id()));
    assert_eq!(keys.current_id(), key(2).id());
}

#[test]
fn a_damaged_text_does_not_open() {
    let (keys, record) = (Sealer::new(key(1), None), Record::new("a"));
    let sealed = keys.seal(&secret(), record.binding(), [9; 12]).unwrap();
    for at in 0..sealed.0.len() {
        let mut text = sealed.0.clone();
        let wrong = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        text.replace_range(at..=at, wrong);
        assert!(keys.open(&Sealed(text), record.binding()).is_err(), "at {at}");
    }
    for text in ["", "v1", "v1.", "v1..", "v2.x.y"] {
        assert!(keys.open(&Sealed(text.to_owned()), record.binding()).is_err());
    }
}

#[test]
fn a_key_that_is_not_32_bytes_is_refused() {
    for text in ["", "short", "AAAA", "!!!!"] {
        assert!(SealingKey::from_base64(text).is_none());
    }
}

#[test]
fn parts_cannot_be_shifted_between_fields_of_the_associated_data() {
    let (a, ab) = (Record::new("a"), Record::new("ab"));
    let left = Binding { origin: "bc", ..a.binding() }.associated_data();
    let right = Binding { origin: "c", ..ab.binding() }.associated_data();
    assert_ne!(left, right);
}

/// A vector that Node's `WebCrypto` opens as well (`tests/dev/seal.test.mjs`): the stored format does not change.
#[test]
fn the_sealed_format_is_unchanged() {
    let (keys, record) = (Sealer::new(key(7), None), Record::new("instance_golden"));
    let sealed = keys.seal(&secret(), record.binding(), [3; 12]).unwrap();
    assert_eq!(sealed.0, include_str!("../../../tests/fixtures/sealed.txt").trim_end());
}
