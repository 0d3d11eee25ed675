//! An answer, as it crosses from the registry to the Worker.

use super::failure::Failure;
use crate::json::write::pairs;
use crate::json::{Object, Writer};

/// Status, headers and body of an answer, and what the log says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl RegistryResponse {
    /// The answer as it crosses.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut reply = Writer::new();
        reply.number("status", self.status.into()).raw("headers", &pairs(&self.headers)).text("body", &self.body);
        reply.some_text("code", self.code.as_deref()).some_text("detail", self.detail.as_deref()).end()
    }

    /// Reads what [`RegistryResponse::to_json`] wrote.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        let reply = Object::parse(json)?;
        Some(Self {
            status: reply.number("status")?.try_into().ok()?,
            headers: reply.get("headers")?.pairs()?,
            body: reply.text("body")?,
            code: reply.maybe_text("code")?,
            detail: reply.maybe_text("detail")?,
        })
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
