//! The names of records, each a type that can only hold a valid one.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A validated text: made only by `parse` and from JSON, read as `&str`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the text where it has the shape above.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::is_valid(text).then(|| Self(text.into()))
            }

            /// Whether the text has the shape above.
            #[must_use]
            pub fn is_valid(text: &str) -> bool {
                let valid: fn(&str) -> bool = $valid;
                valid(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, &'static str> {
                Self::parse(&text).ok_or("not a name of this kind")
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The id of an instance: 1 to 64 of `[A-Za-z0-9_-]`. Those made here are `instance_{uuid}`, as Blnk Cloud's are.
    InstanceId, |text| is_plain_name(text)
}

name! {
    /// The id of a credential: exactly 16 of `[A-Za-z0-9]`, so that none can be read as the `at` of `blnk_at_…`.
    CredentialId, |text| text.len() == CredentialId::LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

name! {
    /// The name of a workspace: 1 to 64 of `[A-Za-z0-9_-]`. Credentials reach the instances of their own only.
    Workspace, |text| is_plain_name(text)
}

impl InstanceId {
    /// A new id, `instance_` and a version 4 UUID made of `random`.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
        Self(format!("instance_{uuid}").into())
    }
}

impl CredentialId {
    /// How many characters an id has.
    pub const LENGTH: usize = 16;
}

impl Default for Workspace {
    fn default() -> Self {
        Self("default".into())
    }
}

fn is_plain_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_is_1_to_64_plain_characters() {
        assert!(InstanceId::parse("instance_5ce86029-3c2e-4e2a-aae2-7fb931ca4c4f").is_some());
        assert!(InstanceId::parse(&"a".repeat(64)).is_some());
        for bad in ["", "a b", "a%20", "ä", "a/b", &"a".repeat(65)] {
            assert!(InstanceId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_made_instance_id_is_a_version_4_uuid() {
        let id = InstanceId::from_random([0xff; 16]);
        assert_eq!(&*id, "instance_ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_credential_id_is_never_at() {
        assert!(CredentialId::parse("at").is_none());
        assert!(CredentialId::parse("0123456789abcDEF").is_some());
        assert!(CredentialId::parse("0123456789abcDE_").is_none());
    }

    #[test]
    fn a_name_of_the_wrong_shape_is_refused_when_read_from_json() {
        assert!(serde_json::from_str::<Workspace>("\"a b\"").is_err());
        assert_eq!(serde_json::from_str::<Workspace>("\"default\"").unwrap(), Workspace::default());
    }
}
