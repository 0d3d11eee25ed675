//! The one body of an error, and what it tells of a write.

use super::{Error, Outcome, WriteFate};
use crate::enrich::Refusal;
use crate::json::Writer;
use crate::json::write::list;

impl Error {
    /// The body, as JSON. `fate` says what became of the write, where the request was one.
    #[must_use]
    pub fn body(&self, request_id: &str, fate: Option<&WriteFate>) -> String {
        let mut details = Writer::new();
        self.describe(&mut details);
        details.text("request_id", request_id);
        let mut message = self.message();
        if let Some(fate) = fate {
            fate.describe(&mut details);
            message.push_str(fate.advice());
        }
        let mut detail = Writer::new();
        detail.text("code", self.code()).text("message", &message).raw("details", &details.end());
        Writer::new().text("error", &message).raw("error_detail", &detail.end()).end()
    }

    fn describe(&self, details: &mut Writer) {
        match self {
            Self::Body(Refusal::Malformed { offset, expected }) => {
                details.number("offset", *offset as u64).text("expected", expected);
            }
            Self::Body(Refusal::Ambiguous { offset }) => {
                details.number("offset", *offset as u64);
            }
            Self::Body(Refusal::TooLarge { limit }) => {
                details.number("limit", *limit as u64);
            }
            Self::Body(
                Refusal::PrecisionRequired { item: Some(item) } | Refusal::ZeroPrecision { item: Some(item) },
            ) => {
                details.number("item", *item as u64);
            }
            Self::CoreUnreachable { upstream_status: Some(status) }
            | Self::CoreRedirect { upstream_status: status } => {
                details.number("upstream_status", (*status).into());
            }
            Self::CoreTimeout { timeout_ms } => {
                details.number("timeout_ms", (*timeout_ms).into());
            }
            Self::IdempotencyReplayUnavailable { status: Some(status) } => {
                details.number("status", (*status).into());
            }
            Self::IdempotencyPartial { parts } | Self::AlreadyRefunded { parts } => parts.write(details),
            Self::ReferenceUsed { used } if !used.is_empty() => used.write("reference_used", details),
            Self::AdminInvalidRequest { fields } => {
                let faults = fields.iter().map(|(field, fault)| {
                    let mut described = Writer::new();
                    described.text("field", field).text("message", fault).end()
                });
                details.raw("fields", &list(faults));
            }
            _ => {}
        }
    }
}

impl WriteFate {
    fn describe(&self, details: &mut Writer) {
        let outcome = match self.outcome {
            Outcome::NotSent => "not_sent",
            Outcome::Unknown | Outcome::UnknownWithKey => "unknown",
            Outcome::Partial => "partial",
            Outcome::Done => "done",
        };
        details.text("outcome", outcome).some_text("reference", self.reference.as_deref());
        if !self.references.is_empty() {
            let mut references = Writer::new();
            for (item, made) in &self.references {
                references.text(&item.to_string(), made);
            }
            details.raw("references", &references.end());
        }
    }

    /// What is safe to do next, after a write whose outcome is unknown; empty after any other.
    fn advice(&self) -> &'static str {
        match self.outcome {
            Outcome::NotSent | Outcome::Partial | Outcome::Done => "",
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
