//! The one body of an error, and what it tells of a write.

use serde_json::{Map, Value, json};

use super::{Error, Outcome, WriteFate};
use crate::enrich::Refusal;

impl Error {
    /// The body, as JSON. `fate` says what became of the write, where the request was one.
    #[must_use]
    pub fn body(&self, request_id: &str, fate: Option<&WriteFate>) -> String {
        let mut details = self.details();
        details.insert("request_id".to_owned(), request_id.into());
        let mut message = self.message();
        if let Some(fate) = fate {
            fate.describe(&mut details);
            message.push_str(fate.advice());
        }
        json!({
            "error": message,
            "error_detail": { "code": self.code(), "message": message, "details": details },
        })
        .to_string()
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        let mut add = |name: &str, value: Value| details.insert(name.to_owned(), value);
        match self {
            Self::Body(Refusal::Malformed { offset, expected }) => {
                add("offset", (*offset).into());
                add("expected", (*expected).into());
            }
            Self::Body(Refusal::Ambiguous { offset }) => {
                add("offset", (*offset).into());
            }
            Self::Body(Refusal::TooLarge { limit }) => {
                add("limit", (*limit).into());
            }
            Self::Body(
                Refusal::PrecisionRequired { item: Some(item) } | Refusal::ZeroPrecision { item: Some(item) },
            ) => {
                add("item", (*item).into());
            }
            Self::CoreUnreachable { upstream_status: Some(status) }
            | Self::CoreRedirect { upstream_status: status } => {
                add("upstream_status", (*status).into());
            }
            Self::CoreTimeout { timeout_ms } => {
                add("timeout_ms", (*timeout_ms).into());
            }
            Self::IdempotencyReplayUnavailable { status: Some(status) } => {
                add("status", (*status).into());
            }
            Self::AdminInvalidRequest { fields } => {
                let faults = fields.iter().map(|(field, fault)| json!({ "field": field, "message": fault }));
                add("fields", faults.collect());
            }
            _ => {}
        }
        details
    }
}

impl WriteFate {
    fn describe(&self, details: &mut Map<String, Value>) {
        let outcome = match self.outcome {
            Outcome::NotSent => "not_sent",
            Outcome::Unknown | Outcome::UnknownWithKey => "unknown",
            Outcome::Done => "done",
        };
        details.insert("outcome".to_owned(), outcome.into());
        if let Some(reference) = &self.reference {
            details.insert("reference".to_owned(), reference.as_str().into());
        }
        if !self.references.is_empty() {
            let references: Map<String, Value> =
                self.references.iter().map(|(item, made)| (item.to_string(), made.as_str().into())).collect();
            details.insert("references".to_owned(), references.into());
        }
    }

    /// What is safe to do next, after a write whose outcome is unknown; empty after any other.
    fn advice(&self) -> &'static str {
        match self.outcome {
            Outcome::NotSent | Outcome::Done => "",
            Outcome::UnknownWithKey => {
                ". Core may have acted: sent again with the same Idempotency-Key, it is not booked twice"
            }
            Outcome::Unknown if self.reference.is_some() || !self.references.is_empty() => {
                ". Core may have acted: look the reference up before sending it again, and send it again only with the same reference"
            }
            Outcome::Unknown => ". Core may have acted: read the record before sending it again",
        }
    }
}
