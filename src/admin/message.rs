//! An answer, as it crosses from the registry to the Worker.

use serde::{Deserialize, Serialize};

use super::Failure;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What an operator needs to know more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl RegistryResponse {
    /// The answer as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers cannot fail to serialise.
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
    use crate::error::Error;

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
