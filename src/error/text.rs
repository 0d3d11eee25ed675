//! What callers read of each error.

use super::Error;

impl Error {
    /// The text for the caller. It shows nothing that the caller did not send, but for the names of settings.
    #[must_use]
    pub fn message(&self) -> String {
        let text = match self {
            // Blnk Cloud's own words.
            Self::MissingCredential => "Authorization header is required",
            Self::InvalidCredential => "The credential is not valid",
            Self::InvalidInstanceId => {
                "instance_id must be sent once, unescaped, as 1 to 64 letters, digits, underscores or hyphens"
            }
            Self::MissingInstanceId => "instance_id is required: this credential has no default instance",
            Self::InstanceNotFound => "No such instance, or this credential does not reach it",
            Self::InvalidPath => "The path or query has characters or escapes that are not allowed",
            Self::UriTooLong => "The URL is too long",
            Self::RouteNotFound => "There is no such route",
            Self::MethodNotAllowed { .. } | Self::AdminMethodNotAllowed { .. } => "The route does not take this method",
            Self::InsufficientScope { needed } => {
                return format!("The credential lacks the scope {}", needed.as_str());
            }
            Self::Body(refusal) => return refusal.to_string(),
            Self::UnsupportedEncoding => "A transaction body must be sent without a Content-Encoding",
            Self::UnsupportedMediaType => "Only POST /reconciliation/upload takes a multipart body",
            Self::BodyIncomplete => "The body ended before it was whole, or did not come in time",
            Self::Busy => {
                "The worker holds as many bodies as it may, of all or of this credential and workspace; \
                 try again in a moment"
            }
            Self::RateLimited => "This credential has sent too many requests; wait before sending more",
            Self::TooManyInFlight => "This credential has too many requests under way; wait for some to be answered",
            Self::IdempotencyNotSupported => "Idempotency-Key is not supported on uploads: send the request without it",
            Self::InvalidIdempotencyKey => {
                "Idempotency-Key must be sent once, as 1 to 255 printable ASCII characters without a comma"
            }
            Self::IdempotencyInFlight => {
                "The first request with this Idempotency-Key is under way; try again in a moment"
            }
            Self::IdempotencyMismatch => "This Idempotency-Key was used for another request: send a new key",
            Self::IdempotencyOutcomeUnknown => {
                "What became of the first request with this Idempotency-Key cannot be found out"
            }
            Self::IdempotencyReplayUnavailable { .. } => {
                "The first request with this Idempotency-Key was carried out, and its answer cannot be given again: \
                 read what it changed"
            }
            Self::IdempotencyUnavailable => {
                "The Idempotency-Key or its reference cannot be looked up at the moment; \
                 try again in a moment with the same key"
            }
            Self::IdempotencyPartial { parts } => {
                let (booked, total) = (parts.booked.count, parts.total);
                return format!(
                    "Of the first request with this Idempotency-Key {booked} of {total} parts stand at Core, and it is \
                     not sent again: details.missing names the others"
                );
            }
            Self::IdempotencyKeyNotFound => "This credential has not used this Idempotency-Key",
            Self::ReferenceUsed { .. } => "The reference is in use already: Core would have dropped this transaction",
            Self::AlreadyRefunded { .. } => {
                "The transaction has been refunded: asked for another refund, Core would take the first one back"
            }
            Self::RefundInFlight => {
                "A refund of this transaction was sent under another Idempotency-Key, and its outcome is not known yet"
            }
            Self::RegistryUnavailable => "The registry cannot be read at the moment; try again in a moment",
            Self::CoreUnreachable { .. } => "Blnk Core could not be reached",
            Self::CoreRedirect { .. } => "Blnk Core's address answered with a redirect, which is not followed",
            Self::CoreTimeout { timeout_ms } => return format!("Blnk Core did not answer within {timeout_ms} ms"),
            Self::Misconfigured { faults } => {
                return format!("The worker is not configured: {}", faults.join("; "));
            }
            Self::Internal => "An internal error occurred",
            Self::AdminInvalidRequest { .. } => "The request has faults; details.fields names each",
            Self::AdminUnauthorized => "An administrator's bearer token is required",
            Self::AdminNotFound => "There is no such record or path",
            Self::AdminConflict { reason } => return reason.clone(),
            Self::AdminUnavailable => "The registry did not answer: read the record before sending the change again",
        };
        text.to_owned()
    }
}
