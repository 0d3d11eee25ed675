//! What crosses between the Worker and the registry, as JSON: a request, and what it is answered with.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::routes::Operation;
use crate::registry::TokenRevocation;

/// What the Worker asks the registry. What another version asks, and this one does not know, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryRequest {
    /// For an administrator.
    Admin(AdminRequest),
    /// For a client, at the revocation endpoint. No path that an administrator can send leads here.
    RevokeToken(TokenRevocation),
}

/// A request of an administrator, who is authenticated, to a route that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminRequest {
    /// The request's id, for the body of an error.
    pub request_id: String,
    /// The administrator's name.
    pub actor: String,
    /// What method and path ask for.
    pub operation: Operation,
    /// The `:id` of the path; empty where it has none.
    pub id: String,
    /// What follows the `?`.
    pub query: Option<String>,
    /// The body; empty where there was none.
    pub body: String,
}

/// Status, headers and body of an answer, and what the log says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryResponse {
    /// The status.
    pub status: u16,
    /// Headers beside those that every answer has.
    pub headers: Vec<(String, String)>,
    /// The body, JSON.
    pub body: String,
    /// The code of an error.
    pub code: Option<String>,
    /// What an operator needs to know more.
    pub detail: Option<String>,
}

impl RegistryRequest {
    /// The request as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers cannot fail to serialise; an empty text would be refused.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`RegistryRequest::to_json`] wrote.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The request's id. A revocation has none: the Worker answers its client with an error of OAuth's own.
    #[must_use]
    pub fn request_id(&self) -> &str {
        match self {
            Self::Admin(request) => &request.request_id,
            Self::RevokeToken(_) => "",
        }
    }

    /// Who the audit trail names. No administrator's name has a colon.
    #[must_use]
    pub fn actor(&self) -> String {
        match self {
            Self::Admin(request) => request.actor.clone(),
            Self::RevokeToken(revocation) => format!("client:{}", revocation.client),
        }
    }
}

impl RegistryResponse {
    /// The answer as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        // As above.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`RegistryResponse::to_json`] wrote.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// A success.
    #[must_use]
    pub fn done(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body, code: None, detail: None }
    }

    /// A success, of lines that are JSON each.
    #[must_use]
    pub fn lines(lines: String) -> Self {
        let media_type = ("content-type".to_owned(), "application/x-ndjson".to_owned());
        Self { headers: vec![media_type], ..Self::done(200, lines) }
    }

    /// An error.
    #[must_use]
    pub fn failed(failure: &Failure, request_id: &str) -> Self {
        let Failure { error, detail } = failure;
        Self {
            status: error.status(),
            headers: error.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: error.body(request_id, None),
            code: Some(error.code().to_owned()),
            detail: detail.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::error::Error;
    use crate::registry::{CredentialId, RevokedToken, TokenId};

    fn revocation() -> RegistryRequest {
        let client = CredentialId::parse("0123456789abcDEF").unwrap();
        let token = RevokedToken { id: TokenId::from_bytes([7; 16]), until: Timestamp::from_millis(2) };
        RegistryRequest::RevokeToken(TokenRevocation { client, token, issued_at: Timestamp::from_millis(1) })
    }

    fn rotation() -> RegistryRequest {
        RegistryRequest::Admin(AdminRequest {
            request_id: "r1".to_owned(),
            actor: "ops".to_owned(),
            operation: Operation::RotateKey,
            id: "k1".to_owned(),
            query: None,
            body: r#"{"grace_seconds":60}"#.to_owned(),
        })
    }

    #[test]
    fn a_request_crosses_as_it_is() {
        for request in [rotation(), revocation()] {
            assert_eq!(RegistryRequest::from_json(&request.to_json()), Some(request));
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let (rotate, revoke) = (rotation().to_json(), revocation().to_json());
        for (json, known, unknown) in [
            (&rotate, "rotate_key", "rotate_everything"),
            (&rotate, "Admin", "Obey"),
            (&rotate, "\"actor\"", "\"actress\""),
            (&revoke, "RevokeToken", "Admin"),
            (&revoke, "0123456789abcDEF", "0123456789abcDE_"),
            (&revoke, &"07".repeat(16), "07"),
        ] {
            assert!(json.contains(known), "{json} {known}");
            assert_eq!(RegistryRequest::from_json(&json.replace(known, unknown)), None, "{unknown}");
        }
        for json in ["", "null", "{}", r#""Admin""#, r#"{"method":"POST","path":"/oauth/revoke","body":"{}"}"#] {
            assert_eq!(RegistryRequest::from_json(json), None, "{json}");
        }
    }

    #[test]
    fn a_client_acts_under_a_name_that_no_administrator_has() {
        assert_eq!(rotation().actor(), "ops");
        assert_eq!(revocation().actor(), "client:0123456789abcDEF");
    }

    #[test]
    fn an_error_crosses_with_its_status_headers_and_code() {
        let reply = RegistryResponse::failed(&Failure::unavailable("the disk is full".to_owned()), "r1");
        assert_eq!((reply.status, reply.code.as_deref()), (503, Some("ADMIN_UNAVAILABLE")));
        assert!(reply.headers.iter().any(|(name, _)| name == "Retry-After"));
        assert!(reply.body.contains("\"r1\"") && !reply.body.contains("disk"), "the detail is for the log alone");
        assert_eq!(RegistryResponse::from_json(&reply.to_json()), Some(reply));
        assert_eq!(RegistryResponse::from_json("upstream error"), None);
    }

    #[test]
    fn every_fault_of_a_request_is_in_the_body() {
        let fields = vec![("name".to_owned(), "is required".to_owned()), ("x".to_owned(), "is odd".to_owned())];
        let reply = RegistryResponse::failed(&Error::AdminInvalidRequest { fields }.into(), "r1");
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(body["error_detail"]["details"]["fields"].as_array().unwrap().len(), 2);
    }
}
