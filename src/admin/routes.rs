//! The routes of `/admin`: one table, one row a path.

use crate::error::Error;
use crate::http::Method;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
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

struct Row {
    pattern: &'static str,
    methods: &'static [(Method, Action)],
}

const TABLE: [Row; 14] = [
    Row {
        pattern: "/admin/instances",
        methods: &[(Method::Post, Action::CreateInstance), (Method::Get, Action::ListInstances)],
    },
    Row { pattern: "/admin/instances/reseal", methods: &[(Method::Post, Action::Reseal)] },
    Row {
        pattern: "/admin/instances/:id",
        methods: &[
            (Method::Get, Action::ShowInstance),
            (Method::Patch, Action::ChangeInstance),
            (Method::Delete, Action::DeleteInstance),
        ],
    },
    Row { pattern: "/admin/instances/:id/check", methods: &[(Method::Post, Action::CheckInstance)] },
    Row { pattern: "/admin/api-keys", methods: &[(Method::Post, Action::CreateKey), (Method::Get, Action::ListKeys)] },
    Row {
        pattern: "/admin/api-keys/:id",
        methods: &[
            (Method::Get, Action::ShowKey),
            (Method::Patch, Action::ChangeKey),
            (Method::Delete, Action::DeleteKey),
        ],
    },
    Row { pattern: "/admin/api-keys/:id/revoke", methods: &[(Method::Post, Action::RevokeKey)] },
    Row { pattern: "/admin/api-keys/:id/rotate", methods: &[(Method::Post, Action::RotateKey)] },
    Row {
        pattern: "/admin/oauth-clients",
        methods: &[(Method::Post, Action::CreateClient), (Method::Get, Action::ListClients)],
    },
    Row {
        pattern: "/admin/oauth-clients/:id",
        methods: &[
            (Method::Get, Action::ShowClient),
            (Method::Patch, Action::ChangeClient),
            (Method::Delete, Action::DeleteClient),
        ],
    },
    Row { pattern: "/admin/oauth-clients/:id/rotate", methods: &[(Method::Post, Action::RotateClient)] },
    Row { pattern: "/admin/audit", methods: &[(Method::Get, Action::Audit)] },
    Row { pattern: "/admin/audit/export", methods: &[(Method::Get, Action::Export)] },
    Row { pattern: "/admin/audit/exported", methods: &[(Method::Post, Action::ConfirmExport)] },
];

/// An id that no instance can have: it is a path of its own.
pub const RESERVED_INSTANCE_ID: &str = "reseal";

/// A path of the table.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    row: &'static Row,
    /// The `:id` of the path; empty where it has none.
    pub id: &'a str,
}

impl<'a> Route<'a> {
    /// The row of a path, as it arrives: no escape is undone, for no id needs one.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        TABLE.iter().find_map(|row| {
            let (mut id, mut wanted, mut sent) = ("", row.pattern.split('/'), path.split('/'));
            loop {
                match (wanted.next(), sent.next()) {
                    (None, None) => return Some(Self { row, id }),
                    (Some(":id"), Some(segment)) if is_id(segment) => id = segment,
                    (Some(wanted), Some(segment)) if wanted == segment => {}
                    _ => return None,
                }
            }
        })
    }

    /// The path's pattern.
    #[must_use]
    pub fn pattern(&self) -> &'static str {
        self.row.pattern
    }

    /// What the method asks for.
    ///
    /// # Errors
    /// [`Error::AdminMethodNotAllowed`].
    pub fn action(&self, method: Method) -> Result<Action, Error> {
        let methods = self.row.methods;
        methods
            .iter()
            .find(|(known, _)| *known == method)
            .map(|(_, action)| *action)
            .ok_or_else(|| Error::AdminMethodNotAllowed { allow: methods.iter().map(|(method, _)| *method).collect() })
    }
}

fn is_id(segment: &str) -> bool {
    (1..=64).contains(&segment.len()) && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Method, path: &str) -> Option<(Action, &str)> {
        let route = Route::of(path)?;
        route.action(method).ok().map(|action| (action, route.id))
    }

    #[test]
    fn a_path_is_found_with_its_id() {
        assert_eq!(find(Method::Post, "/admin/instances"), Some((Action::CreateInstance, "")));
        assert_eq!(find(Method::Patch, "/admin/instances/instance_a"), Some((Action::ChangeInstance, "instance_a")));
        assert_eq!(find(Method::Post, "/admin/api-keys/k1/rotate"), Some((Action::RotateKey, "k1")));
        assert_eq!(find(Method::Get, "/admin/audit"), Some((Action::Audit, "")));
        assert_eq!(find(Method::Get, "/admin/audit/export"), Some((Action::Export, "")));
        assert_eq!(find(Method::Post, "/admin/audit/exported"), Some((Action::ConfirmExport, "")));
    }

    #[test]
    fn reseal_is_a_path_and_not_an_id() {
        assert_eq!(find(Method::Post, "/admin/instances/reseal"), Some((Action::Reseal, "")));
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
    fn another_method_is_told_which_there_are() {
        let route = Route::of("/admin/instances/a").unwrap();
        let expected = Error::AdminMethodNotAllowed { allow: vec![Method::Get, Method::Patch, Method::Delete] };
        assert_eq!(route.action(Method::Put), Err(expected));
        assert!(route.action(Method::Other).is_err());
    }
}
