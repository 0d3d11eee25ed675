//! The kinds of records, and where each is published.

/// What kind of record a row holds. Ids are taken by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An [`InstanceRecord`](super::InstanceRecord).
    Instance,
    /// A [`CredentialRecord`](super::CredentialRecord) of an API key.
    ApiKey,
    /// One of an OAuth client.
    OauthClient,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Instance, Self::ApiKey, Self::OauthClient];

    /// The name in the tables and in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::ApiKey => "api_key",
            Self::OauthClient => "oauth_client",
        }
    }

    /// Reads a name that [`Kind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
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
