//! An instance: one Blnk Core, and how it is to be reached and treated.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use thiserror::Error;

use super::base_url::BaseUrl;
use super::seal::{Binding, Sealed, Sealer, UnsealError};
use super::{InstanceId, RecordError, Revised, Secret, TimeoutMs, Workspace, read_record};
use crate::enrich::{DefaultPrecision, Rule, ZeroPrecision};

/// Which of the proxy's routes an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(try_from = "&str", into = "&'static str")]
#[strum(serialize_all = "snake_case")]
pub enum Profile {
    /// The 25 routes that the Proxy API documents.
    Documented,
    /// Those, and the other ledger routes that Core has and Blnk's SDKs call.
    #[default]
    Extended,
}

impl Profile {
    /// The profile as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether requests reach an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(try_from = "&str", into = "&'static str")]
#[strum(serialize_all = "snake_case")]
pub enum InstanceStatus {
    /// They do.
    Active,
    /// They do not, until it is active again.
    Paused,
    /// They never will again; lists leave it out.
    Deleted,
}

impl InstanceStatus {
    /// The status as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The Cloudflare Access service token of an instance behind a tunnel, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedAccess {
    /// Sent as `CF-Access-Client-Id`.
    pub client_id: Sealed,
    /// Sent as `CF-Access-Client-Secret`.
    pub client_secret: Sealed,
}

/// An instance as it is stored in the registry and published to KV under `instance/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// The version of this shape, [`super::RECORD_VERSION`].
    pub v: u32,
    /// Its id, which callers send as `instance_id`.
    pub id: InstanceId,
    /// A name for people.
    pub name: String,
    /// The workspace that it belongs to.
    pub workspace: Workspace,
    /// Where Core is.
    pub base_url: BaseUrl,
    /// Which routes it has.
    pub profile: Profile,
    /// How long the head of an answer is waited for.
    pub timeout_ms: TimeoutMs,
    /// The same for an upload.
    pub upload_timeout_ms: TimeoutMs,
    /// The precision that a transaction gets which has none.
    pub default_precision: DefaultPrecision,
    /// What happens to a precision of zero.
    pub zero_precision: ZeroPrecision,
    /// Core's key, sealed.
    pub core_key: Sealed,
    /// The Access service token, sealed, where Core is behind one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<SealedAccess>,
    /// Whether requests reach it.
    pub status: InstanceStatus,
    /// Grows by one with every change.
    pub revision: u64,
}

/// A Cloudflare Access service token in clear.
#[derive(Clone, Debug)]
pub struct Access {
    /// Sent as `CF-Access-Client-Id`.
    pub client_id: Secret,
    /// Sent as `CF-Access-Client-Secret`.
    pub client_secret: Secret,
}

/// An instance as the request path uses it, its secrets opened. Only active ones are opened: `core` is `None` for
/// others.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The workspace that it belongs to.
    pub workspace: Workspace,
    /// Which routes it has.
    pub profile: Profile,
    /// How to reach its Core; `None` where it is paused or deleted.
    pub core: Option<Rc<Core>>,
    /// The record's revision.
    pub revision: u64,
}

/// How an active instance's Core is reached.
#[derive(Clone, Debug)]
pub struct Core {
    /// Where it is.
    pub base_url: BaseUrl,
    /// Sent as `X-Blnk-Key`.
    pub key: Secret,
    /// Sent with every request, where it is behind Access.
    pub access: Option<Access>,
    /// How long the head of an answer is waited for.
    pub timeout: TimeoutMs,
    /// The same for an upload.
    pub upload_timeout: TimeoutMs,
    /// What is added to transaction bodies.
    pub rule: Rule,
}

impl Core {
    /// The headers that Cloudflare Access wants with every request, name and value; none where it is not in front.
    pub fn access_headers(&self) -> impl Iterator<Item = [&str; 2]> {
        self.access.iter().flat_map(|access| {
            [
                ["cf-access-client-id", access.client_id.expose()],
                ["cf-access-client-secret", access.client_secret.expose()],
            ]
        })
    }
}

/// Why a record that was read cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Its secrets do not open.
    #[error("{field}: {source}")]
    Unseal {
        /// The field that does not open.
        field: &'static str,
        /// Why.
        source: UnsealError,
    },
    /// It was registered while insecure Cores were allowed, and they no longer are.
    #[error("base_url is plain http or an address, and ALLOW_INSECURE_CORE is not set")]
    Insecure,
}

impl InstanceRecord {
    /// The name of the field that holds Core's key; part of what it is sealed for.
    pub const CORE_KEY: &'static str = "core_key";
    /// The name of the field that holds the Access client's id.
    pub const ACCESS_CLIENT_ID: &'static str = "access.client_id";
    /// The name of the field that holds the Access client's secret.
    pub const ACCESS_CLIENT_SECRET: &'static str = "access.client_secret";

    /// Reads a stored record.
    ///
    /// # Errors
    /// Where the text is not a record of this version.
    pub fn from_json(json: &str) -> Result<Self, RecordError> {
        read_record(json)
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a secret in `field` of this record is sealed for.
    #[must_use]
    pub fn binding(&self, field: &'static str) -> Binding<'_> {
        Binding { instance: &self.id, workspace: &self.workspace, field, origin: self.base_url.origin() }
    }

    /// The instance as the request path uses it.
    ///
    /// # Errors
    /// Where it is active and its secrets do not open, or its `base_url` is not allowed.
    pub fn open(&self, sealer: &Sealer, allow_insecure: bool) -> Result<Instance, OpenError> {
        let core = match self.status {
            InstanceStatus::Active => Some(Rc::new(self.open_core(sealer, allow_insecure)?)),
            InstanceStatus::Paused | InstanceStatus::Deleted => None,
        };
        Ok(Instance {
            id: self.id.clone(),
            workspace: self.workspace.clone(),
            profile: self.profile,
            core,
            revision: self.revision,
        })
    }

    /// The same for its Core alone, whatever its status.
    ///
    /// # Errors
    /// Where its secrets do not open, or its `base_url` is not allowed.
    pub fn open_core(&self, sealer: &Sealer, allow_insecure: bool) -> Result<Core, OpenError> {
        if !allow_insecure && !self.base_url.is_secure() {
            return Err(OpenError::Insecure);
        }
        let open = |field, sealed| {
            sealer.open(sealed, self.binding(field)).map_err(|source| OpenError::Unseal { field, source })
        };
        let access = match &self.access {
            None => None,
            Some(access) => Some(Access {
                client_id: open(Self::ACCESS_CLIENT_ID, &access.client_id)?,
                client_secret: open(Self::ACCESS_CLIENT_SECRET, &access.client_secret)?,
            }),
        };
        Ok(Core {
            base_url: self.base_url.clone(),
            key: open(Self::CORE_KEY, &self.core_key)?,
            access,
            timeout: self.timeout_ms,
            upload_timeout: self.upload_timeout_ms,
            rule: Rule { default_precision: self.default_precision, zero_precision: self.zero_precision },
        })
    }
}

impl Revised for Instance {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn may_serve_on(&self) -> bool {
        self.core.is_some()
    }
}

#[cfg(test)]
mod tests;
