//! The routes of `/admin`: one table, one entry a path.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::error::Error;
use crate::http::Method;
use crate::registry::InstanceId;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make an instance.
    CreateInstance,
    /// List instances.
    ListInstances,
    /// Seal again what is not sealed under the current key.
    Reseal,
    /// Show an instance.
    ShowInstance,
    /// Change an instance.
    ChangeInstance,
    /// Delete an instance.
    DeleteInstance,
    /// See how an instance's Core answers.
    CheckInstance,
    /// Make an API key.
    CreateKey,
    /// List API keys.
    ListKeys,
    /// Show an API key.
    ShowKey,
    /// Change an API key.
    ChangeKey,
    /// Delete an API key.
    DeleteKey,
    /// Revoke an API key.
    RevokeKey,
    /// Give an API key a new secret.
    RotateKey,
    /// Make an OAuth client.
    CreateClient,
    /// List OAuth clients.
    ListClients,
    /// Show an OAuth client.
    ShowClient,
    /// Change an OAuth client.
    ChangeClient,
    /// Delete an OAuth client.
    DeleteClient,
    /// Give an OAuth client a new secret.
    RotateClient,
    /// Show the audit trail.
    Audit,
    /// Export the audit trail.
    Export,
    /// Say that exported lines arrived.
    ConfirmExport,
}

impl Operation {
    /// The name under which it crosses to the registry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateInstance => "create_instance",
            Self::ListInstances => "list_instances",
            Self::Reseal => "reseal",
            Self::ShowInstance => "show_instance",
            Self::ChangeInstance => "change_instance",
            Self::DeleteInstance => "delete_instance",
            Self::CheckInstance => "check_instance",
            Self::CreateKey => "create_key",
            Self::ListKeys => "list_keys",
            Self::ShowKey => "show_key",
            Self::ChangeKey => "change_key",
            Self::DeleteKey => "delete_key",
            Self::RevokeKey => "revoke_key",
            Self::RotateKey => "rotate_key",
            Self::CreateClient => "create_client",
            Self::ListClients => "list_clients",
            Self::ShowClient => "show_client",
            Self::ChangeClient => "change_client",
            Self::DeleteClient => "delete_client",
            Self::RotateClient => "rotate_client",
            Self::Audit => "audit",
            Self::Export => "export",
            Self::ConfirmExport => "confirm_export",
        }
    }

    /// Whether the query is read; everywhere else it must be empty.
    #[must_use]
    pub const fn has_query(self) -> bool {
        matches!(self, Self::ListInstances | Self::ListKeys | Self::ListClients | Self::Audit | Self::Export)
    }
}

// By hand: what serde derives for so many names is 1.5 KB more of gzipped wasm.
impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let mut all = TABLE.iter().flat_map(|entry| entry.methods).map(|(_, operation)| *operation);
        all.find(|operation| operation.as_str() == name).ok_or_else(|| D::Error::custom("no operation"))
    }
}

struct PathEntry {
    pattern: &'static str,
    methods: &'static [(Method, Operation)],
}

const TABLE: [PathEntry; 14] = [
    PathEntry {
        pattern: "/admin/instances",
        methods: &[(Method::Post, Operation::CreateInstance), (Method::Get, Operation::ListInstances)],
    },
    PathEntry { pattern: "/admin/instances/reseal", methods: &[(Method::Post, Operation::Reseal)] },
    PathEntry {
        pattern: "/admin/instances/:id",
        methods: &[
            (Method::Get, Operation::ShowInstance),
            (Method::Patch, Operation::ChangeInstance),
            (Method::Delete, Operation::DeleteInstance),
        ],
    },
    PathEntry { pattern: "/admin/instances/:id/check", methods: &[(Method::Post, Operation::CheckInstance)] },
    PathEntry {
        pattern: "/admin/api-keys",
        methods: &[(Method::Post, Operation::CreateKey), (Method::Get, Operation::ListKeys)],
    },
    PathEntry {
        pattern: "/admin/api-keys/:id",
        methods: &[
            (Method::Get, Operation::ShowKey),
            (Method::Patch, Operation::ChangeKey),
            (Method::Delete, Operation::DeleteKey),
        ],
    },
    PathEntry { pattern: "/admin/api-keys/:id/revoke", methods: &[(Method::Post, Operation::RevokeKey)] },
    PathEntry { pattern: "/admin/api-keys/:id/rotate", methods: &[(Method::Post, Operation::RotateKey)] },
    PathEntry {
        pattern: "/admin/oauth-clients",
        methods: &[(Method::Post, Operation::CreateClient), (Method::Get, Operation::ListClients)],
    },
    PathEntry {
        pattern: "/admin/oauth-clients/:id",
        methods: &[
            (Method::Get, Operation::ShowClient),
            (Method::Patch, Operation::ChangeClient),
            (Method::Delete, Operation::DeleteClient),
        ],
    },
    PathEntry { pattern: "/admin/oauth-clients/:id/rotate", methods: &[(Method::Post, Operation::RotateClient)] },
    PathEntry { pattern: "/admin/audit", methods: &[(Method::Get, Operation::Audit)] },
    PathEntry { pattern: "/admin/audit/export", methods: &[(Method::Get, Operation::Export)] },
    PathEntry { pattern: "/admin/audit/exported", methods: &[(Method::Post, Operation::ConfirmExport)] },
];

/// An id that no instance can have: it is a path of its own.
pub const RESERVED_INSTANCE_ID: &str = "reseal";

/// A path of the table.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    entry: &'static PathEntry,
    /// The `:id` of the path; empty where it has none.
    pub id: &'a str,
}

impl<'a> Route<'a> {
    /// The entry of a path, as it arrives: no escape is undone, for no id needs one. What is an id of any kind has the
    /// shape of an instance's, which is the widest.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        TABLE.iter().find_map(|entry| {
            let (mut id, mut wanted, mut sent) = ("", entry.pattern.split('/'), path.split('/'));
            loop {
                match (wanted.next(), sent.next()) {
                    (None, None) => return Some(Self { entry, id }),
                    (Some(":id"), Some(segment)) if InstanceId::is_valid(segment) => id = segment,
                    (Some(wanted), Some(segment)) if wanted == segment => {}
                    _ => return None,
                }
            }
        })
    }

    /// The path's pattern.
    #[must_use]
    pub fn pattern(&self) -> &'static str {
        self.entry.pattern
    }

    /// What the method asks for.
    ///
    /// # Errors
    /// [`Error::AdminMethodNotAllowed`].
    pub fn operation(&self, method: Method) -> Result<Operation, Error> {
        let methods = self.entry.methods;
        methods
            .iter()
            .find(|(known, _)| *known == method)
            .map(|(_, operation)| *operation)
            .ok_or_else(|| Error::AdminMethodNotAllowed { allow: methods.iter().map(|(method, _)| *method).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Method, path: &str) -> Option<(Operation, &str)> {
        let route = Route::of(path)?;
        route.operation(method).ok().map(|operation| (operation, route.id))
    }

    #[test]
    fn a_path_is_found_with_its_id() {
        assert_eq!(find(Method::Post, "/admin/instances"), Some((Operation::CreateInstance, "")));
        assert_eq!(find(Method::Patch, "/admin/instances/instance_a"), Some((Operation::ChangeInstance, "instance_a")));
        assert_eq!(find(Method::Post, "/admin/api-keys/k1/rotate"), Some((Operation::RotateKey, "k1")));
        assert_eq!(find(Method::Get, "/admin/audit"), Some((Operation::Audit, "")));
        assert_eq!(find(Method::Get, "/admin/audit/export"), Some((Operation::Export, "")));
        assert_eq!(find(Method::Post, "/admin/audit/exported"), Some((Operation::ConfirmExport, "")));
    }

    #[test]
    fn reseal_is_a_path_and_not_an_id() {
        assert_eq!(find(Method::Post, "/admin/instances/reseal"), Some((Operation::Reseal, "")));
        assert_eq!(find(Method::Get, "/admin/instances/reseal"), None);
    }

    #[test]
    fn what_is_not_in_the_table_is_not_found() {
        for path in [
            "/admin",
            "/admin/",
            "/admin/instances/",
            "/admin//instances",
            "/admin/instances/a/",
            "/admin/instances/a%62",
            "/admin/instances/a/revoke",
            "/admin/api-keys/k/check",
            "/admin/../admin/audit",
            "/admin/users",
            "",
        ] {
            assert!(Route::of(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let all: Vec<Operation> =
            TABLE.iter().flat_map(|entry| entry.methods).map(|(_, operation)| *operation).collect();
        for operation in &all {
            let json = serde_json::to_string(operation).unwrap();
            assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), *operation);
            assert_eq!(all.iter().filter(|other| other.as_str() == operation.as_str()).count(), 1, "{json}");
        }
        assert!(serde_json::from_str::<Operation>("\"reveal_secrets\"").is_err());
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let route = Route::of("/admin/instances/a").unwrap();
        let expected = Error::AdminMethodNotAllowed { allow: vec![Method::Get, Method::Patch, Method::Delete] };
        assert_eq!(route.operation(Method::Put), Err(expected));
        assert!(route.operation(Method::Other).is_err());
    }
}
