//! The one body of an error, and what it tells of a write.

use super::Error;
use crate::enrich::BodyRefusal;
use crate::json::Writer;
use crate::json::write::list;
use crate::outcome::WriteOutcome;

impl Error {
    /// The body, as JSON. `outcome` is that of the write, where the request was one.
    #[must_use]
    pub fn body(&self, request_id: &str, outcome: Option<&WriteOutcome>) -> String {
        let mut details = Writer::new();
        self.describe(&mut details);
        details.text("request_id", request_id);
        let mut message = self.message();
        if let Some(outcome) = outcome {
            outcome.describe(&mut details);
            message.push_str(outcome.advice());
        }
        let mut detail = Writer::new();
        detail.text("code", self.code()).text("message", &message).raw("details", &details.end());
        Writer::new().text("error", &message).raw("error_detail", &detail.end()).end()
    }

    fn describe(&self, details: &mut Writer) {
        match self {
            Self::Body(BodyRefusal::Malformed { offset, expected }) => {
                details.number("offset", *offset as u64).text("expected", expected);
            }
            Self::Body(BodyRefusal::Ambiguous { offset }) => {
                details.number("offset", *offset as u64);
            }
            Self::Body(BodyRefusal::TooLarge { limit }) => {
                details.number("limit", *limit as u64);
            }
            Self::Body(
                BodyRefusal::PrecisionRequired { item: Some(item) } | BodyRefusal::ZeroPrecision { item: Some(item) },
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
