//! The kinds of records, and where each is published.

use strum::{EnumString, IntoStaticStr};

/// What kind of record a row holds. Ids are taken by kind. Its name is that in the tables and in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// An [`InstanceRecord`](super::InstanceRecord).
    Instance,
    /// A [`CredentialRecord`](super::CredentialRecord) of an API key.
    ApiKey,
    /// One of an OAuth client.
    OauthClient,
}

impl Kind {
    /// The name in the tables and in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The KV key under which a record of this kind is published.
    #[must_use]
    pub fn published_key(self, id: &str) -> String {
        match self {
            Self::Instance => instance_key(id),
            Self::ApiKey | Self::OauthClient => credential_key(id),
        }
    }
}

/// The KV key of a credential, in the namespace `CREDENTIALS`.
#[must_use]
pub fn credential_key(id: &str) -> String {
    format!("credential/{id}")
}

/// The KV key of an instance, in the namespace `INSTANCES`.
#[must_use]
pub fn instance_key(id: &str) -> String {
    format!("instance/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_that_the_readers_use() {
        assert_eq!(credential_key("0123456789abcDEF"), "credential/0123456789abcDEF");
        assert_eq!(instance_key("instance_a"), "instance/instance_a");
    }
}
